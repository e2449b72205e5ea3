# What txwatch itself runs: two tasks that prepare the warehouse, then stream, archive, labels and generator.
locals {
  pipeline_environment = {
    TXWATCH_LOG_FORMAT               = "json"
    TXWATCH_KAFKA_BOOTSTRAP_SERVERS  = local.kafka_bootstrap
    TXWATCH_KAFKA_PARTITIONS         = var.kafka_partitions
    TXWATCH_KAFKA_REPLICATION_FACTOR = local.kafka_replicas
    TXWATCH_POSTGRES_HOST            = "postgres"
    TXWATCH_WORLD_SEED               = var.world.seed
    TXWATCH_WORLD_CUSTOMERS          = var.world.customers
    TXWATCH_WORLD_MERCHANTS          = var.world.merchants
  }

  s3_environment = {
    TXWATCH_S3_ENDPOINT    = "http://localstack:4566"
    TXWATCH_S3_BUCKET      = var.bucket
    TXWATCH_S3_MAKE_BUCKET = "false" # object_store.tf makes it
    TXWATCH_S3_ACCESS_KEY  = "txwatch"
    TXWATCH_S3_SECRET_KEY  = "txwatch"
  }

  # What a process needs to act as one of the warehouse's roles, and no other role's password.
  warehouse_roles = toset([
    "warehouse_owner", "stream_writer", "label_writer", "archiver", "transformer", "reconciler",
    "dashboard_reader", "analyst", "operator",
  ])
  as_role = { for role in local.warehouse_roles : role => { "TXWATCH_${upper(role)}_PASSWORD" = local.secrets[role] } }
}

module "migrate" {
  source = "./modules/oneshot"

  name    = "${var.name}-migrate"
  network = local.common.network
  image   = docker_image.this["txwatch"].image_id
  user    = "1000:1000"
  command = ["migrate"]

  environment = merge(
    local.pipeline_environment,
    { TXWATCH_POSTGRES_ADMIN_PASSWORD = local.secrets["postgres"] },
    [for role in local.warehouse_roles : local.as_role[role]]...
  )

  again_with = module.postgres.id
  log        = local.common.log
  labels     = local.common.labels
}

module "seed" {
  source = "./modules/oneshot"

  name        = "${var.name}-seed"
  network     = local.common.network
  image       = docker_image.this["txwatch"].image_id
  user        = "1000:1000"
  command     = ["seed"]
  environment = merge(local.pipeline_environment, local.as_role["warehouse_owner"])
  again_with  = module.migrate.id
  log         = local.common.log
  labels      = local.common.labels
}

module "stream" {
  source = "./modules/service"

  name    = "${var.name}-stream"
  alias   = "stream"
  network = local.common.network
  image   = docker_image.this["spark"].image_id
  user    = "1000:1000"
  command = ["stream"]

  environment = merge(
    local.pipeline_environment, local.s3_environment, local.as_role["stream_writer"],
    {
      TXWATCH_STREAM_MAX_BATCH_ROWS  = var.stream_max_batch_rows
      TXWATCH_STREAM_TRIGGER_SECONDS = var.stream_trigger_seconds
      TXWATCH_STREAM_SINK_MODE       = var.stream_sink_mode
      TXWATCH_STREAM_JAVA_OPTIONS    = var.stream_java_options
      # The rest is for Python, Arrow's buffers and what a JVM takes outside of its heap.
      TXWATCH_STREAM_DRIVER_MEMORY = "${floor(var.memory_mb.stream * 0.5)}m"
    },
    var.spark_workers == 0 ? {} : {
      TXWATCH_STREAM_SPARK_MASTER    = local.spark_master
      TXWATCH_STREAM_SPARK_SECRET    = local.secrets["spark"]
      TXWATCH_STREAM_EXECUTOR_MEMORY = "${local.executor_memory_mb}m"
    }
  )

  memory_mb        = var.memory_mb.stream
  tmpfs            = { "/tmp" = "256m", "/var/lib/txwatch" = "64m" }
  tmpfs_executable = true
  stop_seconds     = 60
  # A batch was committed, or there was nothing to do, within the last minute.
  healthcheck  = { test = ["CMD", "beating", "stream.heartbeat", "60"], start_period = "2m0s" }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.topics, module.seed, module.object_store, module.spark_worker]
}

module "archive" {
  source = "./modules/service"

  name        = "${var.name}-archive"
  alias       = "archive"
  network     = local.common.network
  image       = docker_image.this["spark"].image_id
  user        = "1000:1000"
  command     = ["archive"]
  environment = merge(local.pipeline_environment, local.s3_environment, local.as_role["archiver"])

  memory_mb    = var.memory_mb.archive
  tmpfs        = { "/tmp" = "64m", "/var/lib/txwatch" = "1m" }
  healthcheck  = { test = ["CMD", "beating", "archive.heartbeat", "60"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.topics, module.seed, module.object_store]
}

module "labels" {
  source = "./modules/service"

  name        = "${var.name}-labels"
  alias       = "labels"
  network     = local.common.network
  image       = docker_image.this["spark"].image_id
  user        = "1000:1000"
  command     = ["labels", "--json"]
  environment = merge(local.pipeline_environment, local.as_role["label_writer"])

  memory_mb    = var.memory_mb.labels
  tmpfs        = { "/tmp" = "64m", "/var/lib/txwatch" = "1m" }
  healthcheck  = { test = ["CMD", "beating", "labels.heartbeat", "60"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.topics, module.seed]
}

resource "docker_volume" "generator" {
  name = "${var.name}-generator"

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }
}

module "generator" {
  source = "./modules/service"
  count  = var.generator_rate > 0 ? 1 : 0

  name    = "${var.name}-generator"
  alias   = "generator"
  network = local.common.network
  image   = docker_image.this["txwatch"].image_id
  user    = "1000:1000"
  command = [
    "generate", "--json", "--rate", tostring(var.generator_rate), "--malformed", tostring(var.generator_malformed_share),
  ]
  environment = local.pipeline_environment

  memory_mb = var.memory_mb.generator
  # Where it stands in its run: it goes on from there, without a gap or a double.
  volumes = { "/var/lib/txwatch" = docker_volume.generator.name }
  # It writes down where it stands every second.
  healthcheck  = { test = ["CMD", "beating", "runs/generate.json", "60"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.topics, module.stream, module.archive, module.labels]
}
