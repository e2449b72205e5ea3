"""`txwatch labels`: what became known of transactions, entered into the warehouse as it comes."""

import json
import signal
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.heartbeat import Heartbeat
from txwatch.settings import load_settings

if TYPE_CHECKING:
    from txwatch.stream.labels.ledger import LabelTotals


def labels(
    until_drained: Annotated[
        bool, typer.Option("--until-drained", "--drain", help="End once everything in Kafka now is entered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per batch, for programs.")] = False,
) -> None:
    """Enter fraud labels into core.fact_chargeback, each once, until stopped."""
    import pyarrow as pa

    from txwatch.stream.labels.keeper import LabelKeeper
    from txwatch.stream.labels.ledger import LabelLedger
    from txwatch.stream.records import RecordSource

    pa.set_memory_pool(pa.system_memory_pool())  # gives back what catching up took
    settings = load_settings()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    source = RecordSource(settings.kafka_client(), settings.kafka_labels_topic)
    ledger = LabelLedger(settings.postgres("label_writer"))
    keeper = LabelKeeper(source, ledger, stop, on_step=Heartbeat(settings.state_dir, "labels").beat)
    if as_json:
        keeper.on_commit = _print_line
    try:
        totals = keeper.run(until_drained=until_drained)
    finally:
        source.close()
        ledger.close()
    if not as_json:
        typer.echo(sentence(totals))


def _print_line(totals: "LabelTotals") -> None:
    typer.echo(json.dumps(vars(totals)))


def sentence(totals: "LabelTotals") -> str:
    """Say for people what was entered."""
    return (
        f"entered {totals.rows_in:,} labels: {totals.first_labels:,} first, "
        f"{totals.corrections:,} corrected, "
        f"{totals.outdated:,} outdated, {totals.duplicates:,} duplicates, {totals.quarantined:,} quarantined"
    )
