"""What is taken away comes back with the next apply, and nothing is lost or doubled."""

import os
import re
import time
from collections.abc import Callable

import boto3
import pytest
from applied import WAIT_SECONDS, Stack, docker

Record = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(1200)

# Together what does not hide each other's loss; TXWATCH_STACK_REPAIRS=each takes every service by itself.
_BATCHES = [("kafka-1", "console", "airflow"), ("postgres", "generator"), ("stream", "archive", "labels")]
_EACH = [(name,) for batch in _BATCHES for name in batch]
_REPAIRS = _EACH if os.environ.get("TXWATCH_STACK_REPAIRS") == "each" else _BATCHES


@pytest.mark.parametrize("removed", _REPAIRS, ids="+".join)
def test_removed_services_are_repaired(
    stack: Stack, removed: tuple[str, ...], record_property: Record
) -> None:
    before = stack.ids()
    stack.remove(*removed)
    started = time.monotonic()
    stack.up()
    stack.wait(stack.is_healthy)
    record_property("seconds_until_healthy", round(time.monotonic() - started, 1))
    assert all(stack.ids()[name] != before[name] for name in removed)
    stack.wait_for_facts()
    stack.assert_balanced()


def test_s3_emptied_under_load(stack: Stack, record_property: Record) -> None:
    """LocalStack keeps nothing: a new one is empty. The archive writes again what Kafka still has.

    With it a task fails, so that `plan` and `up` meet both that Terraform could not plan with.
    """
    stack.wait(lambda: stack.rows("select count(*) >= 4 from ops.archive_object") == [(True,)])
    archived = {key for (key,) in stack.rows("select key from ops.archive_object")}
    stack.remove("localstack")
    without = stack.facts()
    stack.wait(lambda: stack.facts() > without)  # scoring does not wait for S3
    drawn = stack.verify()
    assert drawn.returncode == 1
    assert "S3 does not answer" in drawn.stdout

    docker("start", f"{stack.name}-topics")
    docker("kill", f"{stack.name}-topics")
    state = (stack.infra / "terraform.tfstate").read_bytes()
    planned = stack.operator("plan", "--", "-no-color")
    assert planned.returncode == 0, planned.stdout
    made = set(re.findall(r"# (\S+) will be created", planned.stdout))
    assert made >= {
        "module.localstack.docker_container.this",
        "module.object_store.aws_s3_bucket.this",
        "module.topics.docker_container.this",
    }
    assert (stack.infra / "terraform.tfstate").read_bytes() == state

    started = time.monotonic()
    assert f"runs again: {stack.name}-topics\n" in stack.up()
    stack.wait(stack.is_healthy)
    record_property("seconds_until_healthy", round(time.monotonic() - started, 1))
    settings = stack.settings()
    s3 = boto3.client("s3", **settings.s3())

    def present() -> set[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket, Prefix="raw/")
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

    stack.wait(lambda: archived <= present(), WAIT_SECONDS)
    stack.assert_balanced()


def test_s3_restarted_under_load(stack: Stack) -> None:
    """A restart empties it too, and nobody applies: its own hook makes the bucket as it was declared."""
    docker("restart", f"{stack.name}-localstack")
    stack.wait(lambda: stack.is_healthy("localstack"))
    planned = stack.terraform("plan", "-detailed-exitcode", "-no-color")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    stack.wait_for_facts()
    stack.assert_balanced()


def test_a_changed_variable_replaces_only_what_it_must(stack: Stack) -> None:
    before = stack.ids()
    more = stack.services()["stream"]["HostConfig"]["Memory"] // 2**20 + 64
    stack.change({"memory_mb": {"stream": more}})
    after = stack.ids()
    assert {name for name in before if before[name] != after.get(name)} == {"stream"}
    assert stack.services()["stream"]["HostConfig"]["Memory"] == more * 2**20
    stack.wait_for_facts()
