"""Makes the bucket again when LocalStack restarts: it keeps nothing, and nobody applies Terraform just then.

At a container's first start the bucket is Terraform's to make, which refuses one that is already there.
"""

import os
from pathlib import Path

import boto3

marker = Path("/var/lib/localstack/started-before")
if marker.exists():
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:4566",
        region_name="us-east-1",
        aws_access_key_id="hook",
        aws_secret_access_key="hook",  # noqa: S106 - LocalStack asks nobody who he is
    )
    client.create_bucket(Bucket=os.environ["TXWATCH_S3_BUCKET"])
marker.touch()
