# A standalone cluster, where one is wanted; the stream's driver (pipeline.tf) submits to it.
locals {
  spark_master  = var.spark_workers > 0 ? "spark://spark-master:7077" : null
  spark_workers = { for number in range(1, var.spark_workers + 1) : tostring(number) => "spark-worker-${number}" }

  executor_memory_mb = floor(var.memory_mb.worker / 2)
}

module "spark_master" {
  source = "./modules/service"
  count  = var.spark_workers > 0 ? 1 : 0

  name       = "${var.name}-spark-master"
  alias      = "spark-master"
  network    = local.common.network
  image      = docker_image.this["spark"].image_id
  user       = "1000:1000"
  entrypoint = ["spark-daemon"]
  command = [
    "master.Master",
    "--host", "spark-master", "--port", "7077", "--webui-port", "8080",
  ]

  environment = {
    SPARK_SECRET        = local.secrets["spark"] # the network is not enough of a gate
    SPARK_DAEMON_MEMORY = "256m"
  }

  memory_mb    = var.memory_mb.master
  ports        = { "8080" = var.ports.spark }
  healthcheck  = { test = ["CMD", "bash", "-c", "</dev/tcp/$(hostname)/7077"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels
}

module "spark_worker" {
  source   = "./modules/service"
  for_each = local.spark_workers

  name       = "${var.name}-${each.value}"
  alias      = each.value
  network    = local.common.network
  image      = docker_image.this["spark"].image_id
  user       = "1000:1000"
  entrypoint = ["spark-daemon"]
  command = [
    "worker.Worker", "spark://spark-master:7077",
    "--host", each.value, "--port", "7078", "--webui-port", "8081", "--work-dir", "/var/lib/spark",
    "--cores", "1", "--memory", "${local.executor_memory_mb}m",
  ]

  environment = {
    SPARK_SECRET        = local.secrets["spark"]
    SPARK_DAEMON_MEMORY = "192m"
    SPARK_LOCAL_DIRS    = "/var/lib/spark"
    # What an application that ended has left in memory goes after an hour.
    SPARK_WORKER_OPTS = "-Dspark.worker.cleanup.enabled=true -Dspark.worker.cleanup.interval=600 -Dspark.worker.cleanup.appDataTtl=3600"
  }

  memory_mb        = var.memory_mb.worker
  tmpfs            = { "/tmp" = "128m", "/var/lib/spark" = "256m" }
  tmpfs_executable = true
  healthcheck      = { test = ["CMD", "bash", "-c", "</dev/tcp/$(hostname)/8081"] }
  wait_seconds     = var.wait_seconds
  log              = local.common.log
  labels           = local.common.labels

  depends_on = [module.spark_master]
}
