"""One micro-batch from raw records to what the sink takes; the same for the stream and for replays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from txwatch.events import QuarantineReason
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
from txwatch.stream.reading import RecordReader, reader_for
from txwatch.stream.rules import Ruleset
from txwatch.stream.sink import ScoredBatch
from txwatch.stream.staging import read_report
from txwatch.stream.verdicts import verdicts_of

_REFUSED = Rejection(QuarantineReason.UNREADABLE, None, "inspection and decoder disagree: please report it")


@dataclass(frozen=True)
class Scorer:
    """Reads and scores batches of Kafka records."""

    settings: Settings
    ruleset: Ruleset
    spark: Callable[[], SparkSession]
    """Asked for only where a record is to be scored that was not canonical, by rules that need Spark."""

    @cached_property
    def _reader(self) -> RecordReader:
        return reader_for(self.settings, self.ruleset)

    def prepare(self, records: DataFrame) -> DataFrame:
        """Lay out Spark's part of the reading: see `RecordReader.prepare`."""
        return self._reader.prepare(records)

    def prepared(self, records: pa.Table) -> pa.Table:
        """Do what `prepare` lays out with records that are here: with a Spark job, where the rules need it.

        Args:
            records: columns of `decoding.RECORD`.
        """
        if verdicts_of(self.ruleset) is not None:
            return records
        frame = self.spark().createDataFrame(records.rename_columns({"appended_at": "timestamp"}))
        return self.prepare(frame).toArrow()

    def batch(self, batch_id: int, prepared: pa.Table) -> ScoredBatch:
        """Make a batch of what `prepare` gives, collected."""
        prepared = in_offset_order(prepared)
        decoded = self._reader.read(prepared)
        events, quarantine = decoded.events, QUARANTINE_SCHEMA.empty_table()
        if decoded.undecided.num_rows:
            late, quarantine = self._decide(decoded.undecided)
            events = in_offset_order(pa.concat_tables([events, late])) if late is not None else events
        return ScoredBatch(
            batch_id=batch_id,
            ranges=offset_ranges(prepared),
            rows_in=prepared.num_rows,
            facts=facts_of(events),
            quarantine=quarantine,
            appended_ms=milliseconds(prepared["appended_at"]),
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
        decoded = self._reader.read(self.prepared(inspection.canonical))
        refused = quarantine_rows(decoded.undecided, [_REFUSED] * decoded.undecided.num_rows)
        late = decoded.events if decoded.events.num_rows else None
        return late, pa.concat_tables([inspection.quarantine, refused])
