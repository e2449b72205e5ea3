"""The chaos suite by hand: many faults, a report as JSON, the common design through the same faults.

python run.py --faults 50 --seed 7 --output docs/chaos.json
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from faults import FAULTS
from suite import is_whole, run_control, run_ours, schedule, stopwatch

from txwatch.logs import configure_logs


def main(
    *,
    faults: Annotated[int, typer.Option(help="How many faults.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the order of the faults, and of the load.")] = 7,
    round_size: Annotated[int, typer.Option(help="Faults between two comparisons.")] = 10,
    per_second: Annotated[int, typer.Option(help="Records sent per second.")] = 200,
    control: Annotated[
        int | None, typer.Option(help="So many of the same faults on the common design; not given: all.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the report here.")] = None,
) -> None:
    """Break the pipeline as a seed says, and tell whether anything was lost or doubled."""
    configure_logs("info")
    folder = Path(tempfile.mkdtemp(prefix="txwatch-chaos-"))
    folder.chmod(0o755)  # Postgres may run as another user
    drawn = schedule(seed, faults, longest=float("inf"))
    elapsed = stopwatch()
    report = {
        "seed": seed,
        "faults": faults,
        "kinds": len(FAULTS),
        "processors": os.cpu_count(),
        "ours": run_ours(folder, seed, drawn, round_size, per_second),
        "control": run_control(folder, seed, drawn[:control], per_second),
    }
    report["seconds"] = elapsed()
    text = json.dumps(report, indent=1)
    print(text)
    if output is not None:
        output.write_text(text + "\n")
    if not is_whole(report["ours"]):
        typer.echo(f"something differs: the logs are in {folder}", err=True)
        raise typer.Exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
