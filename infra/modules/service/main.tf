locals {
  uid = split(":", var.user)[0]
}

# The provider applies a changed health check in place to nothing: the container has to be made anew.
resource "terraform_data" "replacement" {
  input = {
    healthcheck = var.healthcheck
    tmpfs       = var.tmpfs
  }
}

resource "docker_container" "this" {
  name       = var.name
  hostname   = var.alias
  image      = var.image
  entrypoint = var.entrypoint
  command    = var.command
  env        = [for name, value in var.environment : "${name}=${value}"]
  user       = var.user
  init       = true

  restart               = "unless-stopped"
  stop_timeout          = var.stop_seconds
  destroy_grace_seconds = var.stop_seconds
  wait                  = true
  wait_timeout          = var.wait_seconds

  memory        = var.memory_mb
  memory_swap   = var.memory_mb
  read_only     = var.read_only
  security_opts = ["no-new-privileges"]
  tmpfs         = { for path, size in var.tmpfs : path => "rw,${var.tmpfs_executable ? "exec" : "noexec"},nosuid,nodev,uid=${local.uid},size=${size}" }

  log_driver = "json-file"
  log_opts   = { "max-size" = var.log.max_size, "max-file" = tostring(var.log.max_file) }

  capabilities {
    drop = ["ALL"]
  }

  healthcheck {
    test         = var.healthcheck.test
    interval     = var.healthcheck.interval
    timeout      = var.healthcheck.timeout
    start_period = var.healthcheck.start_period
    retries      = var.healthcheck.retries
  }

  # Without network_mode: together the two silently drop the alias.
  networks_advanced {
    name    = var.network
    aliases = [var.alias]
  }

  dynamic "ports" {
    for_each = var.ports
    content {
      internal = ports.key
      external = ports.value
      ip       = "127.0.0.1"
    }
  }

  dynamic "volumes" {
    for_each = var.volumes
    content {
      container_path = volumes.key
      volume_name    = volumes.value
    }
  }

  dynamic "labels" {
    for_each = var.labels
    content {
      label = labels.key
      value = labels.value
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.replacement]
  }
}
