"""Real-time transaction monitoring: generator -> Kafka -> Spark -> Postgres."""
