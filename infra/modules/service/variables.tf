variable "name" {
  description = "Container's name."
  type        = string
}

variable "alias" {
  description = "Name by which other containers of the network reach it."
  type        = string
}

variable "network" {
  description = "Network's name."
  type        = string
}

variable "image" {
  description = "Image's id, so that a new image of the same name replaces the container."
  type        = string
}

variable "user" {
  description = "Numeric user and group, as uid:gid."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", var.user))
    error_message = "A container runs as a numeric user and group other than root, for example 1000:1000."
  }
}

variable "command" {
  description = "Command line; null: the image's."
  type        = list(string)
  default     = null
}

variable "entrypoint" {
  description = "Program to run in place of the image's; null: the image's."
  type        = list(string)
  default     = null
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "memory_mb" {
  description = "Memory limit in MiB; there is no swap beyond it."
  type        = number
}

variable "ports" {
  description = "Ports published on the host's loopback address: port in the container => port on the host."
  type        = map(number)
  default     = {}
}

variable "volumes" {
  description = "Named volumes: path in the container => volume's name."
  type        = map(string)
  default     = {}
}

variable "tmpfs" {
  description = "Writable folders in memory (within the memory limit), owned by the user: path => size."
  type        = map(string)
  default     = { "/tmp" = "64m" }
}

variable "tmpfs_executable" {
  description = "Whether programs may run from the folders in memory: JVMs unpack native libraries (lz4, zstd) there."
  type        = bool
  default     = false
}

variable "read_only" {
  description = "Whether the root file system is read-only."
  type        = bool
  default     = true
}

variable "healthcheck" {
  description = "How the engine knows that it is well; durations as Go prints them (10s, 1m0s)."
  type = object({
    test         = list(string)
    interval     = optional(string, "5s")
    timeout      = optional(string, "5s")
    start_period = optional(string, "1m0s")
    retries      = optional(number, 6)
  })
}

variable "wait_seconds" {
  description = "How long apply waits for the container to be healthy."
  type        = number
  default     = 180
}

variable "stop_seconds" {
  description = "How long the container may take to end by itself when it is stopped."
  type        = number
  default     = 30
}

variable "log" {
  description = "Size at which a log file is rotated, and how many are kept."
  type        = object({ max_size = string, max_file = number })
}

variable "labels" {
  description = "Labels of the container."
  type        = map(string)
}
