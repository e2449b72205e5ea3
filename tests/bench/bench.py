"""The bench: figures of docs/performance.md, measured on servers of its own.

    python tests/bench/bench.py drain --rows 3000000 --rounds 3 --warmup-seconds 60 --output RESULT.json
    python tests/bench/bench.py latency --rate 1000 --seconds 300 --checkpoint s3 --output RESULT.json
    python tests/bench/bench.py flatness --facts 0 --facts 1000000 --facts 10000000 --output RESULT.json
    python tests/bench/bench.py generator --rows 1000000 --output RESULT.json

Each command writes one JSON document; `python tests/bench/report.py` makes the page of all that are kept.
"""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from drain import Worker, in_turns, warm_up
from latency import Trial, measure
from results import write
from servers import running_servers
from systems import NAMES

from txwatch.logs import configure_logs

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

RowsOption = Annotated[int, typer.Option(help="Records in the topic.")]
RoundsOption = Annotated[int, typer.Option(help="Measured turns of each system.")]
BatchOption = Annotated[int, typer.Option(help="Most rows per micro-batch.")]
WarmupOption = Annotated[float, typer.Option(help="Least warm-up of each system, seconds; 0: none.")]
CheckpointOption = Annotated[str, typer.Option(help="s3 or local, for all.")]
OutputOption = Annotated[Path | None, typer.Option(help="Write the JSON document here too.")]
EventRateOption = Annotated[
    float, typer.Option(help="Records per second of event time: a backlog at the rate at which it arose.")
]
SystemOption = Annotated[list[str] | None, typer.Option(help=f"{', '.join(NAMES)}; may be repeated.")]


@app.command()
def drain(
    *,
    rows: RowsOption = 3_000_000,
    rounds: RoundsOption = 3,
    warmup_seconds: WarmupOption = 60.0,
    warmup_rows: Annotated[
        int, typer.Option(help="Rows after which CPU per row may still fall.")
    ] = 5_000_000,
    batch_rows: BatchOption = 50_000,
    event_rate: EventRateOption = 1000.0,
    checkpoint: CheckpointOption = "local",
    system: SystemOption = None,
    output: OutputOption = None,
) -> None:
    """Drain the same backlog with every system, in turns."""
    names = _known(system or list(NAMES))
    with ExitStack() as stack:
        servers = stack.enter_context(_servers(stream_max_batch_rows=batch_rows))
        servers.fill_topic(rows, event_rate)
        workers = []
        warmed = {}
        for name in names:
            workers.append(Worker(name, servers, checkpoint))
            stack.callback(workers[-1].close)
            warmed[name] = warm_up(workers[-1], rows, warmup_seconds, warmup_rows)
        drains = in_turns(workers, rows, rounds)
    parameters = {
        "rows": rows,
        "rounds": rounds,
        "batch_rows": batch_rows,
        "event_rate": event_rate,
        "checkpoint": checkpoint,
    }
    write("drain", parameters | {"warmup_rows": warmed}, drains, output)


@app.command()
def latency(
    *,
    rate: Annotated[list[float], typer.Option(help="Records per second; may be repeated.")],
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 300.0,
    warmup_seconds: Annotated[float, typer.Option(help="How long to run before that.")] = 60.0,
    checkpoint: Annotated[list[str] | None, typer.Option(help="s3, local; may be repeated.")] = None,
    system: SystemOption = None,
    output: OutputOption = None,
) -> None:
    """Measure from the moment a record is due to its commit; each trial on fresh servers."""
    trials = [
        Trial(name, place, each, warmup_seconds, seconds)
        for each in rate
        for place in checkpoint or ["s3"]
        for name in _known(system or ["ours", "b2"])
    ]
    results = []
    for trial in trials:
        with _servers() as servers:
            results.append(measure(servers, trial) | {"load_average": round(psutil.getloadavg()[0], 2)})
    write("latency", {"rates": rate, "seconds": seconds}, results, output)


@app.command()
def flatness(
    *,
    facts: Annotated[list[int], typer.Option(help="Facts that are there already; may be repeated.")],
    rows: RowsOption = 500_000,
    rounds: RoundsOption = 3,
    batch_rows: BatchOption = 50_000,
    event_rate: EventRateOption = 1000.0,
    warmup_seconds: WarmupOption = 60.0,
    system: SystemOption = None,
    output: OutputOption = None,
) -> None:
    """Drain into warehouses that hold more and more already."""
    results = []
    with ExitStack() as stack:
        servers = stack.enter_context(_servers(stream_max_batch_rows=batch_rows))
        servers.fill_topic(rows, event_rate)
        for name in _known(system or ["ours"]):
            worker = Worker(name, servers)
            stack.callback(worker.close)
            warm_up(worker, rows, warmup_seconds)
            for number in range(rounds):
                for there in facts:
                    measured = worker.drain(
                        rows, lambda database, there=there: servers.fill(database, there), there
                    )
                    results.append(asdict(measured) | {"round": number, "facts_before": there})
    write("flatness", {"rows": rows, "rounds": rounds, "event_rate": event_rate}, results, output)


@app.command()
def generator(rows: RowsOption = 1_000_000, rounds: RoundsOption = 3, output: OutputOption = None) -> None:
    """Send as fast as it goes: the generator, a naive loop, and the client alone."""
    results = []
    with _servers() as servers:
        for number in range(rounds):
            for name in ("ours", "naive", "raw"):
                command = [sys.executable, str(Path(__file__).with_name("producing.py")), name, str(rows)]
                told = subprocess.run(
                    command, env=servers.environment(), stdout=subprocess.PIPE, check=True, text=True
                )
                results.append(json.loads(told.stdout.splitlines()[-1]) | {"system": name, "round": number})
    write("generator", {"rows": rows, "rounds": rounds}, results, output)


@app.command(name="all")
def everything(
    results: Annotated[Path, typer.Option(help="Folder of result files.")] = Path("docs/performance"),
) -> None:
    """Measure all of it at full size, each part with a result file of its own."""
    today = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    def named(part: str) -> Path:
        return results / f"{part}-{today}.json"

    drain(checkpoint="s3", output=named("drain"))
    latency(rate=[1000.0], checkpoint=["s3", "local"], output=named("latency"))
    latency(rate=[2000.0], seconds=1800.0, system=["ours"], output=named("latency-soak"))
    flatness(facts=[0, 1_000_000, 10_000_000], output=named("flatness"))
    generator(output=named("generator"))
    for script in ("bad_input", "dbt_incremental", "postgres_profile"):
        command = [sys.executable, str(Path(__file__).with_name(f"{script}.py"))]
        subprocess.run([*command, "--output", str(named(script))], check=True)


def _known(names: list[str]) -> list[str]:
    if unknown := sorted(set(names) - set(NAMES)):
        raise typer.BadParameter(f"{unknown[0]} is no system; there are {', '.join(NAMES)}")
    return names


def _servers(**settings: object) -> Any:
    configure_logs("warning")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and workers end with this process
    return running_servers(**settings)


if __name__ == "__main__":
    app()
