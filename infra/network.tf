resource "docker_network" "this" {
  name   = var.name
  driver = "bridge"

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }
}

locals {
  labels = { "txwatch.stack" = var.name }

  # What every container of the stack has in common.
  common = {
    network = docker_network.this.name
    log     = var.log
    labels  = local.labels
  }
}
