locals {
  uid = split(":", var.user)[0]
}

resource "terraform_data" "again" {
  input = var.again_with
}

# The container stays when it has ended: its exit code is what the postcondition reads.
resource "docker_container" "this" {
  name    = var.name
  image   = var.image
  command = var.command
  env     = [for name, value in var.environment : "${name}=${value}"]
  user    = var.user
  init    = true

  must_run = false
  attach   = true
  logs     = true
  restart  = "no"

  memory        = var.memory_mb
  memory_swap   = var.memory_mb
  read_only     = true
  security_opts = ["no-new-privileges"]
  tmpfs         = { "/tmp" = "rw,nosuid,nodev,uid=${local.uid},size=256m" }

  log_driver = "json-file"
  log_opts   = { "max-size" = var.log.max_size, "max-file" = tostring(var.log.max_file) }

  capabilities {
    drop = ["ALL"]
  }

  networks_advanced {
    name = var.network
  }

  dynamic "labels" {
    for_each = var.labels
    content {
      label = labels.key
      value = labels.value
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.again]

    postcondition {
      condition     = self.exit_code == 0
      error_message = "The task ${var.name} failed (exit code ${coalesce(self.exit_code, -1)}): read 'docker logs ${var.name}', mend the cause and run 'make up' again."
    }
  }
}
