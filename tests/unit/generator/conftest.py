"""A small world and runs over it, shared by the generator's tests."""

from datetime import UTC, datetime

import pytest

from txwatch.generator.synthesis import Recipe, Synthesis
from txwatch.world import World, build_world


@pytest.fixture(scope="session")
def start_ms() -> int:
    return int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(42, customers=2000, merchants=600)


@pytest.fixture
def synthesis(world: World, start_ms: int) -> Synthesis:
    """Return a run with everything in it: 8000 transactions a day, fraud, malformed and repeated records."""
    return Synthesis(world, Recipe(start_ms, malformed_share=0.01, repeated_share=0.002))
