output "id" {
  description = "Container's id: it changes when the task has run again."
  value       = docker_container.this.id
}
