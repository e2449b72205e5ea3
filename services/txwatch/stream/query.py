"""The stream itself: source -> scorer -> sink, started again for as long as that can help."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import psycopg2
import structlog
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from txwatch.errors import TxwatchError, UnavailableError
from txwatch.heartbeat import Heartbeat
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream.behind import WriteBehind
from txwatch.stream.checkpoint import ASYNCHRONOUS, provide_checkpoint
from txwatch.stream.ledger import Epoch, Totals, new_holder, open_epoch
from txwatch.stream.moving import StagedBatch
from txwatch.stream.offsets import check_begin
from txwatch.stream.rules import Ruleset
from txwatch.stream.scorer import Scorer
from txwatch.stream.session import has_jvm
from txwatch.stream.sink import TRANSIENT, ScoredBatch, WarehouseSink, unwatched
from txwatch.stream.source import read_transactions, watermarks
from txwatch.stream.staging import stage_for
from txwatch.stream.verdicts import reason_for_spark

log = structlog.get_logger()

QUERY = "transactions"
Take = Callable[[int, DataFrame], None]
"""Takes a micro-batch's number and its records."""

_RESTARTABLE = (PySparkException, Py4JError, ConnectionError, psycopg2.Error, UnavailableError)
_POLL_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_IDLE = "Waiting for data to arrive"
"""What Spark says of a query that has looked for data and found none."""


def nothing(_: Totals) -> None:
    """Take no notice of a commit."""


