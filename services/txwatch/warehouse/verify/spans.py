"""Whether what was done of a topic is one unbroken line, from Kafka's first offset to its end. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from txwatch.warehouse.verify.check import Check
from txwatch.warehouse.verify.inputs import Bounds, Span


def drained(name: str, kafka: Mapping[int, Bounds], reached: Mapping[int, int], verb: str) -> Check:
    """Check that everything in Kafka has been done, and nothing beyond it."""
    behind = {
        partition: bounds.end - reached.get(partition, bounds.low) for partition, bounds in kafka.items()
    }
    findings = [
        f"partition {partition}: {count} records behind" for partition, count in behind.items() if count > 0
    ]
    findings += [
        f"partition {partition}: {-count} beyond Kafka's end"
        for partition, count in behind.items()
        if count < 0
    ]
    lag = sum(count for count in behind.values() if count > 0)
    way_out = f"not drained: {lag} records behind; let {verb} catch up and verify again"
    if lag == 0:
        way_out = "the topic was made anew: give it another name, or start with an empty warehouse"
    expected = sum(bounds.end for bounds in kafka.values())
    return Check(name, expected, expected - sum(behind.values()), tuple(findings), way_out)


def broken_line(
    kafka: Mapping[int, Bounds], spans: Sequence[Span], next_offsets: Mapping[int, int]
) -> list[str]:
    """Name gaps and overlaps, late beginnings, and ends that ops.stream_offset does not know."""
    unbegun = [Span(partition, offset, offset) for partition, offset in next_offsets.items()]
    late = [
        f"partition {partition}: begins at offset {start}, Kafka at {kafka[partition].low}"
        for partition, start in first_starts([*spans, *unbegun]).items()
        if partition in kafka and start > kafka[partition].low
    ]
    ends = {span.partition: span.end for span in sorted(spans)}
    elsewhere = [
        f"partition {partition}: batches end at {end}, ops.stream_offset at {next_offsets.get(partition)}"
        for partition, end in ends.items()
        if next_offsets.get(partition) != end
    ]
    return [*breaks(spans), *late, *elsewhere]


def breaks(spans: Iterable[Span]) -> list[str]:
    """Name each gap and each overlap between the spans of a partition."""
    found = []
    reached: dict[int, int] = {}
    for partition, start, end in sorted(spans):
        before = reached.get(partition, start)
        if start > before:
            found.append(f"partition {partition}: gap of {start - before} from offset {before} to {start}")
        elif start < before:
            found.append(
                f"partition {partition}: overlap of {before - start} from offset {start} to {before}"
            )
        if end < start:
            found.append(f"partition {partition}: span from offset {start} ends before it, at {end}")
        reached[partition] = max(before, end)
    return found


def first_starts(spans: Iterable[Span]) -> dict[int, int]:
    """Return where the first span of each partition begins."""
    starts: dict[int, list[int]] = defaultdict(list)
    for span in spans:
        starts[span.partition].append(span.start)
    return {partition: min(values) for partition, values in starts.items()}
