"""One of several may be lost under load: work goes on, and nothing is lost or doubled."""

import time
from collections.abc import Callable

import pytest
from applied import Stack, docker, listing

Record = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(1200)  # the first test's includes the applying


def test_every_service_is_healthy_and_a_second_plan_is_empty(stack: Stack) -> None:
    wanted = {"kafka-1", "kafka-2", "kafka-3", "spark-master", "spark-worker-1", "spark-worker-2", "stream"}
    assert wanted <= stack.services().keys()
    assert stack.is_healthy()
    planned = stack.terraform("plan", "-detailed-exitcode", "-no-color")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_executors_of_both_workers_score(stack: Stack) -> None:
    stack.wait_for_facts()
    for worker in ("spark-worker-1", "spark-worker-2"):
        stack.wait(lambda worker=worker: "ExecutorRunner: Launch command" in stack.log(worker))  # type: ignore[misc]


def test_the_cluster_s_secret_is_shown_by_none(stack: Stack) -> None:
    knowing = {name for name, known in stack.known_secrets().items() if "spark" in known}
    assert knowing == {"spark-master", "spark-worker-1", "spark-worker-2", "stream"}
    assert stack.told_secrets() == {}


@pytest.mark.parametrize("lost", ["kafka-2", "spark-worker-1"])
def test_one_of_several_is_lost(stack: Stack, lost: str, record_property: Record) -> None:
    stack.wait_for_facts()
    docker("kill", f"{stack.name}-{lost}")  # what was lost before it stays lost
    started = time.monotonic()
    stack.wait_for_facts(more=200)  # more than any batch that was under way
    record_property("seconds_until_facts_again", round(time.monotonic() - started, 1))
    stack.assert_balanced()


def test_what_was_lost_is_repaired(stack: Stack) -> None:
    stack.up()
    stack.wait(stack.is_healthy)
    stack.wait_for_facts()
    stack.assert_balanced()


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.down()
    assert listing(stack.name) == {"containers": [], "networks": [], "volumes": []}
