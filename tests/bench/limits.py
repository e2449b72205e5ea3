"""What the machine can do: without work on the rows (L0), with the least around it (L1), with Spark (S0)."""

import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from pyspark.sql import DataFrame
from systems import Committed

from txwatch.embedded.jars import resolve
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream.batch import facts_of
from txwatch.stream.behind import WriteBehind
from txwatch.stream.checkpoint import ASYNCHRONOUS, provide_checkpoint
from txwatch.stream.columns import constant
from txwatch.stream.copying import copy_into, encoded
from txwatch.stream.decoding import RECORD_SCHEMA
from txwatch.stream.ledger import Totals, claim, open_epoch, settle
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.reading import RecordReader, reader_for
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import build_session
from txwatch.stream.sink import register_ruleset
from txwatch.stream.source import read_transactions, watermarks

_POLL_SECONDS = 0.2


def _values(settings: Settings) -> Iterator[tuple[list[bytes], tuple[OffsetRange, ...]]]:
    """Read the topic from its beginning to its present end, in batches."""
    topic, size = settings.kafka_transactions_topic, settings.stream_max_batch_rows
    options = {
        "group.id": "limit",
        "enable.auto.commit": False,
        "fetch.message.max.bytes": 16 << 20,
        "queued.min.messages": 200_000,
        "check.crcs": False,
    }
    with closing(Consumer(settings.kafka_client() | options)) as consumer:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        begin = [TopicPartition(topic, partition, 0) for partition in partitions]
        left = sum(consumer.get_watermark_offsets(one, timeout=30)[1] for one in begin)
        consumer.assign(begin)
        reached = dict.fromkeys(partitions, 0)
        while left:
            messages = consumer.consume(min(size, left), timeout=5)
            if not messages:
                continue
            spans = []
            counts = np.bincount([message.partition() for message in messages], minlength=len(reached))
            for partition, count in enumerate(counts.tolist()):
                spans.append(OffsetRange(topic, partition, reached[partition], reached[partition] + count))
                reached[partition] += count
            left -= len(messages)
            kept = tuple(span for span in spans if span.end > span.start)
            yield [message.value() for message in messages], kept


def _facts(values: list[bytes], reader: RecordReader) -> pa.Table:
    """Decode and score a batch of well-formed records, as the stream does."""
    count = len(values)
    nowhere = ["", 0, 0, datetime.now(UTC), None]
    columns = [
        pa.repeat(pa.scalar(value, field.type), count)
        for value, field in zip(nowhere, RECORD_SCHEMA, strict=False)
    ]
    decoded = reader.read(pa.table([*columns, values], schema=RECORD_SCHEMA))
    assert decoded.undecided.num_rows == 0
    return facts_of(decoded.events)


class Plain:
    """L1: consume, decode, score, COPY and ledger, one after the other in one Python process."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        self._reader = reader_for(settings, load_ruleset(settings.stream_ruleset))
        self._committed = committed

    def drain(self, settings: Settings) -> None:
        with closing(connect(settings.postgres("stream_writer"))) as connection:
            epoch = open_epoch(connection, "transactions", {})
            with connection, connection.cursor() as cursor:
                ruleset_id = register_ruleset(cursor, self._reader.ruleset)
            for batch, (values, spans) in enumerate(_values(settings)):
                facts = _facts(values, self._reader)
                with connection, connection.cursor() as cursor:
                    ledger_seq = claim(cursor, epoch, batch, spans)
                    assert ledger_seq is not None
                    rows = _stamped(facts, ledger_seq, ruleset_id)
                    copy_into(cursor, ("core", "fact_transaction"), rows)
                    settle(cursor, ledger_seq, Totals(len(values), rows.num_rows, 0, 0, 0), {})
                self._committed(len(values), batch)

    def follow(self, settings: Settings, until: threading.Event) -> None:
        raise NotImplementedError("the limit is measured by draining")


def _stamped(facts: pa.Table, ledger_seq: int, ruleset_id: int) -> pa.Table:
    return facts.append_column("ledger_seq", constant(ledger_seq, facts.num_rows, pa.int64())).append_column(
        "ruleset_id", constant(ruleset_id, facts.num_rows, pa.int32())
    )


class Encoded:
    """L0: rows that lie on the disk as Postgres wants them, COPY, commit; nothing else."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        self._committed = committed
        self._folder = tempfile.TemporaryDirectory(prefix="txwatch-bench-rows-")
        reader = reader_for(settings, load_ruleset(settings.stream_ruleset))
        self._batches: list[tuple[Path, int]] = []
        for batch, (values, _) in enumerate(_values(settings)):
            facts = _stamped(_facts(values, reader), batch, 1)
            self._columns = facts.column_names
            path = Path(self._folder.name, str(batch))
            path.write_bytes(b"".join(encoded(facts)))
            self._batches.append((path, facts.num_rows))

    def drain(self, settings: Settings) -> None:
        with closing(connect(settings.postgres("stream_writer"))) as connection:
            for batch in range(len(self._batches)):
                self.copy(connection, batch)

    def copy(self, connection: Connection, batch: int) -> int:
        """Commit the rows of one batch, and return how many they are."""
        path, rows = self._batches[batch]
        statement = sql.SQL("copy core.fact_transaction ({}) from stdin (format binary)").format(
            sql.SQL(", ").join(map(sql.Identifier, self._columns))
        )
        with path.open("rb") as encoded, connection, connection.cursor() as cursor:
            cursor.copy_expert(statement, encoded, size=1 << 20)
        self._committed(rows, batch)
        return rows

    def follow(self, settings: Settings, until: threading.Event) -> None:
        raise NotImplementedError("the limit is measured by draining")


class HandedOver(Encoded):
    """S0: Spark hands the records over as they are, rows made before are copied: nothing looks at a row."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        super().__init__(settings, committed)
        self._spark = build_session(settings, resolve("spark", settings))

    def drain(self, settings: Settings) -> None:
        bounds = watermarks(settings, settings.kafka_transactions_topic)
        due = sum(end for _, end in bounds.values())
        left = deque(range(len(self._batches)))
        handed = owed = 0
        behind = WriteBehind()

        def copy(connection: Connection, rows: int) -> None:
            nonlocal owed
            owed += rows
            while owed > 0:
                owed -= self.copy(connection, left.popleft())

        def take(connection: Connection, records: DataFrame) -> None:
            nonlocal handed
            rows = records.toArrow().num_rows
            behind.put(lambda: copy(connection, rows))
            handed += rows

        checkpoint = provide_checkpoint(settings, "handed-over", epoch=1)  # emptied for each drain
        self._spark.conf.set("spark.sql.streaming.checkpointFileManagerClass", checkpoint.manager)
        with ExitStack() as stack:
            connection = stack.enter_context(closing(connect(settings.postgres("stream_writer"))))
            stack.enter_context(closing(behind))
            query = (
                read_transactions(self._spark, settings, dict.fromkeys(bounds, 0))
                .select("value")
                .writeStream.option("checkpointLocation", checkpoint.location)
                .options(**ASYNCHRONOUS)
                .foreachBatch(lambda records, _: take(connection, records))
                .start()
            )
            stack.callback(query.stop)
            while not (handed == due and behind.is_idle()):
                if error := query.exception():
                    raise error
                time.sleep(_POLL_SECONDS)
