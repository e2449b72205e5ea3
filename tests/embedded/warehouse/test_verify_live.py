"""Verify on a pipeline at work: what has arrived since it began is nobody's fault, what is stuck is."""

from typing import Any

import pytest
from known_books import keep_books

from oracle.feed import event, send
from txwatch.settings import Settings
from txwatch.warehouse.verify import at_work
from txwatch.warehouse.verify.balance import balance
from txwatch.warehouse.verify.inputs import Inputs
from txwatch.warehouse.verify.reading import read_inputs


def faults(inputs: Inputs) -> set[str]:
    return {check.name for check in balance(inputs) if not check.ok}


def test_records_that_arrive_meanwhile_are_left_out_and_stuck_ones_are_named(
    pipeline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_books(pipeline)
    reads = at_work.read_warehouse

    def read_while_one_more_arrives(*arguments: Any) -> Any:
        send(pipeline, [event(900)])
        return reads(*arguments)

    monkeypatch.setattr(at_work, "read_warehouse", read_while_one_more_arrives)
    assert faults(at_work.read_inputs_at_work(pipeline)) == set()
    behind = {"Kafka's end = the ledger's", "Kafka's end = the archive's"}
    assert faults(read_inputs(pipeline)) == behind
    monkeypatch.setattr(at_work, "PATIENCE_SECONDS", 1.0)
    assert faults(at_work.read_inputs_at_work(pipeline)) == behind
