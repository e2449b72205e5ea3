"""The ledger: what has been done, kept in the same Postgres transaction as the doing.

Spark's checkpoint is only a convenience: each start asks the ledger where to begin. A start takes the next
epoch of its query; every batch checks, under a row lock, that its epoch is still the current one, so a driver
that was thought dead and wakes up writes nothing (fencing).
"""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import Json, execute_values

from txwatch.errors import FencedError, TxwatchError
from txwatch.stream.offsets import OffsetRange, Offsets


@dataclass(frozen=True)
class Epoch:
    """One start of a query."""

    query: str
    number: int
    offsets: Offsets
    """Where this start begins."""


@dataclass(frozen=True)
class Totals:
    """What one batch came to."""

    rows_in: int
    facts: int
    alerts: int
    quarantined: int
    duplicates: int


def new_holder() -> str:
    """Name a holder of queries, as no other start is named: host, process and a random end."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def open_epoch(
    connection: Connection,
    query: str,
    earliest: Mapping[tuple[str, int], int],
    held: int | None = None,
    holder: str | None = None,
) -> Epoch:
    """Take the query over from whoever held it and return where to begin.

    Args:
        connection: to the warehouse as the role that writes the query's batches; committed here, and of
            another application_name than `writer_name`.
        query: the query's name.
        earliest: per (topic, partition), where to begin if the ledger knows nothing of it.
        held: the epoch that the holder knows to be its own, where it starts the query again.
        holder: who takes it, as `new_holder` names it; not given: somebody new.

    Raises:
        FencedError: another holder has taken over since: only a person's new start may take it back.
    """
    holder = holder or new_holder()
    with connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('txwatch.stream'), hashtext(%s))", (query,))
        if held is not None and _holder(cursor, query) != holder:
            check_current(cursor, query, held)
        _end_writers(cursor, query)
        cursor.execute(
            "insert into ops.stream_query (query, epoch, holder) values (%s, 1, %s) "
            "on conflict (query) do update "
            "set epoch = stream_query.epoch + 1, holder = excluded.holder, started_at = clock_timestamp() "
            "returning epoch",
            (query, holder),
        )
        number = _one(cursor)
        begin = [(query, topic, partition, offset) for (topic, partition), offset in earliest.items()]
        execute_values(
            cursor,
            "insert into ops.stream_offset (query, topic, kafka_partition, next_offset) values %s "
            "on conflict do nothing",
            begin,
        )
        return Epoch(query, number, _offsets(cursor, query))


def claim(cursor: Cursor, epoch: Epoch, batch_id: int, ranges: tuple[OffsetRange, ...]) -> int | None:
    """Claim a batch inside its transaction.

    Returns:
        The batch's ledger_seq, or `None` where this epoch has committed it before: nothing is left to do.

    Raises:
        FencedError: a newer start of the query has taken over.
        TxwatchError: the batch begins before what is already done.
    """
    check_current(cursor, epoch.query, epoch.number)
    cursor.execute(
        "select from ops.stream_ledger where query = %s and epoch = %s and batch_id = %s",
        (epoch.query, epoch.number, batch_id),
    )
    if cursor.fetchone() is not None:
        return None
    continued = advance(cursor, epoch.query, ranges)
    cursor.execute(
        "insert into ops.stream_ledger (query, epoch, batch_id, offset_ranges, "
        "rows_in, facts, alerts, quarantined, duplicates, committed_at) "
        "values (%s, %s, %s, %s, 0, 0, 0, 0, 0, clock_timestamp()) returning ledger_seq",
        (epoch.query, epoch.number, batch_id, Json([span.as_json() for span in continued])),
    )
    return _one(cursor)


def check_current(cursor: Cursor, query: str, epoch: int) -> None:
    """Require that no newer start has taken the query over, and let none do so before the commit.

    Raises:
        FencedError: one has.
    """
    cursor.execute("select epoch from ops.stream_query where query = %s for update", (query,))
    if (current := _one(cursor)) != epoch:
        raise FencedError(f"query {query}: epoch {current} has taken over from epoch {epoch}")


def advance(cursor: Cursor, query: str, ranges: tuple[OffsetRange, ...]) -> tuple[OffsetRange, ...]:
    """Move the query's offsets past a batch; return its ranges, each from where the one before it ended.

    Raises:
        TxwatchError: the batch begins before what is already done.
    """
    continued = _continue(_offsets(cursor, query), ranges)
    execute_values(
        cursor,
        "insert into ops.stream_offset (query, topic, kafka_partition, next_offset) values %s "
        "on conflict (query, topic, kafka_partition) do update set next_offset = excluded.next_offset",
        [(query, span.topic, span.partition, span.end) for span in continued],
    )
    return continued


def settle(cursor: Cursor, ledger_seq: int, totals: Totals, latency: Mapping[str, Any]) -> None:
    """Write down what the claimed batch came to; the last statement before its commit."""
    columns = {**vars(totals), **latency}
    assignments = ", ".join(f"{name} = %({name})s" for name in columns)
    cursor.execute(
        f"update ops.stream_ledger set {assignments}, committed_at = clock_timestamp() "  # noqa: S608 - our names
        "where ledger_seq = %(ledger_seq)s",
        {**columns, "ledger_seq": ledger_seq},
    )


def writer_name(query: str) -> str:
    """Return the application_name under which a query's batches are written."""
    return f"txwatch {query}"


def _holder(cursor: Cursor, query: str) -> str | None:
    """Return who took the query last: it may know nothing of it, if the answer to its commit was lost."""
    cursor.execute("select holder from ops.stream_query where query = %s", (query,))
    row = cursor.fetchone()
    return str(row[0]) if row else None


def _end_writers(cursor: Cursor, query: str) -> None:
    """Roll back what an earlier start has open: a frozen driver would hold its row lock for ever."""
    cursor.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where usename = current_user and datname = current_database() and application_name = %s",
        (writer_name(query),),
    )


def _continue(done: Offsets, ranges: tuple[OffsetRange, ...]) -> tuple[OffsetRange, ...]:
    """Let each range start where the one before it ended, so that a gap shows as rows that are missing."""
    for span in ranges:
        if span.start < done.get((span.topic, span.partition), 0):
            raise TxwatchError(
                f"offset {span.start} of {span.topic}-{span.partition} is done already: "
                "the batch does not follow the ledger; restart the stream"
            )
    return tuple(
        OffsetRange(span.topic, span.partition, done.get((span.topic, span.partition), span.start), span.end)
        for span in ranges
    )


def _offsets(cursor: Cursor, query: str) -> Offsets:
    cursor.execute(
        "select topic, kafka_partition, next_offset from ops.stream_offset where query = %s", (query,)
    )
    return {(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _one(cursor: Cursor) -> int:
    row = cursor.fetchone()
    if row is None:
        raise TxwatchError("the warehouse returned no row where one was due: is the schema migrated?")
    return int(row[0])
