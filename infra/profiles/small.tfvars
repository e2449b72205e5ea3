# One of everything: for a laptop, a demonstration, continuous integration.
kafka_brokers  = 1
spark_workers  = 0
airflow_layout = "standalone"
