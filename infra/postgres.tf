resource "docker_volume" "postgres" {
  name = "${var.name}-postgres"

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }
}

module "postgres" {
  source = "./modules/service"

  name    = "${var.name}-postgres"
  alias   = "postgres"
  network = local.common.network
  image   = docker_image.this["postgres"].image_id
  user    = "999:999"
  command = [
    "postgres",
    "-c", "shared_buffers=${floor(var.memory_mb.postgres / 4)}MB",
    "-c", "max_wal_size=2GB",
    "-c", "max_connections=100",
    "-c", "timezone=UTC",
  ]

  environment = {
    POSTGRES_USER     = "postgres"
    POSTGRES_PASSWORD = local.secrets["postgres"]
  }

  memory_mb    = var.memory_mb.postgres
  ports        = { "5432" = var.ports.postgres }
  volumes      = { "/var/lib/postgresql/data" = docker_volume.postgres.name }
  tmpfs        = { "/tmp" = "64m", "/var/run/postgresql" = "1m" }
  stop_seconds = 60
  # Over TCP: the socket answers while the cluster is still being set up.
  healthcheck  = { test = ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels
}

# Databases that are not ours to migrate: Airflow and Metabase make their own schemas.
module "databases" {
  source = "./modules/oneshot"

  name    = "${var.name}-databases"
  network = local.common.network
  image   = docker_image.this["postgres"].image_id
  user    = "999:999"
  command = ["bash", "-c", "psql --no-psqlrc -v ON_ERROR_STOP=1 -q <<<\"$SCRIPT\""]

  environment = {
    SCRIPT            = file("${path.module}/files/databases.sql")
    PGHOST            = "postgres"
    PGUSER            = "postgres"
    PGPASSWORD        = local.secrets["postgres"]
    AIRFLOW_PASSWORD  = local.secrets["airflow_database"]
    METABASE_PASSWORD = local.secrets["metabase_database"]
  }

  again_with = module.postgres.id
  log        = local.common.log
  labels     = local.common.labels
}
