"""`txwatch maintain`: housekeeping that is safe at any time and may be repeated."""

from contextlib import closing
from typing import Annotated

import typer

from txwatch.settings import Settings, load_settings

READERS_HOURS = 6.0
"""How long a merged object's parts stay: no verify takes so long."""

maintain = typer.Typer(no_args_is_help=True, help="Housekeeping: safe at any time, may be repeated.")


@maintain.command()
def archive(
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="HOURS", help="Leave younger objects alone.")
    ] = None,
    readers: Annotated[
        float, typer.Option(min=0, metavar="HOURS", help="Keep what was merged into another object so long.")
    ] = READERS_HOURS,
) -> None:
    """Merge small objects of the raw archive; `txwatch verify` balances before, during and after."""
    from txwatch.stream.archive.compaction import Compactor
    from txwatch.stream.archive.compaction_ledger import CompactionLedger
    from txwatch.stream.archive.store import ObjectStore

    settings = load_settings(maintenance_compact_after_hours=older_than)
    store = ObjectStore(settings.s3(), settings.s3_bucket, may_make=False)
    ledger = CompactionLedger(settings.postgres("operator"), settings.kafka_transactions_topic)
    compactor = Compactor(ledger, store, settings.archive_max_rows)
    counts = compactor.run(settings.maintenance_compact_after_hours, readers)
    typer.echo(
        f"merged {counts.merged:,} objects into {counts.into:,}, removed {counts.removed:,} merged before, "
        f"left {counts.left_alone:,} groups with a lost or damaged object alone"
    )


@maintain.command()
def checkpoints() -> None:
    """Remove what earlier starts of the stream left of their checkpoints, on S3 and here."""
    from txwatch.stream.checkpoint_cleaning import remove_from_bucket, remove_from_disk

    settings = load_settings()
    current = _current_epochs(settings)
    objects = remove_from_bucket(settings, current)
    folders = remove_from_disk(settings.state_dir, current)
    typer.echo(f"removed {objects:,} objects from S3, {folders:,} folders here")


@maintain.command()
def statistics() -> None:
    """Refresh the planner's statistics and free dead rows, of the stream's tables and of dbt's."""
    from txwatch.warehouse.statistics import refresh_statistics

    settings = load_settings()
    tables = refresh_statistics(settings.postgres("operator"), ["core", "ops"])
    # Each role tends its own: nobody else may touch what dbt makes.
    tables += refresh_statistics(settings.postgres("transformer"), ["staging", "marts", "history"])
    typer.echo(f"analyzed {tables:,} tables")


def _current_epochs(settings: Settings) -> dict[str, int]:
    from txwatch.postgres import connect

    with closing(connect(settings.postgres("operator"))) as connection, connection.cursor() as cursor:
        cursor.execute("select query, epoch from ops.stream_query")
        return dict(cursor.fetchall())
