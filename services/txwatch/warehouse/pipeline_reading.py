"""Reads from Kafka and Postgres what a pipeline's status is worked out from."""

from contextlib import closing
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import psycopg2
from confluent_kafka import Consumer, KafkaException, TopicPartition

from txwatch.errors import UnavailableError
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.warehouse.pipeline_status import RATE_WINDOW_SECONDS, Alert, Offsets, PipelineReading

QUERY = "transactions"
"""The stream's name in ops.*."""
LABELS_QUERY = "labels"
"""The same of what enters the labels."""

_ANSWER_SECONDS = 10
_TOTALS = """
select coalesce(sum(rows_in), 0)::bigint, coalesce(sum(facts), 0)::bigint, coalesce(sum(alerts), 0)::bigint,
       coalesce(sum(duplicates), 0)::bigint, coalesce(sum(quarantined), 0)::bigint,
       coalesce(sum(rows_in) filter (where committed_at > now() - make_interval(secs => %(window)s)), 0)
           ::bigint,
       max(committed_at) filter (where rows_in > 0)
from ops.stream_ledger where query = %(query)s
"""
_LATENCY = """
select latency_p50_ms, latency_p95_ms from ops.stream_ledger
where query = %(query)s and latency_p50_ms is not null order by ledger_seq desc limit 1
"""
_HELD = "select count(*) from ops.quarantine where topic = %(topic)s and resolution is null"
_REACHED = """
select kafka_partition, next_offset from ops.stream_offset where query = %(query)s and topic = %(topic)s
"""
_ARCHIVED = """
select kafka_partition, max(end_offset) from ops.archive_object
where topic = %(topic)s group by kafka_partition
"""

_NEWEST_ALERTS = """
select raised_at, severity, alert.rules, amount, currency, country
from core.fact_alert as alert join core.fact_transaction using (transaction_id)
order by raised_at desc limit %(limit)s
"""


class PipelineReader:
    """Reads as often as asked, over one connection each; to be closed, or used as a context manager."""

    def __init__(self, settings: Settings) -> None:
        """Connect.

        Raises:
            UnavailableError: Postgres does not answer.
        """
        self._topic = settings.kafka_transactions_topic
        self._labels_topic = settings.kafka_labels_topic
        self._postgres = connect(settings.postgres("dashboard_reader"))
        self._postgres.set_session(readonly=True, autocommit=True)
        self._kafka = Consumer(settings.kafka_client() | {"group.id": "txwatch-status", "log_level": 0})

    def __enter__(self) -> Self:
        """Lend the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close both connections."""
        with closing(self._kafka), closing(self._postgres):
            pass

    def read(self) -> PipelineReading:
        """Read everything once, Kafka's ends first, so that a lag is never below the truth.

        Raises:
            UnavailableError: Kafka or Postgres does not answer.
        """
        transactions = self._offsets_in_kafka(self._topic)
        labels = self._offsets_in_kafka(self._labels_topic)
        try:
            return self._read_postgres(transactions, labels)
        except psycopg2.OperationalError as error:
            raise UnavailableError(f"Postgres is away ({error}): `txwatch up` repairs it") from error

    def newest_alerts(self, limit: int) -> list[Alert]:
        """Return the alerts raised last, the newest first."""
        return [Alert(*row) for row in self._query(_NEWEST_ALERTS, limit=limit)]

    def _read_postgres(
        self, transactions: tuple[Offsets, Offsets], labels: tuple[Offsets, Offsets]
    ) -> PipelineReading:
        rows, facts, alerts, duplicates, quarantined, recent, last_commit_at = self._query(_TOTALS)[0]
        latency = self._query(_LATENCY) or [(None, None)]
        return PipelineReading(
            read_at=datetime.now(UTC),
            first_offsets=transactions[0],
            end_offsets=transactions[1],
            scored_offsets=dict(self._query(_REACHED)),
            archived_offsets=dict(self._query(_ARCHIVED)),
            first_label_offsets=labels[0],
            end_label_offsets=labels[1],
            entered_label_offsets=dict(self._query(_REACHED, query=LABELS_QUERY, topic=self._labels_topic)),
            rows=rows,
            facts=facts,
            alerts=alerts,
            duplicates=duplicates,
            quarantined=quarantined,
            held=self._query(_HELD)[0][0],
            recent_rows=recent,
            last_commit_at=last_commit_at,
            latency_p50_ms=latency[0][0],
            latency_p95_ms=latency[0][1],
        )

    def _query(self, statement: str, **more: Any) -> list[tuple[Any, ...]]:
        parameters = {"query": QUERY, "topic": self._topic, "window": RATE_WINDOW_SECONDS} | more
        with self._postgres.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

    def _offsets_in_kafka(self, name: str) -> tuple[Offsets, Offsets]:
        first, end = {}, {}
        try:
            topic = self._kafka.list_topics(name, timeout=_ANSWER_SECONDS).topics[name]
            for partition in topic.partitions:
                wanted = TopicPartition(name, partition)
                low, high = self._kafka.get_watermark_offsets(wanted, timeout=_ANSWER_SECONDS)
                first[partition], end[partition] = low, high
        except KafkaException as error:
            raise UnavailableError(f"Kafka is away ({error}): `txwatch up` repairs it") from error
        return first, end
