output "id" {
  description = "Container's id: it changes when the container is made anew."
  value       = docker_container.this.id
}

output "name" {
  description = "Container's name."
  value       = docker_container.this.name
}
