"""What `make down` leaves."""

import pytest
from applied import Stack, listing

pytestmark = pytest.mark.timeout(1200)


def test_down_may_keep_the_data_and_up_goes_on(stack: Stack) -> None:
    facts = stack.facts()
    stack.down("--keep-data")
    left = listing(stack.name)
    assert left["containers"] == left["networks"] == []
    kept = {volume.removeprefix(f"{stack.name}-") for volume in left["volumes"]}
    assert {"kafka-1", "postgres", "generator"} <= kept
    stack.up("-var=enable_airflow=false", "-var=enable_console=false")  # which would take as long again
    assert stack.facts() >= facts > 0
    stack.wait_for_facts()
    stack.assert_balanced()


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.down()
    assert listing(stack.name) == {"containers": [], "networks": [], "volumes": []}
