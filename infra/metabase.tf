locals {
  metabase_admin = "admin@example.org"
}

module "metabase" {
  source = "./modules/service"
  count  = local.runs.metabase ? 1 : 0

  name    = "${var.name}-metabase"
  alias   = "metabase"
  network = local.common.network
  image   = docker_image.this["metabase"].image_id
  user    = "2000:2000"

  environment = {
    MB_DB_TYPE               = "postgres"
    MB_DB_HOST               = "postgres"
    MB_DB_PORT               = "5432"
    MB_DB_DBNAME             = "metabase"
    MB_DB_USER               = "metabase"
    MB_DB_PASS               = local.secrets["metabase_database"]
    MB_PLUGINS_DIR           = "/tmp/plugins"
    MB_ANON_TRACKING_ENABLED = "false"
    MB_CHECK_FOR_UPDATES     = "false"
    MB_LOAD_SAMPLE_CONTENT   = "false"
    JAVA_OPTS                = "-Xmx${floor(var.memory_mb.metabase * 0.6)}m"
  }

  memory_mb = var.memory_mb.metabase
  ports     = { "3000" = var.ports.metabase }
  tmpfs     = { "/tmp" = "256m" }
  # Its launcher keeps to /tmp, its plugins may not.
  read_only    = false
  healthcheck  = { test = ["CMD", "curl", "-fsS", "http://127.0.0.1:3000/api/health"], interval = "10s", start_period = "4m0s" }
  wait_seconds = max(var.wait_seconds, 420) # its first start migrates its database for minutes
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.databases]
}

module "dashboards" {
  source = "./modules/oneshot"
  count  = local.runs.metabase ? 1 : 0

  name    = "${var.name}-dashboards"
  network = local.common.network
  image   = docker_image.this["txwatch"].image_id
  user    = "1000:1000"
  command = ["dashboards", "apply"]

  environment = merge(local.pipeline_environment, local.as_role["dashboard_reader"], {
    TXWATCH_METABASE_URL            = "http://metabase:3000"
    TXWATCH_METABASE_ADMIN_EMAIL    = local.metabase_admin
    TXWATCH_METABASE_ADMIN_PASSWORD = local.secrets["metabase_admin"]
  })

  again_with = module.metabase[0].id
  log        = local.common.log
  labels     = local.common.labels

  depends_on = [module.seed]
}
