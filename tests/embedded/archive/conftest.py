"""An archive of the test's own, on an S3 endpoint that the test may stop and start."""

from collections.abc import Iterator

import pytest
from archived_topic import ArchivedTopic, S3Server

from txwatch.settings import Settings


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    """Yield a server for all tests, each of which has a bucket of its own there."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def archive(pipeline: Settings, s3_server: S3Server) -> ArchivedTopic:
    s3_server.start()
    changes = {"s3_endpoint": s3_server.endpoint, "archive_max_rows": 100, "archive_interval_seconds": 0.3}
    return ArchivedTopic(pipeline.model_copy(update=changes))
