"""The warehouse end of the labels: one Postgres transaction per batch, with its row in ops.label_ledger.

Contract: `enter` returns when the batch is committed; whatever it raises, the batch is committed as a whole
or not at all, and `open` says where to go on.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from psycopg2.extras import Json, execute_values

from txwatch.errors import TxwatchError, UnavailableError
from txwatch.postgres import AWAY, Connection, as_writer, connect
from txwatch.stream.fields import Rejection
from txwatch.stream.labels.history import Additions, Kept, additions
from txwatch.stream.labels.inspection import Label
from txwatch.stream.ledger import Epoch, advance, check_current, new_holder, open_epoch, writer_name
from txwatch.stream.offsets import OffsetRange, Offsets

QUERY = "labels"
"""The labels' name in ops.stream_query and ops.stream_offset."""

_KEPT = """
select transaction_id::text, chargeback_id, is_fraud, scenario, known_at, superseded_seq is null
from core.fact_chargeback
where transaction_id = any(%s::uuid[])
"""


class Refused(NamedTuple):
    """A record that is no label, as it came."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    raw: bytes | None
    rejection: Rejection


@dataclass(frozen=True)
class LabelBatch:
    """Records that follow what the ledger has, in the order of arrival."""

    ranges: tuple[OffsetRange, ...]
    labels: Sequence[Label]
    refused: Sequence[Refused]


@dataclass(frozen=True)
class LabelTotals:
    """What one batch, or several, came to."""

    rows_in: int = 0
    first_labels: int = 0
    corrections: int = 0
    outdated: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def plus(self, other: "LabelTotals") -> "LabelTotals":
        """Return both together."""
        return LabelTotals(*(mine + vars(other)[name] for name, mine in vars(self).items()))


class LabelLedger:
    """Writes batches of labels as label_writer; every method raises `UnavailableError` without Postgres."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Prepare a connection, which is made when it is first needed and again when it was lost.

        Args:
            options: keyword arguments of `psycopg2.connect` for the role `label_writer`.
        """
        self._options = options
        self._connection: Connection | None = None
        self._holder = new_holder()
        self._epoch: Epoch | None = None

    def close(self) -> None:
        """Give the connection back; a transaction that is open is rolled back."""
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None

    def open(self, earliest: Offsets) -> Offsets:
        """Take the labels over from whoever held them, or go on after a failure; return where to begin.

        Args:
            earliest: per (topic, partition), where to begin if the ledger knows nothing of it.

        Raises:
            FencedError: another process has taken over since this one last did.
        """
        self.close()
        held = None if self._epoch is None else self._epoch.number
        start = {**self._options, "application_name": f"{writer_name(QUERY)} start"}
        with _sentences(), closing(connect(start)) as connection:
            self._epoch = open_epoch(connection, QUERY, earliest, held, self._holder)
        return self._epoch.offsets

    def require_current(self) -> None:
        """Check that the labels are still this process's to write.

        Raises:
            FencedError: another process has taken over.
        """
        with self._transaction():
            pass

    def enter(self, batch: LabelBatch) -> LabelTotals:
        """Commit a batch and return what it came to.

        Raises:
            FencedError: another process has taken over.
            UnavailableError: Postgres went away; whether it has committed, `open` tells.
        """
        with self._transaction() as cursor:
            ranges = advance(cursor, QUERY, batch.ranges)
            added = additions(batch.labels, _kept(cursor, {label.transaction_id for label in batch.labels}))
            totals = LabelTotals(
                len(batch.labels) + len(batch.refused),
                added.first_labels,
                added.corrections,
                added.outdated,
                added.duplicates,
                len(batch.refused),
            )
            label_seq = self._take_number(cursor, ranges, totals)
            _write(cursor, added, label_seq)
            _quarantine(cursor, batch.refused, label_seq)
        return totals

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        """Lend a cursor while the labels are this process's to write; commit at the end."""
        if self._epoch is None:
            raise TxwatchError("the labels were never taken over: call open first")
        with _sentences():
            if self._connection is None:
                self._connection = connect(as_writer(self._options, writer_name(QUERY)))
            with self._connection as connection, connection.cursor() as cursor:
                check_current(cursor, QUERY, self._epoch.number)
                yield cursor

    def _take_number(self, cursor: Cursor, ranges: Iterable[OffsetRange], totals: LabelTotals) -> int:
        # An insert locks the table before its identity is drawn: that keeps ops.settled_horizon() true.
        columns = {
            "query": QUERY,
            "epoch": self._epoch and self._epoch.number,
            "offset_ranges": Json([span.as_json() for span in ranges]),
            **vars(totals),
        }
        values = ", ".join(f"%({name})s" for name in columns)
        cursor.execute(
            f"insert into ops.label_ledger ({', '.join(columns)}, committed_at) "  # noqa: S608 - our names
            f"values ({values}, clock_timestamp()) returning label_seq",
            columns,
        )
        row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]  # it was just inserted
        return row[0]


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what psycopg2 raises into what a person can act on."""
    try:
        yield
    except AWAY as error:
        raise UnavailableError(f"Postgres does not answer the labels ({_line(error)})") from error
    except psycopg2.Error as error:
        raise TxwatchError(
            f"Postgres refuses the labels ({_line(error)}): is the schema migrated? `txwatch up` migrates it"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _kept(cursor: Cursor, transaction_ids: set[str]) -> dict[str, list[Kept]]:
    kept: dict[str, list[Kept]] = defaultdict(list)
    cursor.execute(_KEPT, (sorted(transaction_ids),))
    for transaction_id, chargeback_id, is_fraud, scenario, known_at, is_current in cursor.fetchall():
        label = Label(transaction_id, is_fraud, scenario, known_at)
        kept[transaction_id].append(Kept(chargeback_id, label, is_current))
    return kept


def _write(cursor: Cursor, added: Additions, label_seq: int) -> None:
    """Close what is superseded first: a transaction never has two current labels."""
    cursor.execute(
        "update core.fact_chargeback set superseded_seq = %s where chargeback_id = any(%s)",
        (label_seq, added.superseded),
    )
    execute_values(
        cursor,
        "insert into core.fact_chargeback "
        "(transaction_id, known_at, label_seq, superseded_seq, is_fraud, scenario) values %s",
        [
            (
                entry.label.transaction_id,
                entry.label.known_at,
                label_seq,
                None if entry.is_current else label_seq,
                entry.label.is_fraud,
                entry.label.scenario,
            )
            for entry in added.entries
        ],
        template="(%s::uuid, %s, %s, %s::bigint, %s, %s)",
        page_size=1000,
    )


def _quarantine(cursor: Cursor, refused: Iterable[Refused], label_seq: int) -> None:
    execute_values(
        cursor,
        "insert into ops.label_quarantine "
        "(topic, kafka_partition, kafka_offset, appended_at, key, raw, reason, detail, label_seq) values %s",
        [(*record[:-1], *_explained(record.rejection), label_seq) for record in refused],
    )


def _explained(rejection: Rejection) -> tuple[str, str | None]:
    """Return the reason, and the field with what stood in it."""
    named = [part for part in (rejection.field, rejection.detail) if part]
    return str(rejection.reason), ": ".join(named) or None
