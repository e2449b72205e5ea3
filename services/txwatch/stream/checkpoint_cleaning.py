"""Removes checkpoints of earlier starts that no start could remove, as when S3 was away just then."""

import re
import shutil
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from txwatch.errors import UnavailableError
from txwatch.settings import Settings

PREFIX = "checkpoints/"
_FOLDER = re.compile(rf"^{PREFIX}(?P<query>[^/]+)/epoch=(?P<epoch>\d+)/")


def is_outdated(query: str, epoch: int, current: dict[str, int]) -> bool:
    """Say whether a checkpoint is of an earlier start than the ledger's newest; an unknown query's is not."""
    return query in current and epoch < current[query]


def remove_from_bucket(settings: Settings, current: dict[str, int]) -> int:
    """Remove outdated checkpoints from S3 and return how many objects they had.

    Args:
        settings: the bucket.
        current: the newest epoch of each query, as ops.stream_query has it.

    Raises:
        UnavailableError: S3 does not answer or refuses.
    """
    config = Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 3})
    client = boto3.client("s3", config=config, **settings.s3())
    bucket, removed = settings.s3_bucket, 0
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX):
            keys = [item["Key"] for item in page.get("Contents", [])]
            found = ((key, _FOLDER.match(key)) for key in keys)
            old = [key for key, at in found if at and is_outdated(at["query"], int(at["epoch"]), current)]
            if old:
                objects = [{"Key": key} for key in old]
                client.delete_objects(Bucket=bucket, Delete={"Objects": objects})  # type: ignore[typeddict-item]
                removed += len(old)
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"S3 does not clean the checkpoints in {bucket} ({error})") from error
    return removed


def remove_from_disk(state_dir: Path, current: dict[str, int]) -> int:
    """Remove outdated checkpoints from the state folder and return how many there were."""
    removed = 0
    for folder in sorted((state_dir / PREFIX).glob("*/epoch=*")):
        epoch = folder.name.removeprefix("epoch=")
        if epoch.isdecimal() and is_outdated(folder.parent.name, int(epoch), current):
            shutil.rmtree(folder)
            removed += 1
    return removed
