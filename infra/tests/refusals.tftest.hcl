# A wrong value is refused at plan, by the variable that holds it.
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

# As many as can be wrong at once: a run takes seconds.
run "wrong_values" {
  command = plan

  variables {
    name                      = "TXWATCH"
    kafka_brokers             = 2
    kafka_partitions          = 0
    spark_workers             = 9
    airflow_layout            = "kubernetes"
    unavailable_images        = ["kafka"]
    ports                     = { console = 70000 }
    memory_mb                 = { kafka = 64 }
    stream_max_batch_rows     = 0
    stream_trigger_seconds    = -1
    stream_sink_mode          = "workers"
    generator_rate            = -5
    generator_malformed_share = 1.5
    world                     = { customers = 0 }
    log                       = { max_size = "10" } # without a unit
    wait_seconds              = 1
  }

  expect_failures = [
    var.name, var.kafka_brokers, var.kafka_partitions, var.spark_workers, var.airflow_layout, var.unavailable_images,
    var.ports, var.memory_mb, var.stream_max_batch_rows, var.stream_trigger_seconds, var.stream_sink_mode,
    var.generator_rate, var.generator_malformed_share, var.world, var.log, var.wait_seconds,
  ]
}

run "other_wrong_values" {
  command = plan

  variables {
    ports                  = { console = 8080 } # Airflow's
    memory_mb              = { worker = 512 }   # no room for an executor
    stream_trigger_seconds = 90                 # longer than a sign of life may take
  }

  expect_failures = [var.ports, var.memory_mb, var.stream_trigger_seconds]
}

run "further_wrong_values" {
  command = plan

  variables {
    ports     = { console = 9094 } # the third broker's
    memory_mb = { stream = 512 }   # no room for the driver
  }

  expect_failures = [var.ports, var.memory_mb]
}

run "what_is_kept_is_written" {
  command = apply

  variables {
    kafka_brokers = 3
    world         = { customers = 500 }
  }
}

run "another_number_of_brokers_than_wrote_it" {
  command = plan

  variables {
    kafka_brokers = 1
    world         = { customers = 500 }
  }

  expect_failures = [terraform_data.kept]
}

run "another_world_than_it_is_of" {
  command = plan

  variables {
    kafka_brokers = 3
    world         = { customers = 501 }
  }

  expect_failures = [terraform_data.kept]
}

run "another_share_of_malformed_events_than_it_has" {
  command = plan

  variables {
    kafka_brokers             = 3
    world                     = { customers = 500 }
    generator_malformed_share = 0.02
  }

  expect_failures = [terraform_data.kept]
}

run "another_rate_is_the_same_run" {
  command = plan

  variables {
    kafka_brokers  = 3
    world          = { customers = 500 }
    generator_rate = 10
  }

  assert {
    condition     = terraform_data.kept.output.world.customers == 500
    error_message = "What was written down should stay as it is."
  }
}
