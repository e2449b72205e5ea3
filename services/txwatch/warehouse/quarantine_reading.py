"""Reads the quarantine: what is held, why, and the raw bytes."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.errors import UnavailableError, UsageError
from txwatch.postgres import connect

_COUNTS = """
select reason, count(*) filter (where resolution is null), count(*) filter (where resolution is not null)
from ops.quarantine
where topic = %(topic)s and (%(reason)s::text is null or reason = %(reason)s)
group by reason
order by 2 desc, 1
"""
_RECORDS = """
select kafka_partition, kafka_offset, appended_at, reason, field, detail, key, raw, resolution, resolved_at
from ops.quarantine
where topic = %(topic)s
"""
_NEWEST = f"""
{_RECORDS}
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(with_resolved)s or resolution is null)
order by appended_at desc, kafka_partition, kafka_offset desc
limit %(limit)s
"""
_ONE = f"{_RECORDS} and kafka_partition = %(partition)s and kafka_offset = %(offset)s"


@dataclass(frozen=True)
class ReasonCount:
    """How many records came to the quarantine for one reason."""

    reason: str
    held: int
    resolved: int


@dataclass(frozen=True)
class QuarantinedRecord:
    """One record as it came, and why it is no transaction."""

    partition: int
    offset: int
    appended_at: datetime
    reason: str
    field: str | None
    detail: str | None
    key: bytes | None
    raw: bytes | None
    """The record's value; `None` for a tombstone."""
    resolution: str | None
    """What a replay made of it; `None` while it is held."""
    resolved_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return JSON values; bytes as text where they are UTF-8, and raw ones exactly, in base64."""
        values = asdict(self)
        values |= {name: _text(values[name]) for name in ("key", "raw")}
        values |= {
            name: value and value.isoformat() for name, value in values.items() if name.endswith("_at")
        }
        return values | {"raw_base64": None if self.raw is None else b64encode(self.raw).decode()}


class QuarantineReader:
    """Reads the quarantine of one topic; each method raises `UnavailableError` when Postgres is away."""

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        """Prepare; each method connects for itself.

        Args:
            options: `psycopg2.connect` arguments of a role that may select from ops.quarantine.
            topic: the topic of the transactions.
        """
        self._options = options
        self._topic = topic

    def counts(self, reason: str | None = None) -> list[ReasonCount]:
        """Return how many records each reason holds, the most frequent first."""
        with self._reading() as cursor:
            cursor.execute(_COUNTS, {"topic": self._topic, "reason": reason})
            return [ReasonCount(*row) for row in cursor.fetchall()]

    def newest(
        self, limit: int, reason: str | None = None, *, with_resolved: bool = False
    ) -> list[QuarantinedRecord]:
        """Return the records that Kafka appended last, of one reason or of all."""
        names = {"topic": self._topic, "reason": reason, "with_resolved": with_resolved, "limit": limit}
        with self._reading() as cursor:
            cursor.execute(_NEWEST, names)
            return [_record(row) for row in cursor.fetchall()]

    def one(self, partition: int, offset: int) -> QuarantinedRecord:
        """Return the record at an offset.

        Raises:
            UsageError: the quarantine has no record from there.
        """
        with self._reading() as cursor:
            cursor.execute(_ONE, {"topic": self._topic, "partition": partition, "offset": offset})
            row = cursor.fetchone()
        if row is None:
            raise UsageError(
                f"partition {partition} offset {offset} is not in quarantine: "
                "`txwatch quarantine list` shows what is"
            )
        return _record(row)

    @contextmanager
    def _reading(self) -> Iterator[Cursor]:
        connection = connect(self._options)
        try:
            connection.set_session(readonly=True)
            with connection, connection.cursor() as cursor:
                yield cursor
        except psycopg2.OperationalError as error:
            raise UnavailableError(
                f"Postgres broke off ({' '.join(str(error).split())}): try again"
            ) from error
        finally:
            connection.close()


def _record(row: tuple[Any, ...]) -> QuarantinedRecord:
    partition, offset, appended_at, reason, field, detail, key, raw, resolution, resolved_at = row
    return QuarantinedRecord(
        partition,
        offset,
        appended_at,
        reason,
        field,
        detail,
        _bytes(key),
        _bytes(raw),
        resolution,
        resolved_at,
    )


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _text(value: bytes | None) -> str | None:
    try:
        return value.decode() if value is not None else None
    except UnicodeDecodeError:
        return None
