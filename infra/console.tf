module "console" {
  source = "./modules/service"
  count  = var.enable_console ? 1 : 0

  name    = "${var.name}-console"
  alias   = "console"
  network = local.common.network
  image   = docker_image.this["txwatch"].image_id
  user    = "1000:1000"
  command = ["console"]
  environment = merge(local.pipeline_environment, local.as_role["dashboard_reader"], {
    TXWATCH_CONSOLE_PORT     = "8501"
    STREAMLIT_SERVER_ADDRESS = "0.0.0.0" # of the container: its port is published on 127.0.0.1
  })

  memory_mb    = var.memory_mb.console
  ports        = { "8501" = var.ports.console }
  tmpfs        = { "/tmp" = "64m", "/var/lib/txwatch" = "16m" }
  healthcheck  = { test = ["CMD", "python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels

  depends_on = [module.seed]
}
