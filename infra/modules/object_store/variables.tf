variable "bucket" {
  description = "Bucket's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and starts and ends with a letter or digit."
  }
}

variable "versioning" {
  description = "Whether overwritten and deleted objects are kept as old versions until a rule expires them; not where the store carries out no rules."
  type        = bool
  default     = true
}

variable "keep_old_versions_days" {
  description = "Days after which an overwritten or deleted object is gone for good."
  type        = number
  default     = 7

  validation {
    condition     = var.keep_old_versions_days >= 1 && floor(var.keep_old_versions_days) == var.keep_old_versions_days
    error_message = "keep_old_versions_days is a whole number of days, at least 1."
  }
}

variable "delete_with_content" {
  description = "Whether the bucket may be destroyed while it holds objects."
  type        = bool
  default     = false
}

variable "store_id" {
  description = "Identity of a store that can be replaced as a whole (LocalStack's container); all is made anew with it."
  type        = string
  default     = "aws"
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
}
