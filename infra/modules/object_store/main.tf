resource "terraform_data" "store" {
  input = var.store_id
}

resource "aws_s3_bucket" "this" {
  bucket        = var.bucket
  force_destroy = var.delete_with_content
  tags          = var.tags

  lifecycle {
    replace_triggered_by = [terraform_data.store]
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  count  = var.versioning ? 1 : 0
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.versioning ? 1 : 0
  # Rules on old versions need versioning to be there first.
  bucket = aws_s3_bucket_versioning.this[0].bucket

  rule {
    id     = "forget-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_old_versions_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
