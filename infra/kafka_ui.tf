module "kafka_ui" {
  source = "./modules/service"
  count  = local.runs.kafka_ui ? 1 : 0

  name    = "${var.name}-kafka-ui"
  alias   = "kafka-ui"
  network = local.common.network
  image   = docker_image.this["kafka_ui"].image_id
  user    = "1000:1000"

  environment = {
    KAFKA_CLUSTERS_0_NAME             = var.name
    KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS = local.kafka_bootstrap
    KAFKA_CLUSTERS_0_READONLY         = "true"
    JAVA_OPTS                         = "-Xmx${floor(var.memory_mb.kafka_ui / 2)}m"
  }

  memory_mb        = var.memory_mb.kafka_ui
  ports            = { "8080" = var.ports.kafka_ui }
  tmpfs_executable = true
  healthcheck      = { test = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/actuator/health"], start_period = "2m0s" }
  wait_seconds     = var.wait_seconds
  log              = local.common.log
  labels           = local.common.labels

  depends_on = [module.topics]
}
