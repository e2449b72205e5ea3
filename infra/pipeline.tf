# What txwatch itself runs: two tasks that prepare the warehouse, then the stream, the archive and the generator.
locals {
  pipeline_environment = {
    TXWATCH_LOG_FORMAT               = "json"
    TXWATCH_STATE_DIR                = "/tmp/txwatch"
    TXWATCH_KAFKA_BOOTSTRAP_SERVERS  = local.kafka_bootstrap
    TXWATCH_KAFKA_PARTITIONS         = var.kafka_partitions
    TXWATCH_KAFKA_REPLICATION_FACTOR = local.kafka_replicas
    TXWATCH_POSTGRES_HOST            = "postgres"
    TXWATCH_WORLD_SEED               = var.world.seed
    TXWATCH_WORLD_CUSTOMERS          = var.world.customers
    TXWATCH_WORLD_MERCHANTS          = var.world.merchants
  }

  s3_environment = {
    TXWATCH_S3_ENDPOINT   = "http://localstack:4566"
    TXWATCH_S3_BUCKET     = var.bucket
    TXWATCH_S3_ACCESS_KEY = "txwatch"
    TXWATCH_S3_SECRET_KEY = "txwatch"
  }

  warehouse_roles = [
    "warehouse_owner", "stream_writer", "label_writer", "archiver", "transformer", "dashboard_reader", "analyst",
  ]
  role_environment = { for role in local.warehouse_roles : role => { "TXWATCH_${upper(role)}_PASSWORD" = local.secrets[role] } }
}
