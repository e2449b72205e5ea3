"""Draining a backlog: this repository against the common design, on the same records, in turns.

    python tests/bench/drain.py --rows 500000 --rounds 3 --warmup-seconds 60

Each system is a process of its own and is warmed up first, because the JIT halves the processor time per row
within the first minute. A drain counts from its first commit to its last, so that starting a query counts for
neither. Processor time is told apart by process: Spark (JVM and Python), Postgres, broker.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import psutil
import typer
from metering import Meter
from rich.console import Console
from rich.table import Table
from servers import Servers, running_servers

from txwatch.logs import configure_logs

NAMES = ("ours", "common")
_STILL = 0.05
"""The processor time per row stands still when it differs from the drain before by less than this."""


@dataclass(frozen=True)
class Drain:
    """One drain's figures."""

    system: str
    rows: int
    seconds: float
    rows_per_second: float
    cpu_us_per_row: dict[str, float]
    """By process, and `total`."""


class Worker:
    """A system's process."""

    def __init__(self, name: str, servers: Servers, checkpoint: str) -> None:
        self.name = name
        self._servers = servers
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("systems.py")), name],
            env=servers.environment(stream_checkpoint=checkpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pids = servers.pids()
        roots = {"spark": self._process.pid, "postgres": pids["postgres"], "broker": pids["kafka"]}
        self._meter = Meter(roots)
        self._answer()

    def drain(self, expected_rows: int) -> Drain:
        """Drain the topic into an empty warehouse and check that every row arrived."""
        database = f"bench_{self.name}"
        self._servers.new_database(database)
        self._send(database)
        moments = []
        while "rows" in (answer := self._answer()):
            moments.append((time.monotonic(), answer["rows"], self._meter.cpu_seconds()))
        assert self._servers.facts(database) == expected_rows, f"{self.name} lost or doubled rows"
        return _figures(self.name, moments)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self.name} has ended"
        answer: dict[str, int] = json.loads(line)
        return answer


def _figures(system: str, moments: list[tuple[float, int, dict[str, float]]]) -> Drain:
    (begun, _, before), (ended, _, after) = moments[0], moments[-1]
    rows, seconds = sum(rows for _, rows, _ in moments[1:]), ended - begun
    cpu = {name: round((after[name] - before[name]) / rows * 1e6, 2) for name in before}
    return Drain(
        system,
        rows,
        round(seconds, 2),
        round(rows / seconds, 1),
        cpu | {"total": round(sum(cpu.values()), 2)},
    )


def _warm_up(worker: Worker, rows: int, seconds: float) -> int:
    """Drain until the time is over, or processor time per row stands still; return the number of drains."""
    begun, drains, previous = time.monotonic(), 0, float("inf")
    while time.monotonic() - begun < seconds:
        now = worker.drain(rows).cpu_us_per_row["total"]
        drains += 1
        if abs(previous - now) < _STILL * now and drains > 2:
            break
        previous = now
    return drains


def _report(drains: list[Drain]) -> Table:
    table = Table("", "rows/s", "CPU us/row", "Spark", "Postgres", "broker", title="median of all rounds")
    for name in NAMES:
        own = [drain for drain in drains if drain.system == name]
        parts = [
            median(drain.cpu_us_per_row[part] for drain in own)
            for part in ("total", "spark", "postgres", "broker")
        ]
        table.add_row(
            name, f"{median(d.rows_per_second for d in own):,.0f}", *(f"{part:.1f}" for part in parts)
        )
    return table


def _ratios(drains: list[Drain]) -> dict[str, float]:
    """How many times better ours is, per round, as the median of the rounds."""
    ours, common = ([drain for drain in drains if drain.system == name] for name in NAMES)
    pairs = list(zip(ours, common, strict=True))
    return {
        "rows_per_second": round(median(a.rows_per_second / b.rows_per_second for a, b in pairs), 2),
        "cpu_per_row": round(
            median(b.cpu_us_per_row["total"] / a.cpu_us_per_row["total"] for a, b in pairs), 2
        ),
    }


def main(
    rows: Annotated[int, typer.Option(help="Records in the topic.")] = 100_000,
    rounds: Annotated[int, typer.Option(help="Measured drains of each system.")] = 3,
    warmup_seconds: Annotated[float, typer.Option(help="Longest warm-up of each system.")] = 0.0,
    checkpoint: Annotated[str, typer.Option(help="s3 or local, for both.")] = "local",
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here too.")] = None,
) -> None:
    """Measure both systems in turns."""
    configure_logs("warning")
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers())
        assert servers.generate("--count", str(rows), "--rate", "0").wait() == 0
        workers = [Worker(name, servers, checkpoint) for name in NAMES]
        for worker in workers:
            stack.callback(worker.close)
        warmups = {worker.name: _warm_up(worker, rows, warmup_seconds) for worker in workers}
        drains = [worker.drain(rows) for _ in range(rounds) for worker in workers]
    document = {
        "rows": rows,
        "checkpoint": checkpoint,
        "processors": psutil.cpu_count(),
        "load_average": psutil.getloadavg(),
        "warmup_drains": warmups,
        "drains": [asdict(drain) for drain in drains],
        "ours_is_better_by": _ratios(drains),
    }
    text = json.dumps(document, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n")
    Console(stderr=True).print(_report(drains))


if __name__ == "__main__":
    typer.run(main)
