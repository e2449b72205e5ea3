from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from txwatch.errors import UnavailableError
from txwatch.stream.archive.store import ObjectStore


@pytest.fixture
def client_options() -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    server.stop()


def test_a_missing_bucket_of_ours_is_made(client_options: dict[str, str]) -> None:
    ObjectStore(client_options, "ours").ensure_bucket()
    assert boto3.client("s3", **client_options).head_bucket(Bucket="ours")  # type: ignore[call-overload]


def test_a_missing_bucket_of_others_is_waited_for_and_not_made(client_options: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match="the bucket theirs is not there"):
        ObjectStore(client_options, "theirs", may_make=False).ensure_bucket()
    s3 = boto3.client("s3", **client_options)  # type: ignore[call-overload]
    assert "theirs" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
