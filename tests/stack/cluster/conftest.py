from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from applied import Stack, StackShape


@pytest.fixture(scope="package")
def stack(applied: Callable[[StackShape], AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Yield the one stack of the cluster profile, without what its tests do not ask."""
    with applied(StackShape("cluster", {"enable_airflow": False, "enable_console": False})) as applied_stack:
        yield applied_stack
