"""How far the stream has come: a status line on a terminal, one JSON line per interval elsewhere."""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from txwatch.stream.ledger import Totals

_INTERVAL_SECONDS = 5.0


@dataclass
class StreamProgress:
    """Adds up what was committed and tells it every few seconds."""

    as_json: bool = False
    _sum: Totals = field(default_factory=lambda: Totals(0, 0, 0, 0, 0))
    _started: float = field(default_factory=time.monotonic)
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Begin to tell."""
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the last sums and end."""
        self._ended.set()
        self._thread.join()

    def add(self, totals: Totals) -> None:
        """Take note of one committed batch."""
        with self._lock:
            before, now = asdict(self._sum), asdict(totals)
            self._sum = Totals(**{name: before[name] + now[name] for name in before})

    def _tell(self) -> None:
        if self.as_json or not sys.stdout.isatty():
            self._tell_lines()
        else:
            self._tell_live()

    def _tell_lines(self) -> None:
        previous, since = 0, self._started
        while True:
            is_last = self._ended.wait(_INTERVAL_SECONDS)
            now = time.monotonic()
            rate = (self._sum.rows_in - previous) / (now - since)
            line = {
                "elapsed_s": round(now - self._started, 1),
                "rows_per_s": round(rate),
                **asdict(self._sum),
            }
            print(json.dumps(line), flush=True)  # noqa: T201 - the command's output
            previous, since = self._sum.rows_in, now
            if is_last:
                return

    def _tell_live(self) -> None:
        with Status("starting Spark", console=Console()) as status:
            previous = 0
            while not self._ended.wait(1.0):
                totals = self._sum
                status.update(
                    f"{totals.rows_in:,} read, {totals.facts:,} facts, {totals.alerts:,} alerts, "
                    f"{totals.quarantined:,} quarantined, {totals.duplicates:,} duplicates, "
                    f"{totals.rows_in - previous:,} rows/s"
                )
                previous = totals.rows_in
        Console().print(f"{self._sum.rows_in:,} records read, {self._sum.facts:,} facts", highlight=False)
