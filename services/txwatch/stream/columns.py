"""Column-wise conversions between what Spark hands over and what the warehouse stores."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

RULE_LIST = pa.list_(pa.field("item", pa.string(), nullable=False))

UUID_LENGTH = 36

_NO_DIGIT = 255
_HEX = np.full(256, _NO_DIGIT, dtype=np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16, dtype=np.uint8)
_DASHES = np.array([8, 13, 18, 23])
_DIGITS = np.setdiff1d(np.arange(UUID_LENGTH), _DASHES)


def parse_uuids(texts: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Turn texts of 36 bytes each (binary or string, no nulls) into 16-byte values.

    Returns:
        The values, and which of them mean anything: those of a UUID's canonical form (RFC 9562, lower case).
    """
    array = texts.combine_chunks()
    if len(array) == 0:
        return pa.array([], pa.binary(16)), np.empty(0, dtype=np.bool_)
    _, offsets, data = array.buffers()
    start = np.frombuffer(offsets, dtype=np.int32)[array.offset]
    flat = np.frombuffer(data, dtype=np.uint8, count=len(array) * UUID_LENGTH, offset=start)
    characters = flat.reshape(len(array), UUID_LENGTH)
    digits = _HEX[characters[:, _DIGITS]]
    are_ids = (digits.max(axis=1) != _NO_DIGIT) & (characters[:, _DASHES] == ord("-")).all(axis=1)
    packed = np.ascontiguousarray((digits[:, 0::2] << 4) | digits[:, 1::2])
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(array), [None, pa.py_buffer(packed)]
    ), are_ids


def id_keys(ids: pa.ChunkedArray) -> npt.NDArray[np.void]:
    """View a column of 16-byte ids as a numpy array that sorts and compares as bytes do."""
    array = ids.combine_chunks()
    if len(array) == 0:
        return np.empty(0, dtype="V16")
    return np.frombuffer(array.buffers()[1], dtype="V16", count=len(array), offset=array.offset * 16)


def rule_lists(fired: pa.ChunkedArray, separator: str) -> pa.Array:
    """Split each text into a list of rule ids; the empty text becomes the empty list."""
    encoded = fired.combine_chunks().dictionary_encode()
    lists = [text.split(separator) if text else [] for text in encoded.dictionary.to_pylist()]
    return pa.array(lists, RULE_LIST).take(encoded.indices)


def constant(value: int, length: int, kind: pa.DataType) -> pa.Array:
    """Return a column that holds the same value in every row."""
    return pa.repeat(pa.scalar(value, kind), length)
