"""The archive holds every record once, whatever goes away, comes back empty or is killed."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from threading import Event

import psycopg2
import pytest
from archived_topic import ArchivedTopic, S3Server
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from pyarrow import Buffer
from structlog.testing import capture_logs

from oracle.deadline import until
from txwatch.embedded.runtime import Runtime
from txwatch.errors import FencedError, UnavailableError, UsageError
from txwatch.settings import Settings
from txwatch.stream.archive import archiver as archiver_module
from txwatch.stream.archive import ledger as ledger_module
from txwatch.stream.archive.layout import OffsetRange
from txwatch.stream.archive.ledger import ArchiveLedger, ArchiveObject
from txwatch.stream.archive.repair import Repair
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.records import OffsetsGoneError, RecordSource


def start_process(
    pipeline: ArchivedTopic, environment: dict[str, str], *options: str
) -> subprocess.Popen[bytes]:
    settings = pipeline.settings
    own = {
        "TXWATCH_S3_ENDPOINT": str(settings.s3_endpoint),
        "TXWATCH_ARCHIVE_MAX_ROWS": str(settings.archive_max_rows),
        "TXWATCH_ARCHIVE_INTERVAL_SECONDS": str(settings.archive_interval_seconds),
    }
    command = [sys.executable, "-m", "txwatch.cli.main", "archive", *options]
    return subprocess.Popen(command, env={**os.environ, **environment, **own}, stderr=subprocess.DEVNULL)


def test_each_record_is_archived_once_as_it_came(archive: ArchivedTopic) -> None:
    archive.produce(1000)
    archive.drain()
    archive.assert_whole()
    assert all(rows <= 100 and end - start == rows for _, start, end, _, rows, _ in archive.ledger())
    archive.drain()
    archive.assert_whole()


def test_a_few_records_are_archived_without_waiting_for_more(archive: ArchivedTopic) -> None:
    with archive.archiving():
        archive.produce(7)
        until(lambda: archive.archived_rows() == 7)
    archive.assert_whole()


def test_s3_away_is_waited_for_and_an_empty_one_is_filled_again(
    archive: ArchivedTopic, s3_server: S3Server
) -> None:
    with capture_logs() as logs, archive.archiving():
        archive.produce(300)
        until(lambda: archive.archived_rows() == 300)
        s3_server.stop()
        archive.produce(300)
        until(lambda: any("S3" in str(line.get("reason")) for line in logs))
        assert archive.archived_rows() == 300
        s3_server.start()
        until(lambda: archive.archived_rows() == 600)
        until(lambda: len(archive.object_names()) == len(archive.ledger()))
    archive.assert_whole()


def test_an_idle_archiver_notices_a_wiped_store(archive: ArchivedTopic, s3_server: S3Server) -> None:
    with archive.archiving():
        archive.produce(200)
        until(lambda: archive.archived_rows() == 200)
        s3_server.stop()
        s3_server.start()
        archive.client.create_bucket(Bucket=archive.settings.s3_bucket)  # an init hook may be quicker
        until(lambda: len(archive.object_names()) == len(archive.ledger()))
    archive.assert_whole()


def test_a_store_that_came_back_empty_while_an_object_was_being_written_is_filled_again(
    archive: ArchivedTopic, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest object is then there: it was written to the empty store."""
    put = ObjectStore.put
    with archive.archiving():
        archive.produce(200)
        until(lambda: archive.archived_rows() == 200)

        def emptied_first(store: ObjectStore, key: str, body: Buffer) -> None:
            monkeypatch.setattr(ObjectStore, "put", put)
            s3_server.stop()
            s3_server.start()
            archive.client.create_bucket(Bucket=archive.settings.s3_bucket)
            put(store, key, body)

        monkeypatch.setattr(ObjectStore, "put", emptied_first)
        archive.produce(200)
        until(lambda: archive.archived_rows() == 400)
        until(lambda: len(archive.object_names()) == len(archive.ledger()))
    archive.assert_whole()


