# Airflow: all of it in one container, or one container for each of its processes.
locals {
  airflow_separate = var.enable_airflow && var.airflow_layout == "separate"

  airflow_layouts = {
    standalone = {
      airflow = { command = "all", alias = "airflow", memory_mb = var.memory_mb.airflow, listens = true, component = null }
    }
    separate = {
      airflow-api-server    = { command = "api-server", alias = "airflow", memory_mb = var.memory_mb.airflow_api_server, listens = true, component = null }
      airflow-scheduler     = { command = "scheduler", alias = "airflow-scheduler", memory_mb = var.memory_mb.airflow_scheduler, listens = false, component = "scheduler" }
      airflow-dag-processor = { command = "dag-processor", alias = "airflow-dag-processor", memory_mb = var.memory_mb.airflow_dag_processor, listens = false, component = "dag_processor" }
      airflow-triggerer     = { command = "triggerer", alias = "airflow-triggerer", memory_mb = var.memory_mb.airflow_triggerer, listens = false, component = "triggerer" }
    }
  }
  airflow_processes = var.enable_airflow ? local.airflow_layouts[var.airflow_layout] : {}

  # The rest of its configuration is services/airflow.cfg.
  airflow_environment = merge(
    {
      AIRFLOW__CORE__FERNET_KEY               = base64encode(local.secrets["airflow_fernet"])
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL = "http://airflow:8080/execution/"
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN     = "postgresql+psycopg2://airflow:${local.secrets["airflow_database"]}@postgres:5432/airflow"
      AIRFLOW__API__BASE_URL                  = "http://127.0.0.1:${var.ports.airflow}"
      AIRFLOW__API__SECRET_KEY                = local.secrets["airflow_session"]
      AIRFLOW__API_AUTH__JWT_SECRET           = local.secrets["airflow_jwt"]
    },
    local.pipeline_environment, local.s3_environment,
  )

  # What the DAGs' tasks act as: dbt, who maintains and records incidents, who reconciles, who checks the cards.
  airflow_tasks = merge([for role in ["transformer", "reconciler", "operator", "analyst", "dashboard_reader"] : local.as_role[role]]...)
  airflow_admin = { TXWATCH_AIRFLOW_ADMIN_PASSWORD = local.secrets["airflow_admin"] }

  # What each process knows beside that: the API server lets the admin in, the scheduler runs the tasks, and the DAG
  # processor calls back for a run that failed as a whole, which records an incident.
  airflow_knows = {
    airflow               = merge(local.airflow_admin, local.airflow_tasks)
    airflow-api-server    = local.airflow_admin
    airflow-scheduler     = local.airflow_tasks
    airflow-dag-processor = local.as_role["operator"]
    airflow-triggerer     = {}
  }

  # The API server knows how each process is: the scheduler, DAG processor and triggerer report to the database.
  airflow_healthcheck = <<-PYTHON
    import json, sys
    from urllib.request import urlopen
    health = json.load(urlopen("http://airflow:8080/api/v2/monitor/health", timeout=8))
    wanted = sys.argv[1:] or ["metadatabase", "scheduler", "dag_processor"]
    sys.exit(any(health[name]["status"] != "healthy" for name in wanted))
  PYTHON
}

resource "docker_volume" "airflow_logs" {
  count = var.enable_airflow ? 1 : 0
  name  = "${var.name}-airflow-logs"

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }
}

# All in one container migrates by itself.
module "airflow_migrate" {
  source = "./modules/oneshot"
  count  = local.airflow_separate ? 1 : 0

  name        = "${var.name}-airflow-migrate"
  network     = local.common.network
  image       = docker_image.this["airflow"].image_id
  user        = "1000:1000"
  command     = ["db", "migrate"]
  environment = merge(local.airflow_environment, { AIRFLOW_HOME = "/tmp" })
  memory_mb   = 768
  again_with  = module.databases.id
  log         = local.common.log
  labels      = local.common.labels
}

module "airflow" {
  source   = "./modules/service"
  for_each = local.airflow_processes

  name        = "${var.name}-${each.key}"
  alias       = each.value.alias
  network     = local.common.network
  image       = docker_image.this["airflow"].image_id
  user        = "1000:1000"
  command     = [each.value.command]
  environment = merge(local.airflow_environment, local.airflow_knows[each.key])

  memory_mb    = each.value.memory_mb
  ports        = each.value.listens ? { "8080" = var.ports.airflow } : {}
  volumes      = { "/var/lib/airflow/logs" = docker_volume.airflow_logs[0].name }
  tmpfs        = { "/tmp" = "256m", "/var/lib/airflow" = "16m", "/var/lib/txwatch" = "16m" }
  stop_seconds = 60
  healthcheck = {
    test = concat(
      ["CMD", "python", "-c", local.airflow_healthcheck],
      each.value.component != null ? [each.value.component] : local.airflow_separate ? ["metadatabase"] : [],
    )
    interval     = "15s"
    timeout      = "10s"
    start_period = "3m0s"
  }
  wait_seconds = max(var.wait_seconds, 300) # Python's imports alone take a minute on two busy cores
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.databases, module.airflow_migrate, module.seed]
}
