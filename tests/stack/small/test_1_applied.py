"""What has just been applied is well, and is what was asked for."""

from pathlib import Path

import boto3
import pytest
from applied import Stack, copied_infra, terraform
from confluent_kafka import Producer

pytestmark = pytest.mark.timeout(1200)  # the first test's includes the applying

_ROLES = {
    *("warehouse_owner", "stream_writer", "label_writer", "archiver", "transformer", "reconciler"),
    *("dashboard_reader", "analyst", "operator"),
}
_SECRETS = {
    "postgres": {"postgres"},
    "databases": {"postgres", "airflow_database", "metabase_database"},
    "migrate": {"postgres", *_ROLES},
    "seed": {"warehouse_owner"},
    "stream": {"stream_writer"},
    "archive": {"archiver"},
    "labels": {"label_writer"},
    "console": {"dashboard_reader"},
    "airflow": {
        *("airflow_database", "airflow_session", "airflow_jwt", "airflow_admin"),
        *("transformer", "reconciler", "operator", "analyst", "dashboard_reader"),
    },
}
"""What is in a container's environment; the others know none."""


def test_every_service_is_healthy(stack: Stack) -> None:
    services = stack.services()
    wanted = {"kafka-1", "postgres", "localstack", "stream", "archive", "labels", "generator", "console"}
    assert wanted <= services.keys()
    assert {name: each["State"]["Health"]["Status"] for name, each in services.items()} == dict.fromkeys(
        services, "healthy"
    )


def test_a_second_plan_is_empty(stack: Stack) -> None:
    planned = stack.operator("plan", "--", "-detailed-exitcode", "-no-color")
    assert planned.returncode == 0, planned.stdout


def test_facts_and_archive_balance(stack: Stack) -> None:
    stack.wait_for_facts()
    stack.assert_balanced()
    assert stack.rows("select count(*) > 0 from ops.archive_object") == [(True,)]


def test_a_malformed_event_is_quarantined(stack: Stack) -> None:
    settings = stack.settings()
    producer = Producer(settings.kafka_client())
    delivered = []
    producer.produce(
        settings.kafka_transactions_topic,
        b'{"transaction_id": 5}',
        on_delivery=lambda error, message: delivered.append((error, message.partition(), message.offset())),
    )
    producer.flush(60)
    [(error, partition, offset)] = delivered
    assert error is None
    held = f"select raw from ops.quarantine where (kafka_partition, kafka_offset) = ({partition}, {offset})"
    stack.wait(lambda: stack.rows(held))
    assert bytes(stack.rows(held)[0][0]) == b'{"transaction_id": 5}'


def test_checkpoint_and_archive_lie_on_s3(stack: Stack) -> None:
    settings = stack.settings()
    s3 = boto3.client("s3", **settings.s3())

    def keys(prefix: str) -> set[str]:
        listed = s3.list_objects_v2(Bucket=settings.s3_bucket, Prefix=prefix)
        return {each["Key"] for each in listed.get("Contents", [])}

    stack.wait(lambda: keys("checkpoints/transactions/") and keys("raw/transactions/"))
    assert any("/offsets/" in key for key in keys("checkpoints/transactions/"))
    known = {key for (key,) in stack.rows("select key from ops.archive_object")}
    assert keys("raw/transactions/") & known
    assert "Status" not in s3.get_bucket_versioning(
        Bucket=settings.s3_bucket
    )  # nothing would expire versions


_LOCALSTACK = """
provider "aws" {{
  access_key = "any"
  secret_key = "any"
  endpoints {{
    s3 = "{endpoint}"
  }}
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}}
"""


def test_the_same_module_makes_the_cloud_s_bucket_with_versions_and_rules(
    stack: Stack, tmp_path: Path
) -> None:
    """LocalStack takes what AWS is asked for: its endpoint is the only difference."""
    settings, bucket = stack.settings(), "txwatch-cloud"
    cloud = copied_infra(tmp_path) / "cloud"
    (cloud / "localstack_override.tf").write_text(_LOCALSTACK.format(endpoint=settings.s3_endpoint))
    variables = ("-var=environment=test", f"-var=bucket={bucket}")
    for words in (("init",), ("apply", "-auto-approve", "-target=module.object_store", *variables)):
        run = terraform(cloud, *words, "-no-color")
        assert run.returncode == 0, run.stderr
    s3 = boto3.client("s3", **settings.s3())
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    bound = {
        (binding["HostIp"], int(binding["HostPort"]))
        for each in stack.containers().values()
        for bindings in (each["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or []
    }
    assert {host for host, _ in bound} == {"127.0.0.1"}
    listening = _listening()
    assert {listening[port] for _, port in bound} == {"127.0.0.1"}


def _listening() -> dict[int, str]:
    """Read the kernel's own table: which address each port listens on."""
    found: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A":
                found[int(port, 16)] = "127.0.0.1" if address == "0100007F" else address
    return found


def test_a_container_knows_the_secrets_that_it_needs_and_shows_none(stack: Stack) -> None:
    known = stack.known_secrets()
    assert known == {name: set() for name in known} | _SECRETS
    assert stack.told_secrets() == {}


def test_containers_are_held_tight(stack: Stack) -> None:
    for name, each in stack.containers().items():
        host = each["HostConfig"]
        assert each["Config"]["User"].split(":")[0] not in ("", "0", "root"), name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges" in host["SecurityOpt"], name
        assert host["Memory"] == host["MemorySwap"] > 0, name
        assert host["ReadonlyRootfs"] or name == "localstack", name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert not host["Privileged"], name
