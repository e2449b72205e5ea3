variable "name" {
  description = "Container's name."
  type        = string
}

variable "network" {
  description = "Network's name."
  type        = string
}

variable "image" {
  description = "Image's id, so that a new image of the same name runs the task again."
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
  description = "Command line; it must be safe to run again."
  type        = list(string)
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
  default     = 512
}

variable "again_with" {
  description = "Anything whose change runs the task again."
  type        = any
  default     = null
}

variable "log" {
  description = "Size at which a log file is rotated, and how many are kept."
  type        = object({ max_size = string, max_file = number })
}

variable "labels" {
  description = "Labels of the container."
  type        = map(string)
}
