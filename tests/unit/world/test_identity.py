from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txwatch.world.identity import entity_ids, mix64, salt, transaction_ids, uniform, uuid_column, uuid_text

SPLITMIX64_FROM_ZERO = 0xE220A8397B1DCDAF
"""The first output of SplitMix64 with seed 0, as its authors' test vectors give it."""


def test_mixing_is_that_of_splitmix64() -> None:
    assert int(mix64(0, np.uint64(0))) == SPLITMIX64_FROM_ZERO


def test_mixing_never_collides() -> None:
    assert len(np.unique(mix64(np.arange(200_000), salt(42, "anything")))) == 200_000


def test_salts_differ_by_every_part() -> None:
    assert len({int(salt(*parts)) for parts in [(1, "a"), (2, "a"), (1, "b"), (1, "a", "high")]}) == 4


def test_uniform_numbers_fill_the_unit_interval() -> None:
    numbers = uniform(np.arange(100_000), salt(1, "u"))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # The mean of n uniform numbers has a standard deviation of sqrt(1 / 12 n) = 0.0009: five of them.
    assert numbers.mean() == pytest.approx(0.5, abs=0.0046)


def test_an_id_depends_on_seed_kind_and_index_alone() -> None:
    assert entity_ids(7, "customer", [3]).tobytes() == entity_ids(7, "customer", np.arange(10))[3].tobytes()
    others = [entity_ids(8, "customer", [3]), entity_ids(7, "merchant", [3]), entity_ids(7, "customer", [4])]
    assert entity_ids(7, "customer", [3]).tobytes() not in [other.tobytes() for other in others]


def test_entity_ids_are_version_8_uuids() -> None:
    ids = [UUID(bytes=row.tobytes()) for row in entity_ids(42, "customer", np.arange(1000))]
    assert {(each.version, each.variant) for each in ids} == {(8, "specified in RFC 4122")}


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**40))
def test_transaction_ids_are_version_7_uuids_of_their_moment(occurred_ms: int, sequence: int) -> None:
    made = UUID(bytes=transaction_ids(42, [sequence], [occurred_ms])[0].tobytes())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == occurred_ms


def test_transaction_ids_of_one_millisecond_are_distinct() -> None:
    ids = transaction_ids(42, np.arange(200_000), np.zeros(200_000, dtype=np.int64))
    assert len(np.unique(ids, axis=0)) == 200_000


@given(st.lists(st.uuids(), max_size=20))
def test_uuids_are_written_as_the_standard_library_writes_them(uuids: list[UUID]) -> None:
    ids = np.frombuffer(b"".join(each.bytes for each in uuids), dtype=np.uint8).reshape(-1, 16)
    assert uuid_text(ids).to_pylist() == [str(each) for each in uuids]
    assert uuid_column(ids).to_pylist() == [each.bytes for each in uuids]
