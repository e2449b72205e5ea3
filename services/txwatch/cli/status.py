"""`txwatch status`: what runs here, and how the stream is doing."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from txwatch.errors import SettingError, UnavailableError
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.embedded.state import ProcessRecord
    from txwatch.warehouse.pipeline_status import PipelineStatus


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
    with_processes: Annotated[
        bool, typer.Option("--processes/--no-processes", help="Show what `txwatch up` runs, too.")
    ] = True,
) -> None:
    """Show the processes that run here, and the stream's lag, rate, alerts, quarantine and archive."""
    settings = load_settings()
    processes = _running(settings) if with_processes else {}
    pipeline = read_status(settings)
    if as_json:
        typer.echo(json.dumps(_document(processes, pipeline), indent=2, default=str))
        return
    console = Console(markup=False)
    if with_processes:
        console.print(_process_table(processes) if processes else "nothing runs here: `txwatch up` starts it")
    console.print(pipeline if isinstance(pipeline, str) else pipeline_table(pipeline), highlight=False)


def read_status(settings: Settings) -> "PipelineStatus | str":
    """Return the stream's status, or the sentence that says why there is none."""
    from txwatch.warehouse.pipeline_reading import PipelineReader
    from txwatch.warehouse.pipeline_status import assess

    try:
        with PipelineReader(settings) as reader:
            return assess(reader.read())
    except (SettingError, UnavailableError) as error:
        return str(error)


def pipeline_table(pipeline: "PipelineStatus") -> Table:
    """Lay the stream's status out for people."""
    since = pipeline.seconds_since_commit
    table = Table("stream", "", show_header=False)
    table.add_row("produced", f"{pipeline.produced:,}")
    table.add_row("facts", f"{pipeline.facts:,}")
    table.add_row("alerts", f"{pipeline.alerts:,}")
    table.add_row("quarantined", f"{pipeline.quarantined:,} ({pipeline.held:,} held)")
    table.add_row("duplicates", f"{pipeline.duplicates:,}")
    table.add_row("rows/s", f"{pipeline.rows_per_second:,.0f}")
    table.add_row("append to commit", _latency(pipeline))
    table.add_row("last commit", "none yet" if since is None else f"{since:.1f} s ago")
    table.add_row("lag", _per_partition(pipeline.lag))
    table.add_row("archive lag", _per_partition(pipeline.archive_lag))
    table.add_row("label lag", _per_partition(pipeline.label_lag))
    return table


def _latency(pipeline: "PipelineStatus") -> str:
    if pipeline.latency_p50_ms is None or pipeline.latency_p95_ms is None:
        return "unknown yet"
    return f"p50 {pipeline.latency_p50_ms:,.0f} ms, p95 {pipeline.latency_p95_ms:,.0f} ms"


def _per_partition(lag: dict[int, int]) -> str:
    each = ", ".join(f"{partition}: {records:,}" for partition, records in lag.items())
    return f"{sum(lag.values()):,} ({each})"


def _running(settings: Settings) -> "dict[str, ProcessRecord]":
    from txwatch.embedded.supervisor import Supervisor

    return Supervisor(settings.state_dir).running()


def _process_table(processes: "dict[str, ProcessRecord]") -> Table:
    from txwatch.embedded.processes import memory_bytes

    table = Table("process", "pid", "address", "memory", Column("log", overflow="fold"))
    total = 0
    for name, record in processes.items():
        memory = memory_bytes(record)
        total += memory
        address = f"127.0.0.1:{record.port}" if record.port else ""
        table.add_row(name, str(record.pid), address, _mebibytes(memory), str(record.log))
    table.add_row("all", "", "", _mebibytes(total), "")
    return table


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _document(processes: "dict[str, ProcessRecord]", pipeline: "PipelineStatus | str") -> dict[str, object]:
    return {
        "processes": {name: _process(record) for name, record in processes.items()},
        "stream": {"unavailable": pipeline} if isinstance(pipeline, str) else pipeline.as_json(),
    }


def _process(record: "ProcessRecord") -> dict[str, object]:
    from txwatch.embedded.processes import memory_bytes

    return {
        "pid": record.pid,
        "port": record.port,
        "memory_bytes": memory_bytes(record),
        "log": str(record.log),
    }
