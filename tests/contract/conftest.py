"""A double of Metabase per test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from metabase_process import Double, running_double


@pytest.fixture
def start_double(tmp_path: Path) -> Iterator[Callable[..., Double]]:
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(running_double(tmp_path, *options))


@pytest.fixture
def double(start_double: Callable[..., Double]) -> Double:
    return start_double()
