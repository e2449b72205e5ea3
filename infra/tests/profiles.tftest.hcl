# What each profile is made of; mocked providers, so neither an engine nor a network is needed.
mock_provider "docker" {}
mock_provider "aws" {}

variables {
  built_images = {
    kafka      = "txwatch/kafka:test"
    postgres   = "txwatch/postgres:test"
    localstack = "txwatch/localstack:test"
    spark      = "txwatch/spark:test"
    airflow    = "txwatch/airflow:test"
    txwatch    = "txwatch/txwatch:test"
  }
}

run "small_is_one_of_everything" {
  command = plan

  assert {
    condition = toset([for name, container in output.containers : name if container.restarts]) == toset([
      for service in [
        "kafka-1", "postgres", "localstack", "stream", "archive", "labels", "generator", "airflow", "metabase", "kafka-ui", "console",
      ] : "txwatch-${service}"
    ])
    error_message = "The small profile's services should be these, and no others."
  }

  assert {
    condition     = local.kafka_replicas == 1 && local.kafka_min_insync == 1
    error_message = "One broker holds one replica."
  }

  assert {
    condition     = local.spark_master == null
    error_message = "Spark should run inside the stream's driver."
  }
}

run "cluster_has_one_of_everything_to_lose" {
  command = plan

  variables {
    kafka_brokers  = 3
    spark_workers  = 2
    airflow_layout = "separate"
  }

  assert {
    condition = length(setsubtract(
      [
        for service in [
          "kafka-1", "kafka-2", "kafka-3", "spark-master", "spark-worker-1", "spark-worker-2",
          "airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-migrate",
        ] : "txwatch-${service}"
      ],
      keys(output.containers),
    )) == 0
    error_message = "The cluster profile should have three brokers, a Spark cluster and Airflow's processes apart."
  }

  assert {
    condition     = local.kafka_replicas == 3 && local.kafka_min_insync == 2
    error_message = "Three brokers hold three replicas, two of them in sync."
  }

  assert {
    condition     = local.kafka_bootstrap == "kafka-1:19092,kafka-2:19092,kafka-3:19092"
    error_message = "Clients should know every broker."
  }

  assert {
    condition     = output.endpoints["spark"].address == "http://127.0.0.1:8081"
    error_message = "The Spark master's page should have an address."
  }
}

run "every_name_begins_with_the_stack_s" {
  command = plan

  variables {
    name = "other"
  }

  assert {
    condition     = alltrue([for name in keys(output.containers) : startswith(name, "other-")])
    error_message = "Two stacks on one engine must not share a container's name."
  }

  assert {
    condition     = docker_network.this.name == "other" && alltrue([for volume in docker_volume.kafka : startswith(volume.name, "other-")])
    error_message = "Two stacks on one engine must share neither network nor volumes."
  }
}

run "secrets_differ_and_are_long" {
  command = apply

  assert {
    condition     = length(distinct(nonsensitive(values(local.secrets)))) == length(local.secret_names)
    error_message = "No two roles should share a secret."
  }

  assert {
    condition     = alltrue([for secret in nonsensitive(values(local.secrets)) : length(secret) == 32])
    error_message = "A secret should be 32 characters long."
  }
}
