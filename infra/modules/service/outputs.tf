output "id" {
  description = "Container's id: it changes when the container is made anew."
  value       = docker_container.this.id
}

output "name" {
  description = "Container's name."
  value       = docker_container.this.name
}

output "summary" {
  description = "Whom it runs as, where it listens on the host, what it may use."
  value = {
    user         = docker_container.this.user
    listens_on   = [for port in docker_container.this.ports : "${port.ip}:${port.external}"]
    memory_mb    = docker_container.this.memory
    read_only    = docker_container.this.read_only
    restarts     = docker_container.this.restart != "no"
    capabilities = one(docker_container.this.capabilities).drop
    security     = docker_container.this.security_opts
  }
}
