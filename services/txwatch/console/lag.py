"""How far scoring and the archive are behind, per partition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from txwatch.console.queries.progress import PartitionProgress


@dataclass(frozen=True)
class PartitionLag:
    """One partition's place; counts are records, `None` where it is not known."""

    topic: str
    partition: int
    scored_to: int
    end: int | None
    archived_to: int
    archived_at: datetime | None

    @property
    def behind(self) -> int | None:
        """Records in Kafka that have not been scored."""
        return None if self.end is None else max(self.end - self.scored_to, 0)

    @property
    def is_past_the_end(self) -> bool:
        """More was scored than Kafka holds: the topic was emptied or made anew under the stream."""
        return self.end is not None and self.end < self.scored_to

    @property
    def archive_behind(self) -> int:
        """Records that are known (scored, or in Kafka when it answers) and not archived."""
        return max(max(self.scored_to, self.end or 0) - self.archived_to, 0)


def combine(
    reached: Iterable[PartitionProgress], ends: Mapping[int, int] | None, topic: str
) -> list[PartitionLag]:
    """Join what the warehouse knows of `topic` with Kafka's end offsets (`None`: Kafka did not answer).

    A partition that Kafka has and the stream never read counts as wholly behind.
    """
    known = {row.partition: row for row in reached if row.topic == topic}
    numbers = sorted(known.keys() | (ends or {}).keys())
    return [_place(topic, number, known.get(number), (ends or {}).get(number)) for number in numbers]


def total(counts: Iterable[int | None]) -> int | None:
    """Add counts up; unknown as soon as one of them is."""
    listed = list(counts)
    return None if None in listed else sum(number for number in listed if number is not None)


def _place(topic: str, partition: int, row: PartitionProgress | None, end: int | None) -> PartitionLag:
    if row is None:
        return PartitionLag(topic, partition, 0, end, 0, None)
    return PartitionLag(topic, partition, row.next_offset, end, row.archived_to or 0, row.archived_at)
