"""From raw records to scored events: in Arrow, wherever they are, and in Spark what Arrow cannot score."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from txwatch.events import FIELDS, SPARK_TYPES
from txwatch.settings import Settings
from txwatch.stream.decoding import EVENT_SCHEMA, RECORD, RECORD_SCHEMA, UUIDS, Decoded, Decoder
from txwatch.stream.rules import Ruleset
from txwatch.stream.scoring import score
from txwatch.stream.verdicts import Verdicts, verdicts_of

RECORD_DDL = "topic string, partition int, offset bigint, appended_at timestamp, key binary, value binary"
_PART_ROWS = 12_500
"""So many records are decoded at a time, for which a quarter of a batch's room is enough."""
_TYPES = {**SPARK_TYPES, **dict.fromkeys(UUIDS, "binary")}
_EVENT_DDL = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in FIELDS)


@dataclass(frozen=True)
class RecordReader:
    """Reads and scores records in two steps, of which the second may run in Spark's workers."""

    decoder: Decoder
    ruleset: Ruleset

    def prepare(self, records: DataFrame) -> DataFrame:
        """Lay out what Spark is to do with records, streaming or not: as little as the rules allow.

        Args:
            records: topic, partition, offset, timestamp, key, value, as Spark's Kafka source has them.
        """
        raw = records.withColumnRenamed("timestamp", "appended_at").select(*RECORD)
        if verdicts_of(self.ruleset) is not None:
            return raw
        decoded = raw.mapInArrow(self._decoded, f"{RECORD_DDL}, is_valid boolean, {_EVENT_DDL}")
        return score(decoded, self.ruleset)

    def read(self, prepared: pa.Table) -> Decoded:
        """Read and score what `prepare` gave, collected; the events then have the column `fired` too."""
        verdicts = verdicts_of(self.ruleset)
        if verdicts is not None:
            return _joined([self._scored(part, verdicts) for part in _parts(prepared)])
        # Spark knows no binaries of fixed size.
        valid = prepared.filter(prepared["is_valid"]).select(_SCORED.names).cast(_SCORED)
        return Decoded(valid, prepared.filter(pc.invert(prepared["is_valid"])).select(RECORD))

    def _scored(self, records: pa.Table, verdicts: Verdicts) -> Decoded:
        decoded = self.decoder.decode(records)
        fired = verdicts.fired(decoded.events)
        return replace(decoded, events=decoded.events.append_column("fired", fired))

    def _decoded(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Decode in Spark's workers; the events of undecided records are null."""
        for batch in batches:
            decoded = self.decoder.decode(pa.Table.from_batches([batch]))
            for records, is_valid in ((decoded.events, True), (decoded.undecided, False)):
                yield from _laid_out(records, is_valid=is_valid).to_batches()


def reader_for(settings: Settings, ruleset: Ruleset) -> RecordReader:
    """Return the reader that goes with the settings."""
    return RecordReader(Decoder(settings.currencies, settings.future_tolerance_seconds), ruleset)


def _parts(records: pa.Table) -> Iterator[pa.Table]:
    return (records.slice(start, _PART_ROWS) for start in range(0, max(records.num_rows, 1), _PART_ROWS))


def _joined(parts: Sequence[Decoded]) -> Decoded:
    return Decoded(
        pa.concat_tables([part.events for part in parts]),
        pa.concat_tables([part.undecided for part in parts]),
    )


def _laid_out(records: pa.Table, *, is_valid: bool) -> pa.Table:
    told = records.append_column("is_valid", pa.repeat(pa.scalar(is_valid), records.num_rows))
    columns = [
        told[field.name] if field.name in told.column_names else pa.nulls(told.num_rows, field.type)
        for field in _LAYOUT
    ]
    return pa.table(columns, _LAYOUT.names).cast(_LAYOUT)


_SCORED = pa.schema([*list(RECORD_SCHEMA)[:4], *EVENT_SCHEMA, ("fired", pa.string())])
_LAYOUT = pa.schema(
    [
        *RECORD_SCHEMA,
        ("is_valid", pa.bool_()),
        *((field.name, pa.binary() if field.name in UUIDS else field.type) for field in EVENT_SCHEMA),
    ]
)
"""What Spark's workers hand back, as it is declared to Spark."""
