# What no container of the stack may be, in whatever profile.
mock_provider "docker" {}
mock_provider "aws" {}

variables {
  kafka_brokers  = 3
  spark_workers  = 2
  airflow_layout = "separate"
  built_images = {
    kafka      = "txwatch/kafka:test"
    postgres   = "txwatch/postgres:test"
    localstack = "txwatch/localstack:test"
    spark      = "txwatch/spark:test"
    airflow    = "txwatch/airflow:test"
    txwatch    = "txwatch/txwatch:test"
  }
}

run "cluster" {
  command = plan

  assert {
    condition     = alltrue(flatten([for container in output.containers : [for address in container.listens_on : startswith(address, "127.0.0.1:")]]))
    error_message = "No port may be published beyond 127.0.0.1."
  }

  assert {
    condition     = length(flatten([for container in output.containers : container.listens_on])) == 10
    error_message = "Three brokers, Postgres, LocalStack, the Spark master, Airflow, Metabase, Kafka UI and the console listen, and nothing else."
  }

  assert {
    condition     = alltrue([for container in output.containers : can(regex("^[1-9][0-9]*:(0|[1-9][0-9]*)$", container.user))])
    error_message = "No container may run as root."
  }

  assert {
    condition = alltrue([
      for container in output.containers : contains(container.capabilities, "ALL") && contains(container.security, "no-new-privileges")
    ])
    error_message = "Every container should drop all capabilities and be kept from gaining privileges."
  }

  assert {
    condition     = alltrue([for container in output.containers : container.memory_mb >= 128])
    error_message = "Every container should have a memory limit."
  }

  assert {
    condition     = toset([for name, container in output.containers : name if !container.read_only]) == toset(["txwatch-localstack", "txwatch-metabase"])
    error_message = "Only LocalStack (its objects) and Metabase (its plugins) may write to their root file systems."
  }
}

run "service_refuses_root" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    name        = "service"
    alias       = "service"
    network     = "network"
    image       = "image"
    user        = "0:0"
    memory_mb   = 128
    healthcheck = { test = ["CMD", "true"] }
    log         = { max_size = "1m", max_file = 1 }
    labels      = {}
  }

  expect_failures = [var.user]
}

run "task_refuses_root" {
  command = plan

  module {
    source = "./modules/oneshot"
  }

  variables {
    name    = "task"
    network = "network"
    image   = "image"
    user    = "root"
    command = ["true"]
    log     = { max_size = "1m", max_file = 1 }
    labels  = {}
  }

  expect_failures = [var.user]
}
