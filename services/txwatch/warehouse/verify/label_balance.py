"""The labels' balance: their topic = the ledger = fact_chargeback + quarantine + duplicates. Pure."""

from collections.abc import Iterable, Mapping

from txwatch.warehouse.verify.check import Check, no_findings
from txwatch.warehouse.verify.inputs import LabelCount, LabelKey, LabelReading
from txwatch.warehouse.verify.spans import broken_line, drained

_CHANGED = (
    "labels were changed outside `txwatch labels`: empty core.fact_chargeback, ops.label_ledger, "
    "ops.label_quarantine and the labels' rows of ops.stream_offset, and let it read the topic again"
)


def label_checks(reading: LabelReading) -> list[Check]:
    """Draw up the labels' part of the balance sheet."""
    totals = reading.totals
    return [
        drained(
            "labels: Kafka's end = the ledger's", reading.kafka, reading.next_offsets, "`txwatch labels`"
        ),
        no_findings(
            "label offsets follow each other",
            broken_line(reading.kafka, reading.spans, reading.next_offsets),
            "the ledger was changed by hand, or Kafka lost labels before they were entered",
        ),
        Check(
            "offsets in the label ledger = labels read",
            sum(span.end - span.start for span in reading.spans),
            totals.rows_in,
            way_out="Kafka has offsets without a record: use no compacted or transactional topic",
        ),
        Check(
            "labels read = chargebacks + quarantined + duplicates",
            totals.rows_in,
            reading.chargebacks + reading.quarantined + totals.duplicates,
            way_out=_CHANGED,
        ),
        no_findings("each label batch's rows: ledger = tables", reading.batch_findings, _CHANGED),
        no_findings("the latest label is the current one", reading.current_findings, _CHANGED),
        *_content_checks(reading),
    ]


def label_differences(
    published: Mapping[LabelKey, LabelCount], kept: Mapping[LabelKey, LabelCount]
) -> Iterable[str]:
    """Name each day and verdict of which the warehouse holds other labels than Kafka."""
    for key in sorted(published.keys() | kept.keys()):
        wanted, found = published.get(key, LabelCount()), kept.get(key, LabelCount())
        named = f"{key.day} {'fraud' if key.is_fraud else 'no fraud'}"
        if wanted.labels != found.labels:
            yield f"{named}: {found.labels - wanted.labels:+} in fact_chargeback"
        elif wanted.digest_sum != found.digest_sum:
            yield f"{named}: as many labels, but not the same"


def _content_checks(reading: LabelReading) -> list[Check]:
    name, published = "labels in Kafka = chargebacks", reading.published
    if not published.is_whole:
        note = "Kafka has dropped labels that were read from it: their content cannot be compared any more"
        return [Check(name, 0, 0, note=note)]
    return [
        no_findings(
            "what was taken for labels are labels",
            published.unreadable,
            "the labels' reader accepts what it should not",
        ),
        Check(
            name,
            sum(count.labels for count in published.counts.values()),
            sum(count.labels for count in reading.counts.values()),
            tuple(label_differences(published.counts, reading.counts)),
            _CHANGED,
        ),
    ]
