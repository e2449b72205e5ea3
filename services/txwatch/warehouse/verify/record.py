"""Keeps what a verification found, in ops.reconciliation."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extras import execute_values

from txwatch.errors import TxwatchError
from txwatch.postgres import connect
from txwatch.warehouse.verify.check import Check
from txwatch.warehouse.verify.findings import NAMED_FINDINGS

_INSERT = """
insert into ops.reconciliation (
    run_id, ran_at, position, check_name, expected, actual, ok, findings, way_out, note
) values %s
"""


def record(options: Mapping[str, Any], checks: Sequence[Check]) -> UUID:
    """Add one run with all its checks and return its id.

    Args:
        options: `psycopg2.connect` arguments for the role `reconciler`.
        checks: the balance sheet, in its order.

    Raises:
        UnavailableError: Postgres does not answer.
        TxwatchError: it refuses, for the schema is not there.
    """
    run_id, ran_at = uuid4(), datetime.now(UTC)
    rows = [(str(run_id), ran_at, position, *_columns(check)) for position, check in enumerate(checks, 1)]
    try:
        with closing(connect(options)) as connection, connection, connection.cursor() as cursor:
            execute_values(cursor, _INSERT, rows)
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise TxwatchError(f"the result could not be recorded ({reason}): run `txwatch up`") from error
    return run_id


def _columns(check: Check) -> tuple[Any, ...]:
    way_out = "" if check.ok else check.way_out
    return (check.name, check.expected, check.actual, check.ok, _named(check.findings), way_out, check.note)


def _named(findings: Sequence[str]) -> list[str]:
    unnamed = len(findings) - NAMED_FINDINGS
    return [*findings[:NAMED_FINDINGS], *([f"and {unnamed} more"] if unnamed > 0 else [])]
