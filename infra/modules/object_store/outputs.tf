output "bucket" {
  description = "Bucket's name, known once all of its settings are in force."
  value       = aws_s3_bucket_lifecycle_configuration.this.bucket
}

output "arn" {
  description = "Bucket's ARN."
  value       = aws_s3_bucket.this.arn
}
