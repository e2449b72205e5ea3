variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is an AWS region, for example eu-central-1."
  }
}

variable "environment" {
  description = "What this copy is for: it is part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.environment))
    error_message = "environment has 2 to 21 lower-case letters, digits and hyphens, for example staging."
  }
}

variable "bucket" {
  description = "Bucket of checkpoints and raw archive; its name is unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket has 3 to 63 lower-case letters, digits and hyphens; dots break TLS to the bucket's own host name."
  }
}

variable "keep_old_versions_days" {
  description = "Days after which an overwritten or deleted object is gone for good."
  type        = number
  default     = 30
}
