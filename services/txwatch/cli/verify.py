import json as json_format
from typing import Annotated

import typer
from rich.console import Console

from txwatch.settings import load_settings


def verify(
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    archive: Annotated[bool, typer.Option(help="Read the raw archive too.")] = True,
    live: Annotated[
        bool, typer.Option("--live", help="Of a pipeline at work: judge what Kafka held at the start.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the result in ops.reconciliation, for the console.")
    ] = False,
) -> None:
    """Balance Kafka, archive, warehouse, marts and labels against each other; exit 1 when anything differs.

    Marts that are behind the facts are said to be, and differ from nothing.
    """
    import pyarrow as pa

    from txwatch.warehouse.verify.at_work import read_inputs_at_work
    from txwatch.warehouse.verify.balance import balance
    from txwatch.warehouse.verify.reading import read_inputs
    from txwatch.warehouse.verify.record import record as keep
    from txwatch.warehouse.verify.report import as_json, as_table

    pa.set_memory_pool(pa.system_memory_pool())  # gives back at once what each step took
    settings = load_settings()
    read = read_inputs_at_work if live else read_inputs
    checks = balance(read(settings, with_archive=archive))
    run_id = keep(settings.postgres("reconciler"), checks) if record else None
    if json:
        typer.echo(json_format.dumps({"run_id": run_id and str(run_id)} | as_json(checks), indent=2))
    else:
        Console().print(as_table(checks), highlight=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
