import signal
from threading import Event
from typing import Annotated

import typer

from txwatch.heartbeat import Heartbeat
from txwatch.settings import load_settings


def archive(
    until_drained: Annotated[
        bool,
        typer.Option("--until-drained", "--drain", help="End once everything in Kafka now is archived."),
    ] = False,
    skip_gone: Annotated[
        bool, typer.Option(help="Go on past records that Kafka has dropped before they were archived.")
    ] = False,
) -> None:
    """Archive the raw transactions to S3, until stopped."""
    import pyarrow as pa

    from txwatch.stream.archive.archiver import Archiver
    from txwatch.stream.archive.buffer import Limits
    from txwatch.stream.archive.ledger import ArchiveLedger
    from txwatch.stream.archive.store import ObjectStore
    from txwatch.stream.records import RecordSource

    pa.set_memory_pool(pa.system_memory_pool())  # gives back what catching up took: 90 MB less
    settings = load_settings()
    topic = settings.kafka_transactions_topic
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    source = RecordSource(settings.kafka_client(), topic)
    ledger = ArchiveLedger(settings.postgres("archiver"), topic)
    store = ObjectStore(settings.s3(), settings.s3_bucket, may_make=settings.s3_make_bucket)
    limits = Limits(settings.archive_max_rows, settings.archive_interval_seconds)
    heartbeat = Heartbeat(settings.state_dir, "archive")
    archiver = Archiver(source, ledger, store, limits, stop, on_step=heartbeat.beat)
    try:
        counts = archiver.run(until_drained=until_drained, skip_gone=skip_gone)
    finally:
        source.close()
        ledger.close()
    typer.echo(f"archived {counts.rows:,} records in {counts.objects:,} objects, {counts.bytes:,} bytes")
