"""A topic whose records are remembered, the archiver at work on it, and an S3 endpoint that may stop."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from socket import create_connection, socket
from threading import Event, Thread
from typing import Any

import boto3
import psycopg2
import pyarrow as pa
from confluent_kafka import Producer
from pyarrow import parquet

from oracle.deadline import until
from txwatch.settings import Settings
from txwatch.stream.archive.archiver import Archiver
from txwatch.stream.archive.buffer import Limits
from txwatch.stream.archive.ledger import ArchiveLedger
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.records import RecordSource

DEADLINE_SECONDS = 60
Record = tuple[int, int, bytes | None, bytes | None]
"""Partition, offset, key, value."""


class S3Server:
    """A moto server on one port. What it holds is gone when it is stopped."""

    def __init__(self) -> None:
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if self._process is not None:
            return
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, DEADLINE_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@dataclass
class ArchivedTopic:
    """A topic, its ledger and its bucket; what is produced is remembered."""

    settings: Settings
    produced: list[Record] = field(default_factory=list)

    @property
    def topic(self) -> str:
        return self.settings.kafka_transactions_topic

    def produce(self, count: int) -> None:
        """Append records to the partitions in turn; among them tombstones, empty ones and no text."""
        producer = Producer({**self.settings.kafka_client(), "linger.ms": 5})

        def remember(error: object, message: Any) -> None:
            assert error is None, error
            self.produced.append((message.partition(), message.offset(), message.key(), message.value()))

        for number in range(len(self.produced), len(self.produced) + count):
            value = {0: None, 1: b"", 2: b"\xff\x00"}.get(number % 50, b'{"number": %d}' % number)
            producer.produce(
                self.topic,
                value,
                b"key-%d" % number,
                partition=number % self.settings.kafka_partitions,
                on_delivery=remember,
            )
            producer.poll(0)
        assert producer.flush(DEADLINE_SECONDS) == 0

    def ledger(self) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(**self.settings.postgres("archiver"))) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "select kafka_partition, start_offset, end_offset, key, rows, bytes from ops.archive_object "
                "where topic = %s order by 1, 2",
                (self.topic,),
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def archived_rows(self) -> int:
        return sum(row[4] for row in self.ledger())

    @cached_property
    def client(self) -> Any:
        return boto3.client("s3", **self.settings.s3())

    def object_names(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.s3_bucket, Prefix="raw/"
        )
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def archived(self) -> list[Record]:
        """Return every record of every object in the bucket."""
        records: list[Record] = []
        for key in self.object_names():
            body = self.client.get_object(Bucket=self.settings.s3_bucket, Key=key)["Body"].read()
            table = parquet.read_table(pa.BufferReader(body))
            records += [
                (row["partition"], row["offset"], row["key"], row["value"]) for row in table.to_pylist()
            ]
        return sorted(records)

    def assert_whole(self) -> None:
        """Check that the bucket holds each record once, under the names that the ledger gives."""
        assert self.archived() == sorted(self.produced)
        assert self.object_names() == sorted(row[3] for row in self.ledger())

    @contextmanager
    def archiver(self, **options: Any) -> Iterator[Archiver]:
        """Make an archiver; not yet at work."""
        source = RecordSource(self.settings.kafka_client(), self.topic)
        ledger = ArchiveLedger(self.settings.postgres("archiver"), self.topic)
        store = ObjectStore(self.settings.s3(), self.settings.s3_bucket)
        parts = {"source": source, "ledger": ledger, "store": store, "stop": Event()}
        limits = Limits(self.settings.archive_max_rows, self.settings.archive_interval_seconds)
        try:
            yield Archiver(**{"limits": limits, **parts, **options})
        finally:
            source.close()
            ledger.close()

    def drain(self) -> None:
        """Archive everything that is there and end."""
        with self.archiver() as archiver:
            archiver.run(until_drained=True)

    @contextmanager
    def archiving(self) -> Iterator[None]:
        """Archive in the background."""
        stop, failures = Event(), list[BaseException]()

        def work() -> None:
            try:
                with self.archiver(stop=stop) as archiver:
                    archiver.run()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failures.append(error)

        thread = Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()
        assert failures == []
