from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from applied import Stack, StackShape


@pytest.fixture(scope="package")
def stack(applied: Callable[[StackShape], AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Yield the one stack of the small profile; tests leave it whole and balanced."""
    with applied(StackShape("small")) as applied_stack:
        yield applied_stack
