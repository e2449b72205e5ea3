"""The raw archive: every record as it came, on S3, one Parquet object per partition and offset range."""
