"""Draining a backlog: every system on the same records, in turns.

Each system is a process of its own and is warmed up first, because the JIT halves the processor time per row
within the first minute. A drain counts from its first commit to its last, so that starting a query counts for
nobody. Processor time is told apart by process: client (JVM and Python), Postgres, broker.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from metering import Meter
from servers import Servers

_STILL = 0.05
"""The processor time per row stands still when it differs from the drain before by less than this."""

Prepare = Callable[[str], None]
"""Makes the empty (or not so empty) warehouse of a name."""


@dataclass(frozen=True)
class Drain:
    """One drain's figures."""

    system: str
    rows: int
    seconds: float
    rows_per_second: float
    cpu_us_per_row: dict[str, float]
    """By process, and `total`."""
    wal_bytes_per_row: float
    rss_mib: float
    """The client's, at its largest; Postgres and the broker not counted."""
    load_average: float
    """Of the last minute, at the end."""
    at: str
    """When it ended, UTC."""


@dataclass(frozen=True)
class _Moment:
    """A commit, as it is seen from outside."""

    at: float
    rows: int
    cpu: dict[str, float]
    wal: int
    rss: float


class Worker:
    """A system's process."""

    def __init__(self, name: str, servers: Servers, checkpoint: str = "local", mode: str = "") -> None:
        self.name = name
        self.database = f"bench_{name}"
        self.servers = servers
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("systems.py")), name, *([mode] if mode else [])],
            env=servers.environment(stream_checkpoint=checkpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pids = servers.pids()
        self.meter = Meter(
            {"client": self.process.pid, "postgres": pids["postgres"], "broker": pids["kafka"]}
        )
        self.answer()

    def drain(self, expected_rows: int, prepare: Prepare | None = None, facts_before: int = 0) -> Drain:
        """Drain the topic into a fresh warehouse and check that every row arrived."""
        database = self.database
        (prepare or self.servers.new_database)(database)
        moments = []
        with closing(self.servers.wal()) as wal:
            self.tell(database)
            while "rows" in (answer := self.answer()):
                moments.append(
                    _Moment(
                        time.monotonic(),
                        answer["rows"],
                        self.meter.cpu_seconds(),
                        wal.position(),
                        self.meter.resident_mib("client"),
                    )
                )
        arrived = self.servers.facts(database) - facts_before
        assert arrived == expected_rows, f"{self.name}: {arrived} facts of {expected_rows} records"
        first = moments[0].rows if moments[0].rows >= 0 else self.servers.facts(database, batch=0)
        self.servers.drop_database(database)
        return _figures(self.name, moments, expected_rows - first)

    def tell(self, line: str) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """Wait for an answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.name} has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def _figures(system: str, moments: list[_Moment], rows: int) -> Drain:
    begun, ended = moments[0], moments[-1]
    assert rows > 0, f"{system}: one batch is too little to measure; more rows, or fewer per batch"
    seconds = ended.at - begun.at
    cpu = {name: round((ended.cpu[name] - begun.cpu[name]) / rows * 1e6, 2) for name in begun.cpu}
    return Drain(
        system,
        rows,
        round(seconds, 2),
        round(rows / seconds, 1),
        cpu | {"total": round(sum(cpu.values()), 2)},
        round((ended.wal - begun.wal) / rows, 1),
        round(max(moment.rss for moment in moments)),
        round(psutil.getloadavg()[0], 2),
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def warm_up(worker: Worker, rows: int, seconds: float, least_rows: int = 0) -> int:
    """Drain for so long, and for so many rows or until processor time per row stands still.

    Returns:
        The number of rows drained; 0 where `seconds` is 0: no warm-up is wanted.
    """
    begun, drained, previous = time.monotonic(), 0, float("inf")
    while seconds:
        now = worker.drain(rows).cpu_us_per_row["total"]
        drained += rows
        stands_still = abs(previous - now) < _STILL * now
        if time.monotonic() - begun >= seconds and (drained >= least_rows or stands_still):
            break
        previous = now
    return drained


def in_turns(workers: Iterable[Worker], rows: int, rounds: int) -> list[dict[str, Any]]:
    """Measure A B C A B C; each drain knows its round, within which systems are compared."""
    return [asdict(worker.drain(rows)) | {"round": number} for number in range(rounds) for worker in workers]
