# What can be switched off, and what is left out by itself.
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

run "all_switched_off" {
  command = plan

  variables {
    enable_airflow  = false
    enable_console  = false
    enable_metabase = false
    enable_kafka_ui = false
    generator_rate  = 0
  }

  assert {
    condition = toset([for name, container in output.containers : name if container.restarts]) == toset([
      for service in ["kafka-1", "postgres", "localstack", "stream", "archive", "labels"] : "txwatch-${service}"
    ])
    error_message = "What is switched off should not run, and what the pipeline needs should."
  }

  assert {
    condition     = length(setintersection(keys(docker_image.this), ["airflow", "metabase", "kafka_ui"])) == 0
    error_message = "Images of what is switched off should not be asked for."
  }

  assert {
    condition     = length(output.left_out) == 0
    error_message = "What is switched off is not left out: nobody wanted it."
  }
}

run "images_that_cannot_be_had" {
  command = plan

  variables {
    unavailable_images = ["metabase", "kafka_ui"]
  }

  assert {
    condition     = toset(keys(output.left_out)) == toset(["metabase", "kafka_ui"])
    error_message = "What is left out should be named."
  }

  assert {
    condition     = !contains(keys(output.endpoints), "metabase") && !contains(keys(output.endpoints), "kafka ui")
    error_message = "What does not run has no address."
  }

  assert {
    condition     = length(setintersection(keys(output.containers), ["txwatch-metabase", "txwatch-dashboards", "txwatch-kafka-ui"])) == 0
    error_message = "What cannot run should not be planned."
  }
}

run "official_images" {
  command = plan

  variables {
    images = { kafka = "apache/kafka:4.1.0", postgres = "postgres:17" }
  }

  assert {
    condition     = docker_image.this["kafka"].name == "apache/kafka:4.1.0" && docker_image.this["postgres"].name == "postgres:17"
    error_message = "An image that is named should be taken in place of the built one."
  }

  assert {
    condition     = docker_image.this["spark"].name == "txwatch/spark:test"
    error_message = "An image that is not named should stay the built one."
  }
}
