output "bucket" {
  description = "Bucket's name, known once objects may be written: versions are kept, and nothing is public."
  value       = aws_s3_bucket_versioning.this.bucket
  depends_on  = [aws_s3_bucket_public_access_block.this]
}

output "arn" {
  description = "Bucket's ARN."
  value       = aws_s3_bucket.this.arn
}
