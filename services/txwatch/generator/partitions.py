"""The partition that the Java client would choose, for many keys at once.

Kafka's default partitioner takes murmur2 of the key (Austin Appleby's MurmurHash2, 32 bits, seed 0x9747b28c
as in org.apache.kafka.common.utils.Utils) without its sign bit, modulo the number of partitions.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from txwatch.world.identity import Bytes

Hashes = npt.NDArray[np.uint32]

_SEED = 0x9747B28C
_M = np.uint32(0x5BD1E995)
_SIGN = np.uint32(0x7FFFFFFF)
_WORD = 4


def murmur2(keys: Bytes) -> Hashes:
    """Hash keys of equal length, shape (n, length)."""
    count, length = keys.shape
    whole = length - length % _WORD
    with np.errstate(over="ignore"):
        hashes = np.full(count, _SEED ^ length, dtype=np.uint32)
        words = np.ascontiguousarray(keys[:, :whole]).view("<u4")
        for column in range(words.shape[1]):
            word = words[:, column] * _M
            hashes = (hashes * _M) ^ ((word ^ (word >> np.uint32(24))) * _M)
        if whole < length:
            for place, byte in enumerate(keys[:, whole:].T):
                hashes = hashes ^ (byte.astype(np.uint32) << np.uint32(8 * place))
            hashes = hashes * _M
        hashes = (hashes ^ (hashes >> np.uint32(13))) * _M
    return hashes ^ (hashes >> np.uint32(15))


def key_hashes(keys: pa.StringArray) -> Hashes:
    """Hash a column of keys that all have the same length."""
    if not len(keys):
        return np.empty(0, dtype=np.uint32)
    offsets = np.frombuffer(keys.buffers()[1], dtype=np.int32, count=len(keys) + 1, offset=4 * keys.offset)
    width = int(offsets[1] - offsets[0])
    text = np.frombuffer(keys.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    return murmur2(text.reshape(len(keys), width))


def partitions(hashes: Hashes, count: int) -> npt.NDArray[np.int64]:
    """Return the partition, of `count`, of each hashed key."""
    return ((hashes & _SIGN) % np.uint32(count)).astype(np.int64)
