variable "name" {
  description = "Name of this copy of the stack: it begins the name of every container, volume and network."
  type        = string
  default     = "txwatch"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens and starts with a letter, for example txwatch."
  }
}

variable "kafka_brokers" {
  description = "Kafka brokers: 1, or 3 with three replicas of everything, two of them in sync."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 3], var.kafka_brokers)
    error_message = "kafka_brokers is 1 or 3: other counts have no majority to lose a broker from."
  }
}

variable "kafka_partitions" {
  description = "Partitions of a topic when it is made."
  type        = number
  default     = 4

  validation {
    condition     = var.kafka_partitions >= 1 && var.kafka_partitions <= 256 && floor(var.kafka_partitions) == var.kafka_partitions
    error_message = "kafka_partitions is a whole number from 1 to 256."
  }
}

variable "spark_workers" {
  description = "Workers of a Spark standalone cluster that the stream submits to; 0: Spark runs inside the driver."
  type        = number
  default     = 0

  validation {
    condition     = var.spark_workers >= 0 && var.spark_workers <= 8 && floor(var.spark_workers) == var.spark_workers
    error_message = "spark_workers is a whole number from 0 (no cluster) to 8."
  }
}

variable "airflow_layout" {
  description = "standalone: all of Airflow in one container; separate: api server, scheduler, dag processor, triggerer."
  type        = string
  default     = "standalone"

  validation {
    condition     = contains(["standalone", "separate"], var.airflow_layout)
    error_message = "airflow_layout is standalone or separate."
  }
}

variable "enable_airflow" {
  description = "Whether Airflow runs the batch side."
  type        = bool
  default     = true
}

variable "enable_console" {
  description = "Whether the console runs."
  type        = bool
  default     = true
}

variable "enable_metabase" {
  description = "Whether Metabase shows the dashboards."
  type        = bool
  default     = true
}

variable "enable_kafka_ui" {
  description = "Whether Kafka UI runs."
  type        = bool
  default     = true
}

variable "unavailable_images" {
  description = "Official images that cannot be had on this machine; what needs one is left out and named in the outputs."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for image in var.unavailable_images : contains(["metabase", "kafka_ui"], image)])
    error_message = "Only metabase and kafka_ui can be left out; every other image is needed."
  }
}

variable "built_images" {
  description = "Tags of the images that 'make images' built: it writes them."
  type = object({
    kafka      = string
    postgres   = string
    localstack = string
    spark      = string
    airflow    = optional(string) # not built where Airflow is switched off
    txwatch    = string
  })

  validation {
    condition     = !var.enable_airflow || var.built_images.airflow != null || var.images.airflow != null
    error_message = "Airflow is wanted and its image is not built: 'make up' builds it, or set enable_airflow = false."
  }
}

variable "images" {
  description = "Images to run instead of the built ones (the official kafka and postgres will do) or of the pinned ones."
  type = object({
    kafka      = optional(string)
    postgres   = optional(string)
    localstack = optional(string)
    spark      = optional(string)
    airflow    = optional(string)
    txwatch    = optional(string)
    metabase   = optional(string, "metabase/metabase:v0.65.4.x")
    kafka_ui   = optional(string, "kafbat/kafka-ui:v1.5.0")
  })
  default = {}
}

variable "ports" {
  description = "Ports on 127.0.0.1."
  type = object({
    kafka      = optional(number, 9092) # the first broker's; the others take the following ones
    postgres   = optional(number, 5432)
    localstack = optional(number, 4566)
    spark      = optional(number, 8081)
    airflow    = optional(number, 8080)
    metabase   = optional(number, 3000)
    kafka_ui   = optional(number, 8000)
    console    = optional(number, 8501)
  })
  default = {}

  validation {
    condition     = alltrue([for port in values(var.ports) : port >= 1 && port <= 65533 && floor(port) == port])
    error_message = "A port is a whole number from 1 to 65533."
  }

  validation {
    condition     = length(setunion([for port in values(var.ports) : port], [for broker in range(3) : var.ports.kafka + broker])) == length(var.ports) + 2
    error_message = "Two services share a port: give each its own (Kafka takes three in a row)."
  }
}

