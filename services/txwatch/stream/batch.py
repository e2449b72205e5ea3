"""What one micro-batch brings to the warehouse, as Arrow tables. Pure: no Spark, no database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from txwatch.stream.columns import id_keys, rule_lists
from txwatch.stream.inspection import Inspector, Rejection
from txwatch.stream.offsets import OffsetRange
from txwatch.stream.rules import Ruleset
from txwatch.stream.verdicts import RULE_SEPARATOR

FACT_COLUMNS = (
    *("transaction_id", "customer_id", "merchant_id", "occurred_at", "latitude", "longitude", "is_foreign"),
    *("is_fraud", "amount", "currency", "country", "payment_method", "device_id", "rules"),
)
_OFFSET_BITS = 48
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARANTINE_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("kafka_partition", pa.int32()),
        ("kafka_offset", pa.int64()),
        ("appended_at", pa.timestamp("us", "UTC")),
        ("key", pa.binary()),
        ("raw", pa.binary()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class Inspection:
    """What became of the records that were not in canonical form."""

    quarantine: pa.Table
    """Columns of `QUARANTINE_SCHEMA`."""
    canonical: pa.Table
    """Valid records written anew: the input's columns, `value` in canonical form."""


def in_offset_order(records: pa.Table) -> pa.Table:
    """Sort records by partition and offset: of repeats in a batch, the same one is then always the first."""
    partitions, offsets = (records[name].to_numpy().astype(np.int64) for name in ("partition", "offset"))
    positions = (partitions << _OFFSET_BITS) | offsets
    if (positions[1:] > positions[:-1]).all():
        return records  # as Spark hands them over, unless it says otherwise
    return records.take(np.argsort(positions))


def offset_ranges(records: pa.Table) -> tuple[OffsetRange, ...]:
    """Return the range of offsets per partition, from columns topic, partition, offset."""
    spans = records.group_by(["topic", "partition"]).aggregate([("offset", "min"), ("offset", "max")])
    ranges = [
        OffsetRange(row["topic"], row["partition"], row["offset_min"], row["offset_max"] + 1)
        for row in spans.to_pylist()
    ]
    return tuple(sorted(ranges, key=lambda span: (span.topic, span.partition)))


def milliseconds(moments: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return timestamps in milliseconds since the epoch."""
    microseconds: npt.NDArray[np.int64] = moments.cast(pa.int64()).to_numpy()
    return microseconds / 1000.0


def inspect_records(records: pa.Table, inspector: Inspector) -> Inspection:
    """Sort records into quarantine rows and valid ones in canonical form.

    Args:
        records: columns topic, partition, offset, appended_at, key, value.
        inspector: decides.
    """
    # As numbers, at a fifth of what Arrow takes to make moments of them.
    appended = records["appended_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    verdicts = [
        inspector.inspect(value, _EPOCH + timedelta(microseconds=microseconds))
        for value, microseconds in zip(records["value"].to_pylist(), appended, strict=True)
    ]
    is_rejected = pa.array([isinstance(verdict, Rejection) for verdict in verdicts], pa.bool_())
    rejections = [verdict for verdict in verdicts if isinstance(verdict, Rejection)]
    values = pa.array([verdict for verdict in verdicts if not isinstance(verdict, Rejection)], pa.binary())
    valid = records.filter(pc.invert(is_rejected))
    return Inspection(
        quarantine_rows(records.filter(is_rejected), rejections),
        valid.set_column(valid.schema.get_field_index("value"), "value", values),
    )


def quarantine_rows(records: pa.Table, rejections: Sequence[Rejection]) -> pa.Table:
    """Return rows of ops.quarantine, without ledger_seq, of records and the verdict on each.

    Args:
        records: columns topic, partition, offset, appended_at, key, value.
        rejections: in the order of the records.
    """
    columns = [records[name] for name in ("topic", "partition", "offset", "appended_at", "key", "value")]
    columns += [
        pa.array([rejection.reason.value for rejection in rejections], pa.string()),
        pa.array([rejection.field for rejection in rejections], pa.string()),
        pa.array([rejection.detail for rejection in rejections], pa.string()),
    ]
    return pa.table(columns, names=QUARANTINE_SCHEMA.names).cast(QUARANTINE_SCHEMA)


def facts_of(scored: pa.Table) -> pa.Table:
    """Turn valid scored events into rows of core.fact_transaction, without ledger_seq and ruleset_id.

    Args:
        scored: columns of `decoding.EVENT_SCHEMA`, and `fired`.
    """
    columns = {name: scored[name] for name in FACT_COLUMNS if name in scored.column_names}
    columns["rules"] = rule_lists(scored["fired"], RULE_SEPARATOR)
    columns["is_fraud"] = pc.not_equal(scored["fired"], "")
    return pa.table({name: columns[name] for name in FACT_COLUMNS})


def without_repeats(facts: pa.Table) -> pa.Table:
    """Keep the first of the rows that share a transaction_id, in the given order."""
    _, first = np.unique(id_keys(facts["transaction_id"]), return_index=True)
    return facts if len(first) == facts.num_rows else facts.take(np.sort(first))


def only(facts: pa.Table, transaction_ids: set[bytes]) -> pa.Table:
    """Keep the rows whose transaction_id is among the given ones."""
    return facts.filter(
        pa.array([key in transaction_ids for key in facts["transaction_id"].to_pylist()], pa.bool_())
    )


def alerts_of(facts: pa.Table, ruleset: Ruleset) -> pa.Table:
    """One alert per flagged fact: rows of core.fact_alert, without ledger_seq and ruleset_id."""
    flagged = facts.filter(facts["is_fraud"])
    looked_at = {name for rule in ruleset.rules for name in rule.columns}
    rows = flagged.select(["rules", *sorted(looked_at)]).to_pylist()
    kept = flagged.select(["transaction_id", "customer_id", "occurred_at"])
    severities = [ruleset.severity_of(row["rules"]) for row in rows]
    evidence = [json.dumps(_evidence(row, ruleset), default=_plain) for row in rows]
    return (
        kept.append_column("severity", pa.array(severities, pa.string()))
        .append_column("rules", flagged["rules"])
        .append_column("evidence", pa.array(evidence, pa.string()))
    )


def _evidence(row: dict[str, Any], ruleset: Ruleset) -> dict[str, dict[str, Any]]:
    """Per rule that fired, the columns that it looks at and their values."""
    return {rule_id: {name: row[name] for name in ruleset.by_id[rule_id].columns} for rule_id in row["rules"]}


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def rollups_of(facts: pa.Table) -> pa.Table:
    """Per minute of occurred_at and currency: rows of core.rollup_minute, sums exact (decimal128)."""
    flagged = facts["is_fraud"]
    amount = facts["amount"]
    zero = pa.scalar(0, amount.type)
    measured = pa.table(
        {
            "minute": pc.floor_temporal(facts["occurred_at"], unit="minute"),
            "currency": facts["currency"],
            "amount": amount,
            "flagged": flagged.cast(pa.int64()),
            "flagged_amount": pc.if_else(flagged, amount, zero),
        }
    )
    sums = measured.group_by(["minute", "currency"]).aggregate(
        [("amount", "count"), ("amount", "sum"), ("flagged", "sum"), ("flagged_amount", "sum")]
    )
    return sums.rename_columns(["minute", "currency", "transactions", "amount", "flagged", "flagged_amount"])
