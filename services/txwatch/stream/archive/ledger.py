"""The archive's ledger in Postgres: which offset ranges are on S3. It is the authority, not the bucket."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg2
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.errors import FencedError, TxwatchError, UnavailableError, UsageError
from txwatch.postgres import AWAY, Connection, connect
from txwatch.stream.archive.layout import OffsetRange

LOCK_SPACE = 0x7478_6172  # "txar"; the topic's hash is the second half of the lock's key
LOCK_PATIENCE_SECONDS = 5.0
"""A killed archiver's lock goes with its connection, which the server notices a moment later."""

_RECORD = """
insert into ops.archive_object (topic, kafka_partition, start_offset, end_offset, key, rows, bytes)
values (%(topic)s, %(partition)s, %(start)s, %(end)s, %(key)s, %(rows)s, %(bytes)s)
on conflict (topic, kafka_partition, start_offset) do update set rows = excluded.rows, bytes = excluded.bytes
where archive_object.end_offset = excluded.end_offset
"""


@dataclass(frozen=True)
class ArchiveObject:
    """One object as the ledger knows it."""

    range: OffsetRange
    rows: int
    bytes: int

    def describes(self, records: pa.Table) -> bool:
        """Say whether this is what it holds: so many records, in order, of its partition and range.

        Args:
            records: columns of `records.SCHEMA`.
        """
        offsets = records["offset"].to_numpy()
        return (
            records.num_rows == self.rows > 0
            and bool(np.all(records["partition"].to_numpy() == self.range.partition))
            and self.range.start <= offsets[0]
            and offsets[-1] < self.range.end
            and bool(np.all(np.diff(offsets) > 0))
        )


class ArchiveLedger:
    """Ledger of one topic, held by one archiver at a time through an advisory lock."""

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        """Prepare a connection, which is made when it is first needed and again when it was lost.

        Args:
            options: keyword arguments of `psycopg2.connect` for the role `archiver`.
            topic: the topic that is archived.
        """
        self._options = options
        self._topic = topic
        self._connection: Connection | None = None

    def close(self) -> None:
        """Give the lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def objects(self) -> list[ArchiveObject]:
        """Return all objects, by partition and offset.

        Raises:
            UnavailableError: Postgres does not answer.
            UsageError: another archiver holds the topic.
        """
        rows = self._execute(
            "select kafka_partition, start_offset, end_offset, rows, bytes from ops.archive_object "
            "where topic = %(topic)s order by kafka_partition, start_offset",
            {"topic": self._topic},
        )
        return [
            ArchiveObject(OffsetRange(self._topic, partition, start, end), count, size)
            for partition, start, end, count, size in rows
        ]

    def holds(self, entry: ArchiveObject) -> bool:
        """Say whether an object is still entered as it was; a merge may have taken its place.

        Raises:
            UnavailableError: Postgres does not answer.
            UsageError: another archiver holds the topic.
        """
        found = self._execute(
            "select end_offset, bytes from ops.archive_object where key = %(key)s", {"key": entry.range.key}
        )
        return found == [(entry.range.end, entry.bytes)]

    def record(self, written: ArchiveObject) -> None:
        """Enter an object that is safely on S3; entering it again is harmless.

        Raises:
            UnavailableError: Postgres does not answer.
            UsageError: another archiver holds the topic.
            FencedError: the ledger holds another range from the same offset on.
        """
        entry = vars(written.range) | {"key": written.range.key, "rows": written.rows, "bytes": written.bytes}
        changed = self._execute(f"{_RECORD} returning 1", entry)
        if not changed:
            raise FencedError(
                f"another archiver has written from offset {written.range.start} of {self._topic}/"
                f"{written.range.partition} on: nothing is lost, start `txwatch archive` again"
            )

    def rewrite(self, written: ArchiveObject) -> None:
        """Note the new size of an object that was written again; one that was merged meanwhile stays merged.

        Raises:
            UnavailableError: Postgres does not answer.
            UsageError: another archiver holds the topic.
        """
        self._execute(
            "update ops.archive_object set bytes = %(bytes)s where key = %(key)s returning 1",
            {"key": written.range.key, "bytes": written.bytes},
        )

    def in_transit(self) -> set[str]:
        """Return the objects that compaction has announced: not in the ledger yet, or any more.

        Raises:
            UnavailableError: Postgres does not answer.
            UsageError: another archiver holds the topic.
        """
        rows = self._execute(
            "select key from ops.archive_transit where topic = %(topic)s", {"topic": self._topic}
        )
        return {key for (key,) in rows}

    def _execute(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall()
        except AWAY as error:
            self.close()
            reason = " ".join(str(error).split())
            raise UnavailableError(f"Postgres does not answer the archiver ({reason})") from error
        except psycopg2.ProgrammingError as error:
            self.close()
            reason = " ".join(str(error).split())
            raise TxwatchError(
                f"the warehouse does not have the archive's ledger ({reason}): run `txwatch up`"
            ) from error

    def _connect(self) -> Connection:
        connection = connect(self._options)
        connection.autocommit = True
        with connection.cursor() as cursor:
            deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
            while not _try_lock(cursor, self._topic):
                if time.monotonic() > deadline:
                    connection.close()
                    raise UsageError(
                        f"another `txwatch archive` is at work on {self._topic}: let it be, or end it first"
                    )
                time.sleep(0.2)
        return connection


def _try_lock(cursor: Cursor, topic: str) -> bool:
    cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_SPACE, topic))
    row = cursor.fetchone()
    return bool(row and row[0])
