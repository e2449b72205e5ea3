"""An S3 endpoint: moto's server, in memory. What it held is gone when it ends; nothing depends on it."""

import secrets
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from txwatch.embedded.ports import HOST, choose_port
from txwatch.embedded.processes import Command
from txwatch.embedded.state import State
from txwatch.settings import Settings


class ObjectStore:
    """Serves S3 on a port that is chosen once and kept."""

    name = "s3"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def configure(self, state: State) -> int:
        """Choose the port, and generate a key pair (moto takes any)."""
        recorded = int(str(state.settings.get("s3_endpoint", ":0")).rpartition(":")[2])
        port = choose_port(self._settings.embedded_s3_port, recorded, self.name)
        state.settings["s3_endpoint"] = f"http://{HOST}:{port}"
        state.settings.setdefault("s3_access_key", "txwatch")
        state.settings.setdefault("s3_secret_key", secrets.token_urlsafe(24))
        return port

    def prepare(self, state: State) -> None:
        """It keeps nothing."""

    def command(self, state: State) -> Command:
        """Start moto with this Python."""
        port = str(state.settings["s3_endpoint"]).rpartition(":")[2]
        return Command([sys.executable, "-m", "moto.server", "-H", HOST, "-p", port])

    def is_ready(self, state: State) -> bool:
        """List the buckets."""
        try:
            self._client(state).list_buckets()
        except BotoCoreError:
            return False
        return True

    def complete(self, state: State) -> None:
        """Make the bucket, which is gone after every start."""
        client = self._client(state)
        names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        if self._settings.s3_bucket not in names:
            client.create_bucket(Bucket=self._settings.s3_bucket)

    def kill_strays(self) -> None:
        """All of it bears the mark."""

    def remove_data(self) -> None:
        """It keeps nothing."""

    def _client(self, state: State) -> Any:
        options: dict[str, Any] = {
            "endpoint_url": state.settings["s3_endpoint"],
            "region_name": "us-east-1",  # the only one in which a bucket is made without naming it
            "aws_access_key_id": state.settings["s3_access_key"],
            "aws_secret_access_key": state.settings["s3_secret_key"],
        }
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
        return boto3.client("s3", config=config, **options)
