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

    from txwatch.warehouse.verify.balance import balance
    from txwatch.warehouse.verify.reading import read_inputs
    from txwatch.warehouse.verify.report import as_json, as_table

    pa.set_memory_pool(pa.system_memory_pool())  # gives back at once what each step took
    checks = balance(read_inputs(load_settings(), with_archive=archive))
    if json:
        typer.echo(json_format.dumps(as_json(checks), indent=2))
    else:
        Console().print(as_table(checks), highlight=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
