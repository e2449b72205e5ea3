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

run "two_brokers" {
  command = plan

  variables {
    kafka_brokers = 2
  }

  expect_failures = [var.kafka_brokers]
}

run "a_name_in_capitals" {
  command = plan

  variables {
    name = "TXWATCH"
  }

  expect_failures = [var.name]
}

run "no_partitions" {
  command = plan

  variables {
    kafka_partitions = 0
  }

  expect_failures = [var.kafka_partitions]
}

run "too_many_workers" {
  command = plan

  variables {
    spark_workers = 9
  }

  expect_failures = [var.spark_workers]
}

run "an_unknown_layout" {
  command = plan

  variables {
    airflow_layout = "kubernetes"
  }

  expect_failures = [var.airflow_layout]
}

run "an_image_that_is_needed" {
  command = plan

  variables {
    unavailable_images = ["kafka"]
  }

  expect_failures = [var.unavailable_images]
}

run "a_port_above_the_last" {
  command = plan

  variables {
    ports = { console = 70000 }
  }

  expect_failures = [var.ports]
}

run "two_services_on_one_port" {
  command = plan

  variables {
    ports = { console = 8080 }
  }

  expect_failures = [var.ports]
}

run "a_service_on_the_third_broker_s_port" {
  command = plan

  variables {
    ports = { console = 9094 }
  }

  expect_failures = [var.ports]
}

run "little_memory" {
  command = plan

  variables {
    memory_mb = { kafka = 64 }
  }

  expect_failures = [var.memory_mb]
}

run "a_worker_without_room" {
  command = plan

  variables {
    memory_mb = { worker = 512 }
  }

  expect_failures = [var.memory_mb]
}

run "a_pause_longer_than_a_sign_of_life" {
  command = plan

  variables {
    stream_trigger_seconds = 90
  }

  expect_failures = [var.stream_trigger_seconds]
}

run "a_driver_without_room" {
  command = plan

  variables {
    memory_mb = { stream = 512 }
  }

  expect_failures = [var.memory_mb]
}

run "empty_batches" {
  command = plan

  variables {
    stream_max_batch_rows = 0
  }

  expect_failures = [var.stream_max_batch_rows]
}

run "a_negative_trigger" {
  command = plan

  variables {
    stream_trigger_seconds = -1
  }

  expect_failures = [var.stream_trigger_seconds]
}

run "a_negative_rate" {
  command = plan

  variables {
    generator_rate = -5
  }

  expect_failures = [var.generator_rate]
}

run "a_share_above_one" {
  command = plan

  variables {
    generator_malformed_share = 1.5
  }

  expect_failures = [var.generator_malformed_share]
}

run "an_empty_world" {
  command = plan

  variables {
    world = { customers = 0 }
  }

  expect_failures = [var.world]
}

run "a_log_size_without_unit" {
  command = plan

  variables {
    log = { max_size = "10" }
  }

  expect_failures = [var.log]
}

run "no_time_to_wait" {
  command = plan

  variables {
    wait_seconds = 1
  }

  expect_failures = [var.wait_seconds]
}

run "an_unknown_sink" {
  command = plan

  variables {
    stream_sink_mode = "workers"
  }

  expect_failures = [var.stream_sink_mode]
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
