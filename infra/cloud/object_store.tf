# The stack's module as it is: without LocalStack's endpoint in the provider, it speaks to AWS.
module "object_store" {
  source = "../modules/object_store"

  bucket                 = var.bucket
  keep_old_versions_days = var.keep_old_versions_days
}

locals {
  # The key prefixes that each process writes (services/txwatch/stream); nobody may delete a version.
  write = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
  writers = {
    stream   = { prefixes = ["checkpoints"], actions = local.write }
    archive  = { prefixes = ["raw"], actions = local.write }
    maintain = { prefixes = ["raw", "checkpoints"], actions = local.write } # merges small objects, removes old starts
  }
  readers = { verify = { prefixes = ["raw"], actions = ["s3:GetObject"] } }
}

# One policy per process, to attach to whatever identity it runs under (an EMR execution role, a pod's, a task's).
resource "aws_iam_policy" "object_store" {
  for_each = merge(local.writers, local.readers)

  name        = "txwatch-${var.environment}-${each.key}"
  description = "What txwatch's ${each.key} does with its bucket."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = each.value.actions
        Resource = [for prefix in each.value.prefixes : "${module.object_store.arn}/${prefix}/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = module.object_store.arn
        Condition = { StringLike = { "s3:prefix" = [for prefix in each.value.prefixes : "${prefix}/*"] } }
      },
    ]
  })
}
