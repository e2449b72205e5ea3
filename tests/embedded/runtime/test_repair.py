"""Whatever part dies in whatever way, `up` brings it back where it was, with what it had."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import boto3
import psutil
import psycopg2
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from txwatch.embedded import privileges, processes
from txwatch.embedded.runtime import PartStatus, Runtime
from txwatch.settings import Settings, load_settings

PARTS = ("postgres", "s3", "kafka")
WORKER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture(scope="module")
def breakable(
    runtime_in: Callable[[Path], AbstractContextManager[Runtime]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    with runtime_in(tmp_path_factory.mktemp("breakable")) as embedded:
        yield embedded


@pytest.fixture
def settings(breakable: Runtime) -> Settings:
    breakable.up()
    return load_settings(state_dir=breakable.state_dir)


def by_name(parts: list[PartStatus]) -> dict[str, PartStatus]:
    return {part.name: part for part in parts}


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    with suppress(psutil.NoSuchProcess):
        process.wait(20)


def produce(settings: Settings, value: bytes) -> None:
    producer = Producer(settings.kafka_client() | {"acks": "all"})
    producer.produce(settings.kafka_transactions_topic, value=value, partition=0)
    assert producer.flush(30) == 0


def produced(settings: Settings) -> list[bytes]:
    consumer = Consumer(settings.kafka_client() | {"group.id": "t", "enable.auto.commit": False})
    with closing(consumer):
        partition = TopicPartition(settings.kafka_transactions_topic, 0, 0)
        _, end = consumer.get_watermark_offsets(partition, timeout=30)
        consumer.assign([partition])
        return [message.value() for message in consumer.consume(end, timeout=30)]


def query(runtime: Runtime, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(**runtime.superuser())) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()
        return cursor.fetchall() if cursor.description else []


def test_a_second_up_finds_everything_running(breakable: Runtime) -> None:
    before = by_name(breakable.up())
    after = by_name(breakable.up())
    assert all(part.was_running for part in after.values())
    assert {name: part.pid for name, part in after.items()} == {
        name: part.pid for name, part in before.items()
    }


def kill_and_repair(runtime: Runtime, victim: str) -> None:
    """Kill one part; after `up` it is new, where it was, and the others are the same."""
    before = by_name(runtime.up())
    kill(before[victim].pid)
    after = by_name(runtime.up())
    for name in PARTS:
        assert after[name].was_running == (name != victim)
        assert (after[name].pid == before[name].pid) == (name != victim)
        assert after[name].port == before[name].port


def test_records_survive_the_broker(breakable: Runtime, settings: Settings) -> None:
    produce(settings, b"before the kill")
    kill_and_repair(breakable, "kafka")
    assert produced(settings)[-1] == b"before the kill"


def test_rows_survive_the_server(breakable: Runtime) -> None:
    query(breakable, "create table kept as select 1 as n")
    with closing(psycopg2.connect(**breakable.superuser())) as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table half_done as select 1")  # a backend that outlives the server
        kill_and_repair(breakable, "postgres")
    assert query(breakable, "select n from kept") == [(1,)]


def test_the_bucket_is_there_again_and_a_worker_goes_on(breakable: Runtime, settings: Settings) -> None:
    worker = breakable.supervisor.start_process("worker", WORKER, {})
    kill_and_repair(breakable, "s3")
    assert breakable.supervisor.running()["worker"] == worker
    assert breakable.supervisor.stop_process("worker")
    buckets = boto3.client("s3", **settings.s3()).list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == [settings.s3_bucket]


def test_everything_killed_at_once_comes_back(breakable: Runtime, settings: Settings) -> None:
    produce(settings, b"before the end of the world")
    query(breakable, "create table survivors as select 2 as n")
    for part in breakable.up():
        kill(part.pid)
    assert not any(part.was_running for part in breakable.up())
    assert produced(settings)[-1] == b"before the end of the world"
    assert query(breakable, "select n from survivors") == [(2,)]


def test_several_ups_at_once_start_each_part_once(breakable: Runtime) -> None:
    breakable.down()
    with ThreadPoolExecutor(3) as pool:
        answers = [by_name(parts) for parts in pool.map(lambda _: breakable.up(), range(3))]
    for name in PARTS:
        assert [answer[name].was_running for answer in answers].count(False) == 1
        assert len({answer[name].pid for answer in answers}) == 1


def test_down_leaves_no_process_and_no_listener(breakable: Runtime) -> None:
    parts = breakable.up()
    breakable.supervisor.start_process("worker", WORKER, {})
    assert breakable.down() == ["worker", "kafka", "s3", "postgres"]
    assert_nothing_is_left(breakable, parts)
    assert breakable.down() == []


def test_down_finds_everything_without_the_state_file(breakable: Runtime) -> None:
    parts = breakable.up()
    breakable.supervisor.start_process("worker", WORKER, {})
    file = breakable.state_dir / "state.json"
    content = file.read_text()
    file.unlink()
    try:
        assert breakable.down() == []
        assert_nothing_is_left(breakable, parts)
    finally:
        file.write_text(content)


def assert_nothing_is_left(breakable: Runtime, parts: list[PartStatus]) -> None:
    assert list(processes.owned_by(breakable.supervisor.owner)) == []
    assert [name for name in psutil.process_iter() if str(breakable.state_dir) in _command_line(name)] == []
    for part in parts:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", part.port)) != 0


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_down_is_clean_and_data_and_passwords_outlive_it(breakable: Runtime, settings: Settings) -> None:
    produce(settings, b"before down")
    query(breakable, "create table lasting as select 3 as n")
    with closing(psycopg2.connect(**breakable.superuser())):  # somebody who stays connected
        breakable.down()
    log = (breakable.state_dir / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log.splitlines()[-1]
    breakable.up()
    again = load_settings(state_dir=breakable.state_dir)
    assert again == settings
    assert produced(again)[-1] == b"before down"
    assert query(breakable, "select n from lasting") == [(3,)]


def test_two_copies_side_by_side_do_not_meet(
    breakable: Runtime,
    settings: Settings,
    runtime_in: Callable[[Path], AbstractContextManager[Runtime]],
    tmp_path: Path,
) -> None:
    with runtime_in(tmp_path / "other") as other:
        theirs = load_settings(state_dir=other.state_dir)
        assert {part.port for part in breakable.up()}.isdisjoint(part.port for part in other.up())
        produce(settings, b"ours alone")
        assert produced(theirs) == []
        assert theirs.require("stream_writer_password") != settings.require("stream_writer_password")
    assert all(part.was_running for part in breakable.up())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_as_root_postgres_runs_as_somebody_else(breakable: Runtime) -> None:
    server = psutil.Process(by_name(breakable.up())["postgres"].pid)
    assert server.username() == privileges.UNPRIVILEGED_USER
