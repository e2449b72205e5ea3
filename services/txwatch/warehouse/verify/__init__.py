"""`txwatch verify`: the pipeline's balance sheet, from independent readings of Kafka, Postgres and S3."""
