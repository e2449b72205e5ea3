"""Where Spark keeps its checkpoint. The ledger is the authority, so each start gets a fresh folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from txwatch.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger()

ASYNCHRONOUS = {
    "asyncProgressTrackingEnabled": "true",
    "asyncProgressTrackingCheckpointIntervalMs": "1000",
    # Spark allows this for sinks that do not mind a batch twice; ours does not, for it has the ledger.
    "_asyncProgressTrackingOverrideSinkSupportCheck": "true",
}
"""Options of the query: progress is written beside the batches and not between them."""

_PACKAGE = "org.apache.spark"
S3_MANAGER = f"{_PACKAGE}.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"
LOCAL_MANAGER = f"{_PACKAGE}.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"


@dataclass(frozen=True)
class Checkpoint:
    """One start's checkpoint."""

    location: str
    manager: str
    """Spark's class that writes its files with the fewest calls."""


def provide_checkpoint(settings: Settings, query: str, epoch: int) -> Checkpoint:
    """Return a fresh checkpoint of a query's start and delete those of its earlier starts.

    It lies on S3; where S3 is away, or the settings say so, on the local disk: scoring never waits for S3.
    """
    if settings.stream_checkpoint == "s3":
        try:
            return _on_s3(settings, query, epoch)
        except (BotoCoreError, ClientError) as error:
            log.warning("checkpoint_on_local_disk", reason=" ".join(str(error).split()))
    return _on_disk(settings.state_dir / "checkpoints" / query, epoch)


def _on_s3(settings: Settings, query: str, epoch: int) -> Checkpoint:
    client = _client(settings)
    if settings.s3_make_bucket:
        _provide_bucket(client, settings.s3_bucket)
    prefix = f"checkpoints/{query}/"
    # All of it: what lies under this epoch is of another warehouse, and Spark would go on from there.
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket, Prefix=prefix):
        if old := [{"Key": item["Key"]} for item in page.get("Contents", [])]:
            client.delete_objects(Bucket=settings.s3_bucket, Delete={"Objects": old})  # type: ignore[typeddict-item]
    return Checkpoint(f"s3a://{settings.s3_bucket}/{prefix}epoch={epoch}", S3_MANAGER)


def _client(settings: Settings) -> "S3Client":
    patience = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 2})
    return boto3.client("s3", config=patience, **settings.s3())


def _provide_bucket(client: "S3Client", bucket: str) -> None:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        client.create_bucket(Bucket=bucket)


def _on_disk(folder: Path, epoch: int) -> Checkpoint:
    if folder.is_dir():
        for old in folder.iterdir():
            shutil.rmtree(old, ignore_errors=True)
    # Not `as_uri`: Hadoop takes a percent sign for itself.
    return Checkpoint(f"file://{folder.resolve()}/epoch={epoch}", LOCAL_MANAGER)
