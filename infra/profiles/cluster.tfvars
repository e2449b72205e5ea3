# Anything may be lost once: three brokers with two replicas in sync, a Spark cluster, Airflow's processes apart.
kafka_brokers  = 3
spark_workers  = 2
airflow_layout = "separate"

# Executors do what the driver does alone in the small profile.
memory_mb = {
  stream = 1536
  worker = 1280
}
