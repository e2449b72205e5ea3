output "settings" {
  description = "Settings of every txwatch process here: without endpoint and keys, the S3 client goes AWS' usual way."
  value = {
    TXWATCH_S3_BUCKET      = module.object_store.bucket
    TXWATCH_S3_REGION      = var.region
    TXWATCH_S3_MAKE_BUCKET = "false"
  }
}

output "policies" {
  description = "Policy to attach to the identity of each process."
  value       = { for process, policy in aws_iam_policy.object_store : process => policy.arn }
}
