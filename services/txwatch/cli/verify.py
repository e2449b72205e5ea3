import json as json_format
from typing import Annotated

import typer
from rich.console import Console

from txwatch.settings import load_settings


def verify(
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    archive: Annotated[bool, typer.Option(help="Read the raw archive too.")] = True,
) -> None:
    """Balance Kafka, warehouse and archive against each other; exit 1 when anything differs."""
    import pyarrow as pa

    from txwatch.warehouse.verify.archive import Bucket, read_archive
    from txwatch.warehouse.verify.balance import balance
    from txwatch.warehouse.verify.inputs import Inputs
    from txwatch.warehouse.verify.kafka import read_bounds
    from txwatch.warehouse.verify.postgres import read_warehouse
    from txwatch.warehouse.verify.report import as_json, as_table

    pa.set_memory_pool(pa.system_memory_pool())  # gives back at once what each step took
    settings = load_settings()
    topic = settings.kafka_transactions_topic
    # Kafka last: a pipeline that is at work may seem behind, but never ahead.
    held = read_warehouse(settings.postgres("analyst"), topic)
    archived = read_archive(Bucket(settings.s3(), settings.s3_bucket), held.plan) if archive else None
    checks = balance(
        Inputs(read_bounds(settings.kafka_client(), topic), held.ledger, held.warehouse, archived)
    )
    if json:
        typer.echo(json_format.dumps(as_json(checks), indent=2))
    else:
        Console().print(as_table(checks), highlight=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