variable "memory_mb" {
  description = "Memory limits in MiB."
  type = object({
    kafka                 = optional(number, 768)
    postgres              = optional(number, 512)
    localstack            = optional(number, 512)
    stream                = optional(number, 1792)
    worker                = optional(number, 1280)
    master                = optional(number, 512)
    archive               = optional(number, 384)
    labels                = optional(number, 256)
    generator             = optional(number, 384)
    console               = optional(number, 384)
    airflow               = optional(number, 2048) # all of it in one container
    airflow_api_server    = optional(number, 768)
    airflow_scheduler     = optional(number, 1024) # runs the tasks, dbt among them
    airflow_dag_processor = optional(number, 512)
    airflow_triggerer     = optional(number, 512)
    metabase              = optional(number, 1280)
    kafka_ui              = optional(number, 512)
  })
  default = {}

  validation {
    condition     = alltrue([for limit in values(var.memory_mb) : limit >= 128 && floor(limit) == limit])
    error_message = "A memory limit is a whole number of MiB, at least 128."
  }

  validation {
    condition     = var.memory_mb.stream >= 1024
    error_message = "memory_mb.stream is at least 1024: the driver's JVM and Python share it."
  }

  validation {
    condition     = var.memory_mb.worker >= 1024
    error_message = "memory_mb.worker is at least 1024: an executor takes half of it, and Spark wants 450 MiB for one."
  }
}

variable "stream_max_batch_rows" {
  description = "Most records in one micro-batch."
  type        = number
  default     = 50000

  validation {
    condition     = var.stream_max_batch_rows >= 1 && floor(var.stream_max_batch_rows) == var.stream_max_batch_rows
    error_message = "stream_max_batch_rows is a whole number, at least 1."
  }
}

variable "stream_trigger_seconds" {
  description = "Least time between two micro-batches; 0: back to back."
  type        = number
  default     = 0

  validation {
    condition     = var.stream_trigger_seconds >= 0 && var.stream_trigger_seconds <= 30
    error_message = "stream_trigger_seconds is between 0 and 30: a stream that shows no sign of life for a minute counts as ill."
  }
}

variable "stream_java_options" {
  description = "More options of the stream's JVM; -XX:TieredStopAtLevel=1: sooner there, but slower."
  type        = string
  default     = ""
}

variable "stream_sink_mode" {
  description = "Who copies a batch's rows to Postgres: the driver, or each executor its share."
  type        = string
  default     = "driver"

  validation {
    condition     = contains(["driver", "executors"], var.stream_sink_mode)
    error_message = "stream_sink_mode is driver or executors."
  }
}

variable "generator_rate" {
  description = "Transactions per second that the generator makes; 0: no generator."
  type        = number
  default     = 200

  validation {
    condition     = var.generator_rate >= 0
    error_message = "generator_rate is 0 (no generator) or the number of transactions per second."
  }
}

variable "generator_malformed_share" {
  description = "Share of malformed events among the generated ones; another one is another run: make down first."
  type        = number
  default     = 0.01

  validation {
    condition     = var.generator_malformed_share >= 0 && var.generator_malformed_share <= 1
    error_message = "generator_malformed_share is between 0 and 1."
  }
}

variable "world" {
  description = "The generated population: its seed, customers and merchants; another one is another run: make down first."
  type = object({
    seed      = optional(number, 42)
    customers = optional(number, 10000)
    merchants = optional(number, 2000)
  })
  default = {}

  validation {
    condition     = var.world.seed >= 0 && var.world.customers >= 1 && var.world.merchants >= 1
    error_message = "world needs a seed of 0 or more, and at least one customer and one merchant."
  }
}

variable "bucket" {
  description = "S3 bucket of checkpoints and raw archive."
  type        = string
  default     = "txwatch"
}

variable "log" {
  description = "Size at which a container's log file is rotated, and how many are kept."
  type = object({
    max_size = optional(string, "10m")
    max_file = optional(number, 3)
  })
  default = {}

  validation {
    condition     = can(regex("^[1-9][0-9]*[kmg]$", var.log.max_size)) && var.log.max_file >= 1
    error_message = "log.max_size is a size such as 10m, log.max_file a count of at least 1."
  }
}

variable "wait_seconds" {
  description = "How long apply waits for a container to be healthy."
  type        = number
  default     = 240

  validation {
    condition     = var.wait_seconds >= 10
    error_message = "wait_seconds is at least 10."
  }
}
