"""Latency from Kafka's append to Postgres' commit, at a fixed rate, and the memory that it takes.

    python tests/bench/latency.py --rate 1000 --seconds 60 --warmup-seconds 60 --checkpoint s3

The load is open loop: the generator keeps to its schedule however long the stream takes. Each record counts:
its append time is the broker's, its commit time is the clock reading just before COMMIT that the ledger keeps
for its batch.
"""

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import psutil
import typer
from confluent_kafka import Consumer, TopicPartition
from metering import Meter
from rich.console import Console
from rich.table import Table
from servers import Servers, running_servers

from txwatch.logs import configure_logs
from txwatch.postgres import connect

_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
_DEADLINE_SECONDS = 300.0


@dataclass(frozen=True)
class Load:
    """How hard and how long."""

    rate: float
    warmup_seconds: float
    seconds: float


def _rows(servers: Servers, statement: str) -> list[tuple[Any, ...]]:
    with closing(connect(servers.settings.postgres("analyst"))) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _committed(servers: Servers) -> int:
    return int(_rows(servers, "select coalesce(sum(rows_in), 0) from ops.stream_ledger")[0][0])


def _await_rows(servers: Servers, rows: int) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while _committed(servers) < rows:
        assert time.monotonic() < deadline, "the stream does not keep up"
        time.sleep(0.5)


def _appended_ms(servers: Servers) -> dict[int, npt.NDArray[np.int64]]:
    """Read the broker's append time of each record: partition -> milliseconds, by offset."""
    topic = servers.settings.kafka_transactions_topic
    with closing(Consumer(servers.settings.kafka_client() | {"group.id": "latency"})) as consumer:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        begin = [TopicPartition(topic, partition, 0) for partition in partitions]
        times = {
            one.partition: np.zeros(consumer.get_watermark_offsets(one, timeout=30)[1], np.int64)
            for one in begin
        }
        left = sum(map(len, times.values()))
        consumer.assign(begin)
        while left:
            for message in consumer.consume(10_000, timeout=5):
                times[message.partition()][message.offset()] = message.timestamp()[1]
                left -= 1
        return times


def _latencies_ms(servers: Servers, since_ms: float) -> npt.NDArray[np.float64]:
    """Milliseconds from append to commit of each record appended since a moment."""
    appended = _appended_ms(servers)
    statement = "select extract(epoch from committed_at)::float8 * 1000, offset_ranges from ops.stream_ledger"
    waited = [np.empty(0)]
    for committed_ms, ranges in _rows(servers, statement):
        for span in ranges:
            times = appended[span["partition"]][span["start"] : span["end"]]
            waited.append(committed_ms - times[times >= since_ms])
    return np.concatenate(waited)


def _start_stream(servers: Servers, checkpoint: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "txwatch.cli.main", "stream", "--json"]
    environment = servers.environment(stream_checkpoint=checkpoint)
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _start_archive(servers: Servers) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "txwatch.cli.main", "archive"]
    return subprocess.Popen(command, env=servers.environment(), stdout=subprocess.DEVNULL)


def _largest(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Keep the reading that is larger in all."""
    return max(one, other, key=lambda reading: sum(size["rss"] for size in reading.values()))


def _watch(meter: Meter, generator: subprocess.Popen[bytes], seconds: float) -> dict[str, dict[str, int]]:
    """Read the memory each second while the generator works; return the largest reading."""
    largest = meter.memory_bytes()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert generator.poll() is None, "the generator has ended"
        time.sleep(1)
        largest = _largest(largest, meter.memory_bytes())
    return largest


def _run(servers: Servers, load: Load, checkpoint: str) -> dict[str, Any]:
    total = int(load.rate * (load.warmup_seconds + load.seconds))
    stream, archive = _start_stream(servers, checkpoint), _start_archive(servers)
    try:
        servers.generate("--count", str(int(load.rate))).wait()  # wait out the start of Spark
        _await_rows(servers, int(load.rate))
        generator = servers.generate("--count", str(total + int(load.rate)), "--rate", str(load.rate))
        roots = {"stream": stream.pid, "archive": archive.pid, "generator": generator.pid, **servers.pids()}
        meter = Meter(roots)
        _watch(meter, generator, load.warmup_seconds)
        since_ms, cpu = time.time() * 1000, meter.cpu_seconds()
        memory = _watch(meter, generator, load.seconds * 0.9)
        cpu = {name: after - cpu[name] for name, after in meter.cpu_seconds().items()}
        assert generator.wait() == 0
        _await_rows(servers, total + int(load.rate))
        return _document(load, _latencies_ms(servers, since_ms), cpu, memory)
    finally:
        for process in (stream, archive):
            process.terminate()
            process.wait(60)


def _document(
    load: Load,
    waited: npt.NDArray[np.float64],
    cpu_seconds: dict[str, float],
    memory: dict[str, dict[str, int]],
) -> dict[str, Any]:
    return {
        "rate": load.rate,
        "records": len(waited),
        "latency_ms": {
            name: round(float(np.percentile(waited, rank)), 1) for name, rank in _PERCENTILES.items()
        },
        "cpu_share": {
            name: round(seconds / (load.seconds * 0.9), 3) for name, seconds in cpu_seconds.items()
        },
        "memory_mib": {
            kind: {name: round(size[kind] / 2**20) for name, size in memory.items()}
            for kind in ("rss", "pss")
        },
        "rss_all_mib": round(sum(size["rss"] for size in memory.values()) / 2**20),
    }


def _report(results: dict[str, dict[str, Any]]) -> Table:
    table = Table("checkpoint", *(f"{name} ms" for name in _PERCENTILES), "RSS of all, MiB")
    for checkpoint, result in results.items():
        table.add_row(checkpoint, *map(str, result["latency_ms"].values()), str(result["rss_all_mib"]))
    return table


def main(
    rate: Annotated[float, typer.Option(help="Records per second.")] = 1000,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 20,
    warmup_seconds: Annotated[float, typer.Option(help="How long to run before that.")] = 10,
    checkpoint: Annotated[list[str] | None, typer.Option(help="s3, local; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here too.")] = None,
) -> None:
    """Measure with each place of the checkpoint, one after the other, each on fresh servers."""
    configure_logs("warning")
    results = {}
    for place in checkpoint or ["s3", "local"]:
        with running_servers() as servers:
            results[place] = _run(servers, Load(rate, warmup_seconds, seconds), place)
    document = {"processors": psutil.cpu_count(), "load_average": psutil.getloadavg(), "checkpoint": results}
    text = json.dumps(document, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n")
    Console(stderr=True).print(_report(results))


if __name__ == "__main__":
    typer.run(main)
