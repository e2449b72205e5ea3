import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txwatch.generator.partitions import key_hashes, murmur2, partitions

# From Kafka's own test of org.apache.kafka.common.utils.Utils.
KNOWN = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def signed(key: bytes) -> int:
    hashed = murmur2(np.frombuffer(key, dtype=np.uint8).reshape(1, -1))
    return int(hashed.view(np.int32)[0])


@pytest.mark.parametrize(("key", "hashed"), KNOWN.items(), ids=repr)
def test_hashes_are_those_of_the_java_client(key: bytes, hashed: int) -> None:
    assert signed(key) == hashed


@given(st.integers(1, 40).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1)))
def test_many_keys_hash_as_each_alone(keys: list[bytes]) -> None:
    together = murmur2(np.array([list(key) for key in keys], dtype=np.uint8))
    assert together.view(np.int32).tolist() == [signed(key) for key in keys]


def test_the_sign_bit_is_dropped() -> None:
    # -973932308 as unsigned is 3321034988; without its highest bit 1173551340.
    hashes = murmur2(np.frombuffer(b"21", dtype=np.uint8).reshape(1, -1))
    assert partitions(hashes, 4).tolist() == [1173551340 % 4]
    assert partitions(hashes, 7).tolist() == [1173551340 % 7]


def test_a_slice_of_a_column_hashes_its_own_keys() -> None:
    keys = pa.array(["abcd", "efgh", "ijkl"])
    assert key_hashes(keys.slice(1)).tolist() == key_hashes(keys).tolist()[1:]
    assert key_hashes(keys.slice(3)).tolist() == []
