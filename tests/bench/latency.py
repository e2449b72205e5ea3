"""Latency from the moment a record was due until its commit, at a fixed rate, and the memory that it takes.

Each fact counts. The commit of a batch is, for txwatch, the clock reading just before COMMIT that the ledger
keeps; for the others the moment when the JDBC writer has returned.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
from drain import Worker
from load import Load, made_up
from metering import Meter
from servers import Servers

_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
_DEADLINE_SECONDS = 300.0
_DATABASE = "bench_latency"


@dataclass(frozen=True)
class Trial:
    """How hard and how long."""

    system: str
    checkpoint: str
    rate: float
    warmup_seconds: float
    seconds: float


class _Follower:
    """A system that follows the topic, and the commits that it tells of."""

    def __init__(self, trial: Trial, servers: Servers) -> None:
        self._worker = Worker(trial.system, servers, trial.checkpoint, "--follow")
        self.pid = self._worker.process.pid
        self.commits_ms: dict[int, float] = {}
        servers.new_database(_DATABASE)
        self._worker.tell(_DATABASE)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        while "rows" in (told := self._worker.answer()):
            self.commits_ms[told["batch"]] = told["at_ms"]

    def close(self) -> None:
        self._worker.close()


def measure(servers: Servers, trial: Trial) -> dict[str, Any]:
    """Run one trial on servers whose topic is empty."""
    total = int(trial.rate * (trial.warmup_seconds + trial.seconds))
    load = Load(servers, made_up(servers, total), trial.rate)
    with closing(_Follower(trial, servers)) as follower:
        meter = Meter({"client": follower.pid, **servers.pids()})
        load.start()
        _watch(meter, trial.warmup_seconds)
        cpu = meter.cpu_seconds()
        memory = _watch(meter, trial.seconds * 0.95)
        cpu = {name: after - cpu[name] for name, after in meter.cpu_seconds().items()}
        load.join()
        _until(lambda: servers.facts(_DATABASE) == total)
        waited = _waited_ms(servers, follower.commits_ms, load.began_ms + trial.warmup_seconds * 1000)
    servers.drop_database(_DATABASE)
    return _document(trial, load, waited, cpu, memory)


def _waited_ms(servers: Servers, commits_ms: dict[int, float], since_ms: float) -> npt.NDArray[np.float64]:
    """Milliseconds from when each fact was due to its commit, for those due since a moment."""
    ledger = servers.rows(
        _DATABASE, "select ledger_seq, extract(epoch from committed_at)::float8 * 1000 from ops.stream_ledger"
    )
    commits = dict(ledger) if ledger else commits_ms
    facts = servers.rows(
        _DATABASE,
        "select ledger_seq, array_agg(extract(epoch from occurred_at)::float8 * 1000) "
        "from core.fact_transaction group by 1",
    )
    waited = [commits[batch] - np.array(due)[np.array(due) >= since_ms] for batch, due in facts]
    return np.concatenate(waited)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "the system does not keep up"
        time.sleep(0.5)


def _watch(meter: Meter, seconds: float) -> list[dict[str, float]]:
    """Read the resident memory each second."""
    readings = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        readings.append({name: meter.resident_mib(name) for name in meter.roots})
        time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
    return readings


def _document(
    trial: Trial,
    load: Load,
    waited: npt.NDArray[np.float64],
    cpu_seconds: dict[str, float],
    memory: list[dict[str, float]],
) -> dict[str, Any]:
    percentiles = {name: round(float(np.percentile(waited, rank)), 1) for name, rank in _PERCENTILES.items()}
    return vars(trial) | {
        "records": len(waited),
        "latency_ms": percentiles,
        "load_worst_lag_ms": round(load.worst_lag_ms, 1),
        "cpu_share": {
            name: round(seconds / (trial.seconds * 0.95), 3) for name, seconds in cpu_seconds.items()
        },
        "rss_mib": {name: round(max(reading[name] for reading in memory)) for name in memory[0]},
        "rss_first_and_last_mib": [round(sum(memory[at].values())) for at in (0, -1)],
        "rss_all_mib": round(max(sum(reading.values()) for reading in memory)),
    }