def test_what_is_new_is_archived_while_a_lost_archive_is_written_again(
    archive: ArchivedTopic, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rewriting is held up: what is new does not wait for it."""
    write_next, gate = Repair.write_next, Event()

    def held_up(repair: Repair) -> str | None:
        return write_next(repair) if gate.wait(0.1) else None

    monkeypatch.setattr(Repair, "write_next", held_up)
    with archive.archiving():
        archive.produce(400)
        until(lambda: archive.archived_rows() == 400)
        s3_server.stop()
        s3_server.start()
        archive.produce(200)
        until(lambda: archive.archived_rows() == 600)
        assert len(archive.object_names()) < len(archive.ledger())
        gate.set()
        until(lambda: len(archive.object_names()) == len(archive.ledger()))
    archive.assert_whole()


def test_a_store_emptied_again_while_it_is_filled_again_is_filled_once_more(
    archive: ArchivedTopic, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, written = ObjectStore.put, list[str]()

    def emptied_at_the_third(store: ObjectStore, key: str, body: Buffer) -> None:
        written.append(key)
        if len(written) == 3:
            s3_server.stop()
            s3_server.start()
        put(store, key, body)

    with archive.archiving():
        archive.produce(600)
        until(lambda: archive.archived_rows() == 600)
        monkeypatch.setattr(ObjectStore, "put", emptied_at_the_third)
        s3_server.stop()
        s3_server.start()
        until(lambda: len(written) > 3 and len(archive.object_names()) == len(archive.ledger()))
    archive.assert_whole()


def test_what_kafka_no_longer_has_is_named_and_the_rest_is_repaired(archive: ArchivedTopic) -> None:
    archive.produce(400)
    archive.drain()
    lost, whole = archive.ledger()[0], archive.ledger()[1:]
    for row in archive.ledger():
        archive.client.delete_object(Bucket=archive.settings.s3_bucket, Key=row[3])
    admin = AdminClient(archive.settings.kafka_client())
    admin.delete_records([TopicPartition(archive.topic, lost[0], lost[1] + 1)])
    until(lambda: low_of(archive, lost[0]) == lost[1] + 1)
    with capture_logs() as logs:
        archive.drain()
    assert [line["key"] for line in logs if line["event"] == "an archived object is lost"] == [lost[3]]
    assert archive.object_names() == sorted(row[3] for row in whole)


def low_of(archive: ArchivedTopic, partition: int) -> int:
    with closing(RecordSource(archive.settings.kafka_client(), archive.topic)) as source:
        return source.bounds(partition)[0]


def test_records_gone_before_they_were_archived_stop_the_archiver_until_it_is_told(
    archive: ArchivedTopic,
) -> None:
    archive.produce(40)
    archive.drain()
    archive.produce(40)
    partition, end = archive.ledger()[0][0], archive.ledger()[0][2]
    admin = AdminClient(archive.settings.kafka_client())
    admin.delete_records([TopicPartition(archive.topic, partition, end + 3)])
    until(lambda: low_of(archive, partition) == end + 3)
    with pytest.raises(OffsetsGoneError, match=f"lost offsets {end} to {end + 2}"):
        archive.drain()
    with archive.archiver() as archiver:
        archiver.run(until_drained=True, skip_gone=True)
    assert archive.archived_rows() == 77


def test_a_crash_between_object_and_ledger_leaves_nothing_doubled(archive: ArchivedTopic) -> None:
    class CrashingLedger(ArchiveLedger):
        def record(self, written: ArchiveObject) -> None:
            raise KeyboardInterrupt(written)

    archive.produce(250)
    crashing = CrashingLedger(archive.settings.postgres("archiver"), archive.topic)
    with archive.archiver(ledger=crashing) as archiver, pytest.raises(KeyboardInterrupt):
        archiver.run(until_drained=True)
    crashing.close()
    [orphan] = archive.object_names()
    archive.settings = archive.settings.model_copy(update={"archive_max_rows": 33})  # other ranges this time
    archive.drain()
    assert orphan not in archive.object_names()
    archive.assert_whole()


def test_killed_again_and_again_it_still_archives_each_record_once(
    archive: ArchivedTopic, pipeline_environment: dict[str, str]
) -> None:
    archive.settings = archive.settings.model_copy(update={"archive_max_rows": 10})
    archive.produce(1500)
    for least in (200, 700):
        process = start_process(archive, pipeline_environment)
        until(lambda: archive.archived_rows() >= least)  # noqa: B023
        process.kill()
        process.wait()
    archive.drain()
    archive.assert_whole()


def test_sigterm_writes_what_was_read_and_ends_well(
    archive: ArchivedTopic, pipeline_environment: dict[str, str]
) -> None:
    archive.settings = archive.settings.model_copy(update={"archive_interval_seconds": 3600.0})
    process = start_process(archive, pipeline_environment)
    archive.produce(420)
    until(lambda: archive.archived_rows() >= 400)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    archive.assert_whole()


def test_a_lost_connection_to_postgres_is_made_again(archive: ArchivedTopic, shared_runtime: Runtime) -> None:
    with archive.archiving():
        archive.produce(100)
        until(lambda: archive.archived_rows() == 100)
        cut_connections(shared_runtime, archive.settings)
        archive.produce(100)
        until(lambda: archive.archived_rows() == 200)
    archive.assert_whole()


def cut_connections(runtime: Runtime, settings: Settings) -> None:
    with closing(psycopg2.connect(**runtime.superuser())) as connection:
        connection.cursor().execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = %s and usename = 'archiver'",
            (settings.postgres_database,),
        )


def test_a_second_archiver_is_turned_away(archive: ArchivedTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "LOCK_PATIENCE_SECONDS", 0.1)
    archive.produce(10)
    with archive.archiving():
        until(lambda: archive.archived_rows() == 10)
        with pytest.raises(UsageError, match="another `txwatch archive` is at work"):
            archive.drain()


def test_an_archiver_that_was_overtaken_stops(archive: ArchivedTopic) -> None:
    ledger = ArchiveLedger(archive.settings.postgres("archiver"), archive.topic)
    with closing(ledger):
        ledger.record(ArchiveObject(OffsetRange(archive.topic, 0, 0, 10), 10, 99))
        ledger.record(ArchiveObject(OffsetRange(archive.topic, 0, 0, 10), 10, 99))
        with pytest.raises(FencedError, match="from offset 0"):
            ledger.record(ArchiveObject(OffsetRange(archive.topic, 0, 0, 12), 12, 99))


def test_a_partition_added_while_it_runs_is_archived_too(
    archive: ArchivedTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiver_module, "PARTITION_CHECK_SECONDS", 0.2)
    with archive.archiving():
        archive.produce(20)
        until(lambda: archive.archived_rows() == 20)
        partitions = archive.settings.kafka_partitions + 1
        admin = AdminClient(archive.settings.kafka_client())
        admin.create_partitions([NewPartitions(archive.topic, partitions)])[archive.topic].result()
        archive.settings = archive.settings.model_copy(update={"kafka_partitions": partitions})
        archive.produce(50)
        until(lambda: archive.archived_rows() == 70)
    archive.assert_whole()


def test_each_absent_system_is_one_sentence(archive: ArchivedTopic) -> None:
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    with (
        closing(RecordSource(nowhere, archive.topic)) as source,
        pytest.raises(UnavailableError, match="Kafka does not answer"),
    ):
        source.partitions()
    with pytest.raises(UnavailableError, match="Postgres does not accept"):
        ArchiveLedger(archive.settings.postgres("archiver") | {"port": 1}, archive.topic).objects()
    with pytest.raises(UnavailableError, match="S3 does not answer"):
        ObjectStore(archive.settings.s3() | {"endpoint_url": "http://127.0.0.1:1"}, "any").ensure_bucket()
