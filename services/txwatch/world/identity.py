"""Stable identities: the same seed and index give the same id, device or coin toss, on every machine.

Everything here is a pure function of (salt, number), so any value can be made without the ones before it.
`mix64` is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
2014); it is a bijection, so distinct numbers never collide under one salt.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

UUID_BYTES = 16
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_DASHED = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))
_HEX_PAIRS = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)


def salt(*parts: object) -> np.uint64:
    """Return 64 bits that stand for the parts, for example `salt(seed, "customer")`."""
    text = "/".join(str(part) for part in parts)
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def mix64(numbers: npt.ArrayLike, salt_bits: np.uint64) -> Words:
    """Scramble non-negative integers, one to one, into 64 random-looking bits each."""
    with np.errstate(over="ignore"):
        words = (np.asarray(numbers).astype(np.uint64) ^ salt_bits) + _GOLDEN
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def uniform(numbers: npt.ArrayLike, salt_bits: np.uint64) -> npt.NDArray[np.float64]:
    """Return one number of [0, 1) for each integer: the top 53 bits of `mix64`."""
    return (mix64(numbers, salt_bits) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def entity_ids(seed: int | str, kind: str, indices: npt.ArrayLike) -> Bytes:
    """Return the UUIDs of the numbered things of one kind, shape (n, 16).

    They are version 8 of RFC 9562 (bits of our own making): 122 bits of `mix64` under two salts.
    """
    high, low = (mix64(indices, salt(seed, kind, half)) for half in ("high", "low"))
    return _uuid_bytes(high, low, version=8)


def transaction_ids(seed: int | str, sequences: npt.ArrayLike, occurred_ms: npt.ArrayLike) -> Bytes:
    """Return UUIDv7s (RFC 9562), shape (n, 16), unique for distinct sequences under one seed.

    The first 48 bits are the milliseconds. All 64 bits of the one-to-one `mix64` of the sequence are kept
    (two in rand_a, 62 in rand_b), which is what makes them unique; ten more bits fill rand_a.
    """
    unique = mix64(sequences, salt(seed, "transaction"))
    filler = mix64(sequences, salt(seed, "transaction", "filler"))
    rand_a = (unique >> np.uint64(62)) | (filler & np.uint64(0xFFC))
    high = (np.asarray(occurred_ms).astype(np.uint64) << np.uint64(16)) | rand_a
    return _uuid_bytes(high, unique, version=7)


def _uuid_bytes(high: Words, low: Words, version: int) -> Bytes:
    high = (high & ~np.uint64(0xF000)) | np.uint64(version << 12)
    low = (low & np.uint64(2**62 - 1)) | np.uint64(1 << 63)
    return np.stack([high, low], axis=1).astype(">u8").view(np.uint8)


def hex_text(ids: Bytes) -> Bytes:
    """Write each row of bytes as lower-case hex digits, shape (n, 2 * width)."""
    digits: Bytes = _HEX_PAIRS[ids].view(np.uint8).reshape(len(ids), 2 * ids.shape[1])
    return digits


def uuid_text(ids: Bytes) -> pa.StringArray:
    """Write UUIDs, shape (n, 16), in the canonical form of RFC 9562: 36 characters, lower case."""
    digits = hex_text(ids)
    text = np.full((len(ids), 36), ord("-"), dtype=np.uint8)
    for start, end, at in _DASHED:
        text[:, at : at + end - start] = digits[:, start:end]
    return fixed_width_strings(text)


def fixed_width_strings(characters: Bytes) -> pa.StringArray:
    """Take the rows of an ASCII matrix as strings, without copying them one by one."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    buffers = [pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    return pa.StringArray.from_buffers(count, *buffers)


def uuid_column(ids: Bytes) -> pa.FixedSizeBinaryArray:
    """Take UUIDs, shape (n, 16), as an Arrow column of 16-byte values."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(ids))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(UUID_BYTES), len(ids), buffers)