@dataclass
class TransactionStream:
    """Runs the query until it is stopped, or until what it needs stays away for too long."""

    settings: Settings
    ruleset: Ruleset
    spark: SparkSession
    on_commit: Callable[[Totals], None] = nothing
    until_drained: bool = False
    reached: Callable[[str], None] = unwatched
    """Handed to the sink: see there."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _in_batch: threading.Lock = field(default_factory=threading.Lock)
    _holder: str = field(default_factory=new_holder)
    _epoch: int | None = None
    _alive_at: float = 0.0
    """When a batch was last committed, or the query last had nothing to do (time.monotonic)."""
    _failure: BaseException | None = None

    def __post_init__(self) -> None:
        """Prepare the sign of life."""
        self._heartbeat = Heartbeat(self.settings.state_dir, "stream")

    def stop(self) -> None:
        """Let the batch in flight finish and end; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Stream until stopped (or drained, where that was asked for).

        Raises:
            FencedError: another start of the query has taken over.
            UnavailableError: Kafka or Postgres stayed away for `stream_retry_limit_seconds`.
            TxwatchError: Kafka no longer holds what the ledger says comes next, or Spark's JVM has died.
        """
        self._alive_at = time.monotonic()
        for rule in self.ruleset.rules:
            if part := reason_for_spark(rule):
                log.info("rule_needs_spark", rule=rule.id, because_of=part)
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._run_epoch()
            except Exception as error:
                # A batch's own failure comes here as it is, or in Spark's words.
                if error is not self._failure and not isinstance(error, _RESTARTABLE):
                    raise
                self._check_hope(error)
                pause = 0.5 if self._alive_at > started else min(pause * 2, _LONGEST_PAUSE_SECONDS)
                log.warning("stream_restart", in_seconds=pause, error=_first_line(self._failure or error))
                self._stopping.wait(pause)

    def _run_epoch(self) -> None:
        """Start the query once, from the ledger's offsets, and wait for its end."""
        self._failure = None
        epoch = self._open_epoch()
        checkpoint = provide_checkpoint(self.settings, QUERY, epoch.number)
        log.info("stream_starts", epoch=epoch.number, checkpoint=checkpoint.location)
        self.spark.conf.set("spark.sql.streaming.checkpointFileManagerClass", checkpoint.manager)
        sink = WarehouseSink(self.settings, epoch, self.ruleset, self._stopping, self.reached)
        scorer = Scorer(self.settings, self.ruleset, lambda: self.spark)
        # The plan is made here and not per batch: it is analysed once.
        prepared = read_transactions(self.spark, self.settings, epoch.offsets).transform(scorer.prepare)
        behind = WriteBehind()

        def write_behind(batch_id: int, records: DataFrame) -> None:
            batch = scorer.batch(batch_id, records.toArrow())
            behind.put(lambda: self._write(sink, lambda: batch))

        def move(batch_id: int, records: DataFrame) -> None:
            # At once: staging tables are emptied between two batches.
            self._write(sink, lambda: scorer.staged_batch(batch_id, records))

        take: Take = write_behind
        if self.settings.stream_sink_mode == "executors":
            prepared = prepared.transform(stage_for(self.settings, epoch, self.ruleset).report)
            take = move
        query = (
            prepared.writeStream.queryName(QUERY)
            .option("checkpointLocation", checkpoint.location)
            .options(**ASYNCHRONOUS)
            .trigger(processingTime=f"{self.settings.stream_trigger_seconds} seconds")
            .foreachBatch(lambda records, batch_id: self._take(take, records, batch_id))
            .start()
        )
        with closing(sink), closing(behind):
            self._await(query, behind)

    def _open_epoch(self) -> Epoch:
        kept = watermarks(self.settings, self.settings.kafka_transactions_topic)
        options = {**self.settings.postgres("stream_writer"), "application_name": f"txwatch {QUERY} start"}
        with closing(connect(options)) as connection:
            earliest = {partition: low for partition, (low, _) in kept.items()}
            epoch = open_epoch(connection, QUERY, earliest, self._epoch, self._holder)
        self._epoch = epoch.number
        check_begin(epoch.offsets, kept)
        return epoch

    def _take(self, take: Take, records: DataFrame, batch_id: int) -> None:
        if self._stopping.is_set():
            return  # Spark notes the batch as done in a checkpoint that nobody reads again
        with self._in_batch:
            try:
                take(batch_id, records)
            except BaseException as error:
                self._failure = error  # Spark passes on no more than its text
                raise

    def _write(self, sink: WarehouseSink, make: Callable[[], ScoredBatch | StagedBatch]) -> None:
        try:
            totals = sink.write(make())
        except BaseException as error:
            self._failure = error
            raise
        self._note_life()
        self.on_commit(totals)

    def _await(self, query: StreamingQuery, behind: WriteBehind) -> None:
        try:
            while not self._stopping.is_set():
                if not query.isActive:
                    if error := query.exception():
                        raise error
                    return
                self._stopping.wait(_POLL_SECONDS)
                if query.status["message"] == _IDLE and behind.is_idle():
                    self._note_life()
                    if self.until_drained:
                        self._stopping.set()
        finally:
            with (
                self._in_batch
            ):  # wait for the batch in flight; one that comes later sees the stop and does nothing
                pass
            query.stop()

    def _note_life(self) -> None:
        self._alive_at = time.monotonic()
        self._heartbeat.beat()

    def _check_hope(self, error: Exception) -> None:
        """End the stream on what a restart cannot mend, or when nothing could be committed for too long."""
        if not has_jvm(self.spark):
            raise TxwatchError(
                "Spark's JVM has ended: start `txwatch stream` again, it continues where it left off "
                "(out of memory? raise TXWATCH_STREAM_DRIVER_MEMORY, or lower TXWATCH_STREAM_MAX_BATCH_ROWS)"
            ) from error
        if isinstance(self._failure, psycopg2.Error) and not isinstance(self._failure, TRANSIENT):
            raise TxwatchError(
                f"Postgres refuses the batch ({_first_line(self._failure)}): is the schema migrated? "
                "`txwatch up` migrates it"
            ) from self._failure
        if isinstance(self._failure, TxwatchError) and not isinstance(self._failure, TRANSIENT):
            raise self._failure
        silent = time.monotonic() - self._alive_at
        if silent > self.settings.stream_retry_limit_seconds:
            raise UnavailableError(
                f"the stream committed nothing for {silent:.0f} s ({_first_line(self._failure or error)}): "
                "see `txwatch status`; a restart continues where it left off"
            ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
