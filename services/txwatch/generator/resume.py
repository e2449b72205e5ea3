"""Going on after an interruption: which records beyond the last settled one are in the topic already.

An idempotent producer without gaps leaves, in each partition, a prefix of what was sent to it. So the records
after the settled offsets are compared, partition by partition and byte by byte, with those that come next.
"""

import numpy as np

from txwatch.generator.partitions import partitions
from txwatch.generator.source import Source
from txwatch.generator.topic import Stored

BATCH = 16_384
NO_END = np.iinfo(np.int64).max


def first_missing(
    source: Source, acknowledged: int, tail: dict[int, list[Stored]], partition_count: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return, by partition, the first sequence from `acknowledged` on whose record is not in the tail.

    Records of other senders may stand between ours.
    """
    missing = np.full(partition_count, acknowledged, dtype=np.int64)
    unread = {partition: iter(stored) for partition, stored in tail.items() if stored}
    first = acknowledged
    while unread and (source.total is None or first < source.total):
        after = first + BATCH if source.total is None else min(first + BATCH, source.total)
        for records in source.records(first, after):
            partition_of = partitions(records.key_hashes, partition_count).tolist()
            for row, partition in enumerate(partition_of):
                if partition not in unread:
                    continue
                wanted = Stored(records.keys[row], records.values[row])
                if wanted in unread[partition]:  # reads on to the first equal record
                    missing[partition] = records.first + row + 1
                else:
                    del unread[partition]
        first = after
    return missing
