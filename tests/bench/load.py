"""An open-loop load: each record says when it was due, however late it is sent (no coordinated omission).

The moment at which a record was due is its `occurred_at`, so every system carries it into its facts.
"""

import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from confluent_kafka import Producer
from servers import Servers

_SPLIT = re.compile(rb'^(.*"customer_id":"([^"]+)".*"occurred_at":")[^"]+(".*)$')
_PAUSE_SECONDS = 0.001
_MOST_UNSENT = 1_000_000
"""A broker that is slow makes the load late, which its lag tells; it does not end it."""


def made_up(servers: Servers, records: int) -> list[tuple[bytes, bytes, bytes]]:
    """Make records whose time is still to be filled in: customer, what comes before it, what after."""
    path = Path(servers.settings.state_dir, f"load-{records}.jsonl")
    subprocess.run(
        [
            *(sys.executable, "-m", "txwatch.cli.main", "generate", "--json", "--fresh", "--run", "load"),
            *("--count", str(records), "--output", str(path)),
        ],
        env=servers.environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    parts = [_SPLIT.match(line) for line in path.read_bytes().splitlines()]
    path.unlink()
    return [(part[2], part[1], part[3]) for part in parts if part is not None]


@dataclass
class Load:
    """Sends prepared records at a rate, in a thread of its own."""

    servers: Servers
    records: list[tuple[bytes, bytes, bytes]]
    rate: float
    began_ms: float = 0.0
    worst_lag_ms: float = 0.0
    """How far behind schedule the load itself has been."""
    _thread: Thread | None = field(default=None)

    def start(self) -> None:
        """Begin now."""
        self._thread = Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        """Wait until all is sent and acknowledged."""
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        settings = self.servers.settings
        producer = Producer(
            settings.kafka_client()
            | {
                "acks": "all",
                "linger.ms": 2,
                "compression.type": "lz4",
                "queue.buffering.max.messages": _MOST_UNSENT,
                "queue.buffering.max.kbytes": _MOST_UNSENT,
            }
        )
        topic, records, rate = settings.kafka_transactions_topic, self.records, self.rate
        self.began_ms = time.time() * 1000
        begun, sent, texts = time.monotonic(), 0, _Texts(self.began_ms)
        while sent < len(records):
            due = min(int((time.monotonic() - begun) * rate), len(records))
            for number in range(sent, due):
                key, before, after = records[number]
                producer.produce(topic, before + texts.at(number * 1000 / rate) + after, key)
            sent = due
            producer.poll(0)
            if sent:
                lag = (time.monotonic() - begun - sent / rate) * 1000
                self.worst_lag_ms = max(self.worst_lag_ms, lag)
            time.sleep(_PAUSE_SECONDS)
        assert producer.flush(60) == 0


class _Texts:
    """Moments as RFC 3339 texts; many records share one."""

    def __init__(self, began_ms: float) -> None:
        self._began_ms = began_ms
        self._known: tuple[int, bytes] = (-1, b"")

    def at(self, offset_ms: float) -> bytes:
        moment = int(self._began_ms + offset_ms)
        if self._known[0] != moment:
            text = datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
            self._known = (moment, text.replace("+00:00", "Z").encode())
        return self._known[1]
