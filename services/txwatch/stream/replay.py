"""Quarantine replay: what has become valid (by a widened list, say) moves into the facts exactly once."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from psycopg2.extras import execute_values
from pyspark.sql import SparkSession

from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream.batch import QUARANTINE_SCHEMA
from txwatch.stream.decoding import RECORD_SCHEMA
from txwatch.stream.inspection import Inspector, Rejection
from txwatch.stream.ledger import open_epoch
from txwatch.stream.rules import Ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.sink import ScoredBatch, WarehouseSink

QUERY = "quarantine-replay"
_CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class ReplayResult:
    """What became of the quarantined records that were looked at."""

    looked_at: int
    facts: int
    duplicates: int
    held: int


@dataclass(frozen=True)
class _Held:
    """One quarantined record."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    raw: bytes | None

    @property
    def position(self) -> tuple[str, int, int]:
        return (self.topic, self.partition, self.offset)


@dataclass
class QuarantineReplay:
    """Looks at everything that is held, in chunks, each one transaction."""

    settings: Settings
    ruleset: Ruleset
    spark: Callable[[], SparkSession]
    """Starts Spark, which is done only when there is something to score by rules that need it."""

    def __post_init__(self) -> None:
        """Prepare the scorer."""
        self._scorer = Scorer(self.settings, self.ruleset, self.spark)

    def run(self, reason: str | None = None) -> ReplayResult:
        """Move what is valid now into the facts, mark it, and leave the rest as it is.

        Args:
            reason: look only at records held for this reason.
        """
        with closing(connect(self.settings.postgres("stream_writer"))) as connection:
            epoch = open_epoch(connection, QUERY, {})
        looked_at = facts = duplicates = 0
        with closing(WarehouseSink(self.settings, epoch, self.ruleset)) as sink:
            for number, chunk in enumerate(self._held(reason)):
                looked_at += len(chunk)
                if valid := self._valid(chunk):
                    totals = sink.write(self._batch(number, valid))
                    facts, duplicates = facts + totals.facts, duplicates + totals.duplicates
        return ReplayResult(looked_at, facts, duplicates, looked_at - facts - duplicates)

    def _held(self, reason: str | None) -> Iterator[list[_Held]]:
        """Yield what is held, in order of position; a chunk is read when the one before it is done."""
        after: tuple[str, int, int] = ("", -1, -1)
        with closing(connect(self.settings.postgres("stream_writer"))) as connection:
            while True:
                with connection, connection.cursor() as cursor:
                    rows = _read_held(cursor, reason, after)
                if not rows:
                    return
                yield rows
                after = rows[-1].position

    def _valid(self, chunk: list[_Held]) -> dict[tuple[str, int, int], tuple[_Held, bytes]]:
        inspector = Inspector(
            self.settings.currencies, timedelta(seconds=self.settings.future_tolerance_seconds)
        )
        verdicts = ((held, inspector.inspect(held.raw, held.appended_at)) for held in chunk)
        return {
            held.position: (held, verdict) for held, verdict in verdicts if not isinstance(verdict, Rejection)
        }

    def _batch(self, number: int, valid: dict[tuple[str, int, int], tuple[_Held, bytes]]) -> ScoredBatch:
        held = [held for held, _ in valid.values()]
        columns = [
            [one.topic for one in held],
            [one.partition for one in held],
            [one.offset for one in held],
            [one.appended_at for one in held],
            [one.key for one in held],
            [canonical for _, canonical in valid.values()],
        ]
        records = pa.table(columns, schema=RECORD_SCHEMA)
        scored = self._scorer.batch(number, self._scorer.prepared(records))
        refused = {
            (row["topic"], row["kafka_partition"], row["kafka_offset"])
            for row in scored.quarantine.to_pylist()
        }
        ids = {
            position: _transaction_id(canonical)
            for position, (_, canonical) in valid.items()
            if position not in refused
        }
        return replace(
            scored,
            rows_in=scored.facts.num_rows,
            ranges=(),  # these offsets were accounted for when they were quarantined
            quarantine=QUARANTINE_SCHEMA.empty_table(),
            appended_ms=np.empty(0),
            resolve=lambda cursor, ledger_seq, inserted: _mark(cursor, ledger_seq, ids, inserted),
        )


def _read_held(cursor: Cursor, reason: str | None, after: tuple[str, int, int]) -> list[_Held]:
    cursor.execute(
        "select topic, kafka_partition, kafka_offset, appended_at, key, raw from ops.quarantine "
        "where resolution is null and (%(reason)s::text is null or reason = %(reason)s) "
        "and (topic, kafka_partition, kafka_offset) > %(after)s "
        "order by topic, kafka_partition, kafka_offset limit %(limit)s",
        {"reason": reason, "after": after, "limit": _CHUNK_ROWS},
    )
    return [
        _Held(topic, partition, offset, appended_at.astimezone(UTC), _bytes(key), _bytes(raw))
        for topic, partition, offset, appended_at, key, raw in cursor.fetchall()
    ]


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _transaction_id(canonical: bytes) -> bytes:
    return bytes.fromhex(json.loads(canonical)["transaction_id"].replace("-", ""))


def _mark(
    cursor: Cursor, ledger_seq: int, ids: dict[tuple[str, int, int], bytes], inserted: set[bytes]
) -> None:
    """Note on each replayed record what became of it; of several with one id, the first became the fact."""
    left = set(inserted)
    marks = []
    for position, transaction_id in ids.items():
        marks.append((*position, "fact" if transaction_id in left else "duplicate", ledger_seq))
        left.discard(transaction_id)
    execute_values(
        cursor,
        "update ops.quarantine as held set resolution = mark.resolution, "
        "resolved_ledger_seq = mark.ledger_seq, resolved_at = clock_timestamp() "
        "from (values %s) as mark (topic, kafka_partition, kafka_offset, resolution, ledger_seq) "
        "where (held.topic, held.kafka_partition, held.kafka_offset) "
        "= (mark.topic, mark.kafka_partition, mark.kafka_offset)",
        marks,
        page_size=_CHUNK_ROWS,
    )
