"""Latency from the moment a record was due until its commit, at a fixed rate, and the memory that it takes.

Each fact counts. A batch is committed when the client knows it: when COMMIT, or the JDBC writer, has
returned. What grows in a long run is seen by comparing `_PARTS` equal parts of it, and by what the JVM's heap
holds before and after it, garbage collected: resident memory says little, a heap keeps what it had once.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
from drain import Worker
from load import Load, made_up
from metering import Meter
from servers import Servers

_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
_PARTS = 6
_DEADLINE_SECONDS = 300.0
_SETTLE_SHARE = 0.8
"""Of the warm-up, before what the heap holds is asked: that halts the system for a moment."""
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
        self._heaps = SimpleQueue[float | None]()
        servers.new_database(_DATABASE)
        self._worker.tell(_DATABASE)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        try:
            while "drained" not in (told := self._worker.answer()):
                if "live_heap_mib" in told:
                    self._heaps.put(told["live_heap_mib"])
                else:
                    self.commits_ms[told["batch"]] = told["at_ms"]
        finally:
            self._heaps.put(None)

    def live_heap_mib(self) -> float:
        """Return what the JVM's heap holds after a collection."""
        self._worker.tell("heap")
        size = self._heaps.get(timeout=_DEADLINE_SECONDS)
        assert size is not None, "the system has ended"
        return round(size, 1)

    def close(self) -> None:
        self._worker.close()


def measure(servers: Servers, trial: Trial) -> dict[str, Any]:
    """Run one trial on servers whose topic is empty."""
    total = int(trial.rate * (trial.warmup_seconds + trial.seconds))
    load = Load(servers, made_up(servers, total), trial.rate)
    with closing(_Follower(trial, servers)) as follower:
        meter = Meter({"client": follower.pid, **servers.pids()})
        load.start()
        _watch(meter, trial.warmup_seconds * _SETTLE_SHARE)
        heap = {"before": follower.live_heap_mib()}
        _watch(meter, load.began_ms / 1000 + trial.warmup_seconds - time.time())
        cpu = meter.cpu_seconds()
        memory = _watch(meter, trial.seconds * 0.95)
        cpu = {name: after - cpu[name] for name, after in meter.cpu_seconds().items()}
        load.join()
        _until(lambda: servers.facts(_DATABASE) == total)
        heap["after"] = follower.live_heap_mib()
        since_ms = load.began_ms + trial.warmup_seconds * 1000
        waited = _waited_ms(servers, follower, since_ms)
        commits = np.array([at for at in follower.commits_ms.values() if at >= since_ms])
    servers.drop_database(_DATABASE)
    measured = _document(trial, load, waited, cpu, memory)
    return measured | {"live_heap_mib": heap, "parts": _parts(waited, np.diff(np.sort(commits)), memory)}


def _waited_ms(servers: Servers, follower: _Follower, since_ms: float) -> npt.NDArray[np.float64]:
    """Milliseconds from when each fact was due to its commit, in the order in which they were due.

    Facts that were due before `since_ms` do not count. Where there is a ledger, facts bear its numbers, which
    count the commits in their order; elsewhere they bear the number of the batch itself.
    """
    numbers = [number for (number,) in servers.rows(_DATABASE, "select ledger_seq from ops.stream_ledger")]
    batches = {number: batch for batch, number in enumerate(sorted(numbers))}
    facts = servers.rows(
        _DATABASE,
        "select ledger_seq, extract(epoch from occurred_at)::float8 * 1000 from core.fact_transaction "
        f"where occurred_at >= to_timestamp({since_ms / 1000}) order by occurred_at",
    )
    due_ms = np.array([due for _, due in facts])
    batch_of = [batches.get(number, number) for number, _ in facts]
    _until(lambda: follower.commits_ms.keys() >= set(batch_of))  # the last one is told of once it is visible
    return np.array([follower.commits_ms[batch] for batch in batch_of]) - due_ms


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
    return vars(trial) | {
        "records": len(waited),
        "latency_ms": _percentiles(waited),
        "load_worst_lag_ms": round(load.worst_lag_ms, 1),
        "cpu_share": {
            name: round(seconds / (trial.seconds * 0.95), 3) for name, seconds in cpu_seconds.items()
        },
        "rss_mib": {name: round(max(reading[name] for reading in memory)) for name in memory[0]},
        "rss_all_mib": round(max(sum(reading.values()) for reading in memory)),
    }


def _percentiles(waited: npt.NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(np.percentile(waited, rank)), 1) for name, rank in _PERCENTILES.items()}


def _parts(
    waited: npt.NDArray[np.float64], batches_ms: npt.NDArray[np.float64], memory: list[dict[str, float]]
) -> list[dict[str, Any]]:
    """Tell of each part of the run how long records waited, how long a batch took, and the resident MiB."""
    parts = max(1, min(_PARTS, len(batches_ms), len(memory)))
    return [
        {
            "latency_ms": _percentiles(waits),
            "batch_ms": round(float(np.median(gaps)), 1) if len(gaps) else None,
            "rss_mib": {name: round(np.median([reading[name] for reading in sizes])) for name in sizes[0]},
        }
        for waits, gaps, sizes in zip(
            np.array_split(waited, parts),
            np.array_split(batches_ms, parts),
            [[memory[int(at)] for at in part] for part in np.array_split(np.arange(len(memory)), parts)],
            strict=True,
        )
    ]
