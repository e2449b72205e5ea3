"""The systems under measurement, each a process that does as it is told over standard input.

    python systems.py ours|executors|b1|b1x|b2|b3|l0|l1|s0

reads the name of an empty warehouse per line, drains the topic from its first record into it, and answers
with one JSON line per committed batch ({"rows", "batch", "at_ms"}) and one at the end ({"drained": true}).
With `--follow` it goes on reading after the first name until its standard input ends; each further line asks
for what the JVM's heap holds ({"live_heap_mib"}).
"""

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from txwatch.embedded.jars import resolve
from txwatch.logs import configure_logs
from txwatch.settings import Settings, load_settings
from txwatch.stream.query import TransactionStream
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import build_session

Committed = Callable[[int, int], None]
"""Called with the number of rows (-1: not known) and that of the batch, from 0, after each commit."""

NAMES = {
    "l0": "L0: encoded rows, binary COPY",
    "l1": "L1: plain consumer, one process",
    "s0": "S0: Spark hands over, L0 copies",
    "ours": "txwatch, driver sink",
    "executors": "txwatch, executor sink",
    "b1": "B1: foreachBatch + write.jdbc",
    "b1x": "B1x: B1 + two count()",
    "b2": "B2: B1 + rewritten batches of 10,000",
    "b3": "B3: staging table + ON CONFLICT",
}
"""What each system is, in the order of the report."""
_COLLECTIONS = 4


class System(Protocol):
    """Something that moves a topic into a warehouse."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        """Start what can be started before the first drain."""

    def drain(self, settings: Settings) -> None:
        """Move everything that the topic holds now into the database of the settings."""

    def follow(self, settings: Settings, until: threading.Event) -> None:
        """Move what the topic holds and what comes, until told to end."""


class Ours:
    """What this repository does, with either sink."""

    mode = "driver"

    def __init__(self, settings: Settings, committed: Committed) -> None:
        self._spark = build_session(self._moded(settings), resolve("spark", settings))
        self._committed = committed

    def drain(self, settings: Settings) -> None:
        self._stream(settings, until_drained=True).run()

    def follow(self, settings: Settings, until: threading.Event) -> None:
        stream = self._stream(settings, until_drained=False)
        threading.Thread(target=lambda: (until.wait(), stream.stop()), daemon=True).start()
        stream.run()

    def _stream(self, settings: Settings, *, until_drained: bool) -> TransactionStream:
        numbers = itertools.count()
        return TransactionStream(
            self._moded(settings),
            load_ruleset(settings.stream_ruleset),
            self._spark,
            on_commit=lambda totals: self._committed(totals.rows_in, next(numbers)),
            until_drained=until_drained,
        )

    def _moded(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stream_sink_mode": self.mode})


class Executors(Ours):
    """The same with the executors' sink."""

    mode = "executors"


def _system(name: str) -> type[System]:
    """Import what the system alone needs."""
    if name in ("l0", "l1", "s0"):
        from limits import Encoded, HandedOver, Plain  # noqa: PLC0415

        return {"l0": Encoded, "l1": Plain, "s0": HandedOver}[name]
    if name.startswith("b"):
        from jdbc import Counting, Rewriting, Simple, Staging  # noqa: PLC0415

        return {"b1": Simple, "b1x": Counting, "b2": Rewriting, "b3": Staging}[name]
    return {"ours": Ours, "executors": Executors}[name]


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _follow(system: System, settings: Settings) -> None:
    until = threading.Event()
    running = threading.Thread(target=system.follow, args=(settings, until))
    running.start()
    for _ in iter(sys.stdin.readline, ""):
        _tell(live_heap_mib=_live_heap_mib())
    until.set()
    running.join()


def _live_heap_mib() -> float:
    """Collect garbage, which halts the system for a moment, and say what is left.

    The serial collector closes all gaps in one of four collections only (MarkSweepAlwaysCompactCount); in the
    others it fills up to a twentieth of the heap with arrays that nobody holds. So the least of four counts.
    """
    from pyspark import SparkContext  # noqa: PLC0415

    jvm = SparkContext.getOrCreate()._jvm  # noqa: SLF001 - there is no other way to it
    assert jvm is not None
    runtime = jvm.Runtime.getRuntime()
    left = []
    for _ in range(_COLLECTIONS):
        jvm.System.gc()
        left.append(float(runtime.totalMemory() - runtime.freeMemory()) / 2**20)
    return min(left)


def main(name: str, mode: str = "") -> None:
    """Serve drains until standard input ends."""
    settings = load_settings()
    configure_logs(settings.log_level)  # to standard error: standard output is for the answers
    system = _system(name)(
        settings, lambda rows, batch: _tell(rows=rows, batch=batch, at_ms=time.time() * 1000)
    )
    _tell(ready=True)
    for line in iter(sys.stdin.readline, ""):
        named = settings.model_copy(update={"postgres_database": line.strip()})
        if mode == "--follow":
            _follow(system, named)
        else:
            system.drain(named)
        _tell(drained=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
