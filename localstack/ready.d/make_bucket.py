"""Makes the bucket when LocalStack starts: it keeps nothing over a restart, and the stream must not wait for Terraform."""

import os

import boto3

bucket = os.environ["TXWATCH_S3_BUCKET"]
client = boto3.client(
    "s3",
    endpoint_url="http://127.0.0.1:4566",
    region_name="us-east-1",
    aws_access_key_id="hook",
    aws_secret_access_key="hook",  # noqa: S106 - LocalStack knows no secrets
)
client.create_bucket(Bucket=bucket)
