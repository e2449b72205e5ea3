"""The archive's ledger as compaction sees it: role `operator`, one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.errors import TxwatchError, UsageError
from txwatch.postgres import Connection, connect
from txwatch.stream.archive.layout import OffsetRange
from txwatch.stream.archive.ledger import ArchiveObject

LOCK_SPACE = 0x7478_636D  # "txcm"; the topic's hash is the second half of the lock's key

_OBJECTS = """
select kafka_partition, start_offset, end_offset, rows, bytes,
    archived_at < clock_timestamp() - make_interval(secs => %(seconds)s),
    start_offset = max(start_offset) over (partition by kafka_partition)
from ops.archive_object
where topic = %(topic)s
order by kafka_partition, start_offset
"""
_MAY_GO = """
select key from ops.archive_transit
where topic = %(topic)s and since < clock_timestamp() - make_interval(secs => %(seconds)s)
    and not exists (select from ops.archive_object as object where object.key = archive_transit.key)
order by key
"""
_ANNOUNCE = """
insert into ops.archive_transit (key, topic, state) values (%(key)s, %(topic)s, %(state)s)
on conflict (key) do update set state = excluded.state, since = clock_timestamp()
"""
_RECORD = """
insert into ops.archive_object (topic, kafka_partition, start_offset, end_offset, key, rows, bytes)
values (%(topic)s, %(partition)s, %(start)s, %(end)s, %(key)s, %(rows)s, %(bytes)s)
"""


class CompactionLedger:
    """Every method is one transaction; use them within `held`."""

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        """Prepare; `options` are `psycopg2.connect` arguments for the role `operator`."""
        self._options = options
        self._topic = topic
        self._connection: Connection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Connect, and keep other compactions of the topic out; the lock goes with the connection.

        Raises:
            UsageError: another one is at work.
            UnavailableError: Postgres does not answer.
        """
        with closing(connect(self._options)) as connection:
            self._connection = connection
            with self._transaction() as cursor:
                cursor.execute("select pg_try_advisory_lock(%s, hashtext(%s))", (LOCK_SPACE, self._topic))
                if cursor.fetchone() != (True,):
                    raise UsageError(
                        f"another `txwatch maintain archive` is at work on {self._topic}: wait for it to end"
                    )
            yield

    def objects(self, older_than_hours: float) -> tuple[list[ArchiveObject], dict[int, int]]:
        """Return the objects that are old enough, in order, and where each partition's last object starts."""
        with self._transaction() as cursor:
            cursor.execute(_OBJECTS, {"topic": self._topic, "seconds": older_than_hours * 3600})
            rows = cursor.fetchall()
        old = [
            ArchiveObject(OffsetRange(self._topic, *place), count, size)
            for *place, count, size, is_old, _ in rows
            if is_old
        ]
        return old, {row[0]: row[1] for row in rows if row[-1]}

    def may_go(self, hours: float) -> list[str]:
        """Return the announced objects that the ledger does not name and nobody reads any more."""
        with self._transaction() as cursor:
            cursor.execute(_MAY_GO, {"topic": self._topic, "seconds": hours * 3600})
            return [key for (key,) in cursor.fetchall()]

    def gone(self, key: str) -> None:
        """Forget an announced object that was removed."""
        with self._transaction() as cursor:
            cursor.execute("delete from ops.archive_transit where key = %s", (key,))

    def announce(self, merged: OffsetRange) -> None:
        """Say that an object is about to be written, before the ledger names it."""
        with self._transaction() as cursor:
            cursor.execute(_ANNOUNCE, {"key": merged.key, "topic": self._topic, "state": "arriving"})

    def switch(self, merged: ArchiveObject, parts: Sequence[ArchiveObject]) -> None:
        """Put a merged object in the place of its parts, which are announced as leaving, all at once.

        Raises:
            TxwatchError: the ledger does not hold exactly these parts any more; nothing was changed.
        """
        with self._transaction() as cursor:
            cursor.execute(
                "delete from ops.archive_object where key = any (%s)", ([part.range.key for part in parts],)
            )
            if cursor.rowcount != len(parts):
                raise TxwatchError(
                    f"the ledger of {merged.range} changed while its objects were merged: nothing was done, "
                    "run `txwatch maintain archive` again"
                )
            entry = vars(merged.range) | {"key": merged.range.key, "rows": merged.rows, "bytes": merged.bytes}
            cursor.execute(_RECORD, entry)
            cursor.execute("delete from ops.archive_transit where key = %s", (merged.range.key,))
            for part in parts:
                cursor.execute(_ANNOUNCE, {"key": part.range.key, "topic": self._topic, "state": "leaving"})

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        if self._connection is None:
            raise UsageError("a compaction ledger is used within `held`")
        with self._connection as connection, connection.cursor() as cursor:
            yield cursor
