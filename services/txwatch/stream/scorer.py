"""One micro-batch from raw records to what the sink takes; the same for the stream and for replays."""

from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from txwatch.events import FIELDS, QuarantineReason
from txwatch.settings import Settings
from txwatch.stream.batch import (
    QUARANTINE_SCHEMA,
    facts_of,
    in_offset_order,
    inspect_records,
    milliseconds,
    offset_ranges,
    quarantine_rows,
)
from txwatch.stream.inspection import Inspector, Rejection
from txwatch.stream.moving import StagedBatch
from txwatch.stream.parse import parse
from txwatch.stream.rules import Ruleset
from txwatch.stream.scoring import score
from txwatch.stream.sink import ScoredBatch
from txwatch.stream.staging import RECORD, read_report

_RECORD = list(RECORD)
_REFUSED = Rejection(QuarantineReason.UNREADABLE, None, "inspection and parser disagree: please report it")


@dataclass(frozen=True)
class Scorer:
    """Reads and scores batches of Kafka records."""

    spark: SparkSession
    settings: Settings
    ruleset: Ruleset

    def score(self, records: DataFrame) -> DataFrame:
        """Read and score records, streaming or not.

        Args:
            records: topic, partition, offset, timestamp, key, value, as Spark's Kafka source has them.

        Returns:
            The record's columns, is_valid, the event's columns and the rules that fired; key and value only
            where the record is still to be inspected.
        """
        undecided = ~F.col("is_valid")
        return (
            records.transform(parse, self.settings.currencies, self.settings.future_tolerance_seconds)
            .transform(score, self.ruleset)
            .withColumn("value", F.when(undecided, F.col("value")))  # a valid record's bytes have been read
            .withColumn("key", F.when(undecided, F.col("key")))
            .select(*_RECORD, "is_valid", *FIELDS, "fired")
        )

    def batch(self, batch_id: int, scored: pa.Table) -> ScoredBatch:
        """Make a batch of what `score` gives, collected; a small Spark job runs where some are rescored."""
        scored = in_offset_order(scored)
        undecided = scored.filter(pc.invert(scored["is_valid"])).select(_RECORD)
        facts, quarantine = scored, QUARANTINE_SCHEMA.empty_table()
        if undecided.num_rows:
            late, quarantine = self._decide(undecided)
            facts = scored.filter(scored["is_valid"])
            facts = in_offset_order(pa.concat_tables([facts, late])) if late is not None else facts
        return ScoredBatch(
            batch_id=batch_id,
            ranges=offset_ranges(scored),
            rows_in=scored.num_rows,
            facts=facts_of(facts),
            quarantine=quarantine,
            appended_ms=milliseconds(scored["appended_at"]),
        )

    def staged_batch(self, batch_id: int, reported_records: DataFrame) -> StagedBatch:
        """Let the executors stage what `Stage.report` was laid over, and decide here what they could not.

        Raises:
            TxwatchError: Postgres refused the rows.
        """
        report = read_report(reported_records.toArrow())
        late, quarantine = None, QUARANTINE_SCHEMA.empty_table()
        if report.undecided.num_rows:
            late, quarantine = self._decide(report.undecided)
        return StagedBatch(
            batch_id=batch_id,
            ranges=report.ranges,
            rows_in=report.rows_in,
            attempts=report.attempts,
            late=late,
            quarantine=quarantine,
            appended_ms=report.appended_ms,
        )

    def _decide(self, undecided: pa.Table) -> tuple[pa.Table | None, pa.Table]:
        """Inspect what was not canonical; what turns out to be valid is scored like the rest.

        Returns:
            Scored records, if there are any, and rows of quarantine.
        """
        tolerance = timedelta(seconds=self.settings.future_tolerance_seconds)
        inspection = inspect_records(undecided, Inspector(self.settings.currencies, tolerance))
        if inspection.canonical.num_rows == 0:
            return None, inspection.quarantine
        rewritten = inspection.canonical.rename_columns({"appended_at": "timestamp"})
        rescored = self.score(self.spark.createDataFrame(rewritten)).toArrow()
        refused = rescored.filter(pc.invert(rescored["is_valid"]))
        quarantine = quarantine_rows(refused, [_REFUSED] * refused.num_rows)
        valid = rescored.filter(rescored["is_valid"])
        return valid if valid.num_rows else None, pa.concat_tables([inspection.quarantine, quarantine])
