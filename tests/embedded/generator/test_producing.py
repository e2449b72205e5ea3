"""Against a real broker: where records go, and that an interrupted run leaves no gap and no double."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from confluent_kafka import Producer

from txwatch.errors import UnavailableError, UsageError
from txwatch.generator.partitions import partitions
from txwatch.generator.progress import Progress, ProgressFile
from txwatch.generator.run import Limits
from txwatch.generator.session import kafka_run
from txwatch.generator.synthesis import Recipe, Synthesis
from txwatch.generator.target import KafkaTarget
from txwatch.generator.topic import Stored, Topic
from txwatch.settings import Settings
from txwatch.world import build_world

DEADLINE_SECONDS = 120.0
START_MS = 1_735_689_600_000  # 2025-01-01
OPTIONS = ("--malformed", "0.01", "--duplicates", "0.002")


@pytest.fixture
def environment(pipeline_environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a `txwatch` process on the test's topics, in a small world."""
    small = {"TXWATCH_WORLD_CUSTOMERS": "500", "TXWATCH_WORLD_MERCHANTS": "100"}
    return {**os.environ, **pipeline_environment, **small}


@pytest.fixture
def source() -> Synthesis:
    """Return the run that `environment` and `OPTIONS` make."""
    return Synthesis(build_world(42, 500, 100), Recipe(START_MS, malformed_share=0.01, repeated_share=0.002))


def command(environment: dict[str, str], *arguments: str) -> list[str]:
    """Return the command line of a run of the test's own: tests share a state folder, not topics."""
    run = ("--run", environment["TXWATCH_KAFKA_TRANSACTIONS_TOPIC"])
    return [sys.executable, "-m", "txwatch.cli.main", "generate", *OPTIONS, *run, *arguments]


def generate(environment: dict[str, str], *arguments: str) -> dict[str, object]:
    ended = subprocess.run(
        command(environment, "--json", *arguments),
        env=environment,
        check=True,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    )
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def stored(settings: Settings, topic: str) -> dict[int, list[Stored]]:
    with closing(Topic(settings, topic)) as reader:
        return dict(reader.read_from({}))


@pytest.fixture
def count(pipeline: Settings) -> Iterator[Callable[[], int]]:
    """Return what counts the records in the transactions topic."""
    with closing(Topic(pipeline, pipeline.kafka_transactions_topic)) as topic:
        yield lambda: sum(topic.ends().values())


def expected(source: Synthesis, total: int, partition_count: int) -> dict[int, list[Stored]]:
    queues: dict[int, list[Stored]] = {}
    for records in source.records(0, total):
        chosen = partitions(records.key_hashes, partition_count).tolist()
        for key, value, partition in zip(records.keys, records.values, chosen, strict=True):
            queues.setdefault(partition, []).append(Stored(key, value))
    return queues


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def at_least(count: Callable[[], int], number: int) -> bool:
    return count() >= number


def label_keys(settings: Settings) -> list[bytes]:
    topic = stored(settings, settings.kafka_labels_topic)
    return sorted(each.key or b"" for records in topic.values() for each in records)


def test_a_killed_run_goes_on_without_gap_or_double(
    pipeline: Settings, environment: dict[str, str], source: Synthesis, count: Callable[[], int]
) -> None:
    total = 60_000
    for least in (1000, 10_000, 20_000):
        with subprocess.Popen(
            command(environment, "--count", str(total), "--rate", "8000"),
            env=environment,
            stderr=subprocess.DEVNULL,
        ) as process:
            wait_until(partial(at_least, count, least))
            process.send_signal(signal.SIGKILL)
        assert count() < total
    summary = generate(environment, "--count", str(total), "--rate", "0")
    assert stored(pipeline, pipeline.kafka_transactions_topic) == expected(
        source, total, pipeline.kafka_partitions
    )
    assert label_keys(pipeline) == sorted(label.encode() for label in source.labels(0, total).transaction_ids)
    lines = b"".join(records.lines() for records in source.records(0, total))
    assert summary["sha256"] == hashlib.sha256(lines).hexdigest()
    assert summary["sha256_from"] == 0


