"""The bucket that the archive lies in."""

from collections.abc import Mapping
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyarrow import Buffer

from txwatch.errors import TxwatchError, UnavailableError

_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}
_ABSENT = {"NoSuchBucket", "NoSuchKey", "404"}


class ObjectStore:
    """Objects of one bucket. Where it is missing it is made: an emulated S3 forgets it on restart.

    Every method raises `UnavailableError` when S3 does not answer and `TxwatchError` when it refuses.
    """

    def __init__(self, client: Mapping[str, Any], bucket: str, *, may_make: bool = True) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            client: keyword arguments of `boto3.client`, as `Settings.s3` returns them.
            bucket: the bucket's name.
            may_make: whether a missing bucket is ours to make; else it is waited for.
        """
        # An endpoint of our own answers under one host name; AWS wants the bucket in it.
        style: Literal["path", "auto"] = "path" if client.get("endpoint_url") else "auto"
        config = Config(
            connect_timeout=5, read_timeout=30, retries={"max_attempts": 1}, s3={"addressing_style": style}
        )
        self._s3 = boto3.client("s3", config=config, **client)
        self._bucket = bucket
        self._may_make = may_make

    def ensure_bucket(self) -> None:
        """Make the bucket unless it is there, or is not ours to make."""
        if self._call("head_bucket") is None:
            if not self._may_make:
                raise UnavailableError(
                    f"the bucket {self._bucket} is not there: make it, for example by `make up`"
                )
            region = self._s3.meta.region_name
            where = {} if region == "us-east-1" else {"LocationConstraint": region}
            extra = {"CreateBucketConfiguration": where} if where else {}
            self._call("create_bucket", **extra)

    def put(self, key: str, body: Buffer) -> None:
        """Write one object, over whatever has its name."""
        if self._call("put_object", Key=key, Body=body.to_pybytes()) is None:
            self.ensure_bucket()
            raise UnavailableError(f"the bucket {self._bucket} was gone and has been made again")

    def get(self, key: str) -> bytes | None:
        """Return one object's bytes; `None` when it is not there."""
        answer = self._call("get_object", Key=key)
        try:
            return answer["Body"].read() if answer else None
        except BotoCoreError as error:
            raise UnavailableError(f"S3 broke off ({error})") from error

    def delete(self, key: str) -> None:
        """Remove one object, if it is there."""
        self._call("delete_object", Key=key)

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes; `None` when it is not there."""
        answer = self._call("head_object", Key=key)
        return None if answer is None else int(answer["ContentLength"])

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of each object whose name begins with the prefix."""
        sizes: dict[str, int] = {}
        page: dict[str, Any] | None = {"IsTruncated": True}
        while page and page.get("IsTruncated"):
            token = page.get("NextContinuationToken")
            page = self._call(
                "list_objects_v2", Prefix=prefix, **({"ContinuationToken": token} if token else {})
            )
            sizes.update({item["Key"]: item["Size"] for item in (page or {}).get("Contents", [])})
        return sizes

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """Call one operation on the bucket; `None` when what it speaks of is not there."""
        try:
            answer: dict[str, Any] = getattr(self._s3, operation)(Bucket=self._bucket, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABSENT:
                return None
            if code in _REFUSED:
                raise TxwatchError(
                    f"S3 refuses {operation} on {self._bucket} ({code}): correct TXWATCH_S3_ACCESS_KEY, "
                    "TXWATCH_S3_SECRET_KEY or the bucket's policy"
                ) from error
            raise UnavailableError(f"S3 fails at {operation} ({error})") from error
        except BotoCoreError as error:
            raise UnavailableError(f"S3 does not answer ({error})") from error
        return answer
