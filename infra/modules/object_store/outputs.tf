output "bucket" {
  description = "Bucket's name, known once objects may be written: versions are kept where they should be, and nothing is public."
  value       = aws_s3_bucket.this.bucket
  depends_on  = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_versioning.this]
}

output "arn" {
  description = "Bucket's ARN."
  value       = aws_s3_bucket.this.arn
}
