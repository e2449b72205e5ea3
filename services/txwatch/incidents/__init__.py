"""What went wrong in the daily pipelines, kept in ops.pipeline_incident until a later run succeeds."""