def test_a_stopped_run_says_how_far_it_came_and_goes_on(
    pipeline: Settings, environment: dict[str, str], source: Synthesis, count: Callable[[], int]
) -> None:
    with subprocess.Popen(
        command(environment, "--json", "--rate", "5000"), env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_until(partial(at_least, count, 1000))
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    summary = json.loads(output)
    assert summary["next_sequence"] == count()
    total = summary["next_sequence"] + 1000
    generate(environment, "--count", str(total), "--rate", "0")
    assert stored(pipeline, pipeline.kafka_transactions_topic) == expected(
        source, total, pipeline.kafka_partitions
    )


def test_the_rate_does_not_change_a_byte(
    pipeline: Settings, environment: dict[str, str], source: Synthesis
) -> None:
    slow = generate(environment, "--count", "3000", "--rate", "1500")
    assert 2 <= float(str(slow["seconds"])) < 60
    in_file = generate(environment, "--count", "3000", "--output", "/dev/null")
    assert slow["sha256"] == in_file["sha256"]
    assert stored(pipeline, pipeline.kafka_transactions_topic) == expected(
        source, 3000, pipeline.kafka_partitions
    )


def test_partitions_are_those_of_librdkafkas_java_compatible_partitioner(
    pipeline: Settings, source: Synthesis
) -> None:
    oracle = Producer({**pipeline.kafka_client(), "partitioner": "murmur2"})
    chosen: dict[bytes, int] = {}
    (records,) = source.records(0, 500)
    for key in records.keys:
        oracle.produce(
            pipeline.kafka_labels_topic,
            key=key,
            value=b"",
            on_delivery=lambda _, message: chosen.update({message.key(): message.partition()}),
        )
    assert oracle.flush(DEADLINE_SECONDS) == 0
    ours = partitions(records.key_hashes, pipeline.kafka_partitions).tolist()
    assert [chosen[key] for key in records.keys] == ours


@pytest.fixture
def file(tmp_path: Path) -> ProgressFile:
    return ProgressFile(tmp_path, "test")


def go(settings: Settings, source: Synthesis, file: ProgressFile, total: int) -> None:
    kafka_run(settings, source, file, 0.0, lambda _: None).go(Limits(total), Event())


def test_two_runs_share_a_topic(
    pipeline: Settings, source: Synthesis, tmp_path: Path, count: Callable[[], int]
) -> None:
    other = Synthesis(build_world(7, 500, 100), Recipe(START_MS))
    go(pipeline, source, ProgressFile(tmp_path, "one"), 1000)
    go(pipeline, other, ProgressFile(tmp_path, "two"), 500)
    go(pipeline, source, ProgressFile(tmp_path, "one"), 2000)
    assert count() == 2500
    everything = [
        each for records in stored(pipeline, pipeline.kafka_transactions_topic).values() for each in records
    ]
    for records in source.records(0, 2000):
        for key, value in zip(records.keys, records.values, strict=True):
            everything.remove(Stored(key, value))
    assert len(everything) == 500


def test_a_topic_made_anew_is_noticed(pipeline: Settings, source: Synthesis, file: ProgressFile) -> None:
    go(pipeline, source, file, 100)
    progress = file.load()
    assert progress is not None
    more = {partition: end + 1 for partition, end in progress.transaction_ends.items()}
    file.save(Progress(progress.parameters, 100, more, progress.label_ends))
    with pytest.raises(UsageError, match=r"made anew.*--fresh"):
        go(pipeline, source, file, 200)


def test_a_topic_that_is_not_there_is_named(
    pipeline: Settings, source: Synthesis, file: ProgressFile
) -> None:
    missing = pipeline.model_copy(update={"kafka_labels_topic": "nowhere"})
    with pytest.raises(UnavailableError, match=r"no topic 'nowhere'.*txwatch up"):
        go(missing, source, file, 100)


def test_a_broker_that_does_not_answer_ends_the_run(source: Synthesis, free_port: int) -> None:
    settings = Settings(
        kafka_bootstrap_servers=f"127.0.0.1:{free_port}", kafka_delivery_timeout_seconds=1.0, _env_file=None
    )
    target = KafkaTarget(settings, 4)
    for records in source.records(0, 10):
        target.send(records)
    with pytest.raises(UnavailableError, match=r"nothing delivered for .*give the same command again"):
        target.settle()


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_the_schedule_is_kept_and_its_lag_reported(
    pipeline: Settings, source: Synthesis, file: ProgressFile
) -> None:
    standing = kafka_run(pipeline, source, file, 500.0, lambda _: None).go(Limits(seconds=2.0), Event())
    due = 500 * standing.seconds
    assert standing.produced <= due
    assert standing.lag_seconds == pytest.approx((due - standing.produced - 1) / 500, abs=0.5)
