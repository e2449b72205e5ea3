"""The chaos suite by hand: many faults, a report as JSON, the common design through the same faults.

python run.py --faults 50 --seed 7 --output docs/chaos.json
"""

import json
import os
import shutil
import tempfile
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from faults import FAULTS
from suite import is_whole, run_control, run_ours, schedule, strikes_of

from txwatch.logs import configure_logs


class Part(StrEnum):
    """Which of the two is run."""

    OURS = "ours"
    CONTROL = "control"
    BOTH = "both"


def main(
    *,
    faults: Annotated[int, typer.Option(help="How many faults; not given: each kind once.")] = len(FAULTS),
    seed: Annotated[int, typer.Option(help="Of the order of the faults, and of the load.")] = 7,
    round_size: Annotated[int, typer.Option(help="Faults between two comparisons.")] = 10,
    per_second: Annotated[int, typer.Option(help="Records sent per second.")] = 200,
    sink: Annotated[
        str, typer.Option(help="Which of the stream's sinks writes: driver, executors.")
    ] = "driver",
    minutes: Annotated[float, typer.Option(help="Begin no round of ours later than this.")] = float("inf"),
    control: Annotated[
        int | None, typer.Option(help="So many of the same faults on the common design; not given: all.")
    ] = None,
    part: Annotated[Part, typer.Option(help="Run only this and keep the rest of the report.")] = Part.BOTH,
    output: Annotated[Path, typer.Option(help="The report.")] = Path("chaos.json"),
) -> None:
    """Break the pipeline as a seed says, and tell whether anything was lost or doubled."""
    configure_logs("info")
    folder = Path(tempfile.mkdtemp(prefix="txwatch-chaos-"))
    folder.chmod(0o755)  # Postgres may run as another user
    drawn = schedule(seed, faults, longest=float("inf"))
    report = json.loads(output.read_text()) if output.exists() and part is not Part.BOTH else {}
    report |= {"seed": seed, "kinds": [fault.name for fault in FAULTS], "processors": os.cpu_count()}

    def keep(name: str, outcome: dict[str, Any]) -> None:
        report[name] = outcome
        output.write_text(json.dumps(report, indent=1) + "\n")

    if part is not Part.CONTROL:
        limits: dict[str, Any] = {
            "round_size": round_size,
            "per_second": per_second,
            "sink": sink,
            "seconds": minutes * 60,
        }
        ours = run_ours(folder, seed, drawn, keep=partial(keep, "ours"), **limits)
        if not is_whole(ours):
            typer.echo(f"something is not as it has to be: the logs are in {folder}", err=True)
            raise typer.Exit(1)
        typer.echo(
            f"{len(strikes_of(ours))} of {faults} faults struck; left out: {ours['skipped'] or 'none'}"
        )
    if part is not Part.OURS:
        keep("control", run_control(folder, seed, drawn[:control], per_second))
        if not any(report["control"]["miscount"][name] for name in ("lost", "doubled")):
            typer.echo(f"the control miscounts nothing, so nothing is proved: see {folder}", err=True)
            raise typer.Exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
