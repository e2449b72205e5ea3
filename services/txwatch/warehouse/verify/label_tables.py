"""Reads what the warehouse holds of the labels."""

from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function

from txwatch.warehouse.verify import queries
from txwatch.warehouse.verify.findings import NAMED_FINDINGS, counted, differing, findings
from txwatch.warehouse.verify.inputs import LabelCount, LabelKey, LabelReading, LabelTotals, Span

LABELS_QUERY = "labels"
"""The query that reads the labels' topic, in ops.stream_offset."""


def read_label_tables(cursor: Cursor, topic: str) -> LabelReading:
    """Read the label ledger and its tables; what Kafka holds is left to be added."""
    names = {"query": LABELS_QUERY, "topic": topic, "limit": NAMED_FINDINGS}

    def rows(statement: str) -> list[tuple[Any, ...]]:
        cursor.execute(statement, names)
        return cursor.fetchall()

    counts = {LabelKey(*row[:2]): LabelCount(*row[2:]) for row in rows(queries.LABEL_COUNTS)}
    totals = LabelTotals(*rows(queries.LABEL_TOTALS)[0])
    return LabelReading(
        spans=[Span(*row) for row in rows(queries.LABEL_SPANS)],
        next_offsets=dict(rows(queries.NEXT_OFFSETS)),
        totals=totals,
        chargebacks=sum(count.labels for count in counts.values()),
        quarantined=len(rows(queries.LABEL_QUARANTINE)),
        batch_findings=findings(cursor, queries.LABEL_BATCHES, names, _batch_finding),
        current_findings=findings(cursor, queries.LABELS_CURRENT, names, counted),
        counts=counts,
    )


def label_quarantine(cursor: Cursor, topic: str) -> frozenset[tuple[int, int]]:
    """Return partition and offset of each record that was refused."""
    cursor.execute(queries.LABEL_QUARANTINE, {"topic": topic})
    return frozenset(cursor.fetchall())


def _batch_finding(label_seq: int, *figures: int) -> str:
    return f"label batch {label_seq}: {differing(('labels', 'quarantined'), figures, 'ledger', 'tables')}"
