# Plans offline: nothing here speaks to AWS.
mock_provider "aws" {
  # AWS gives a bucket its name as its id; a mock would make one up.
  mock_resource "aws_s3_bucket" {
    defaults = {
      id  = "txwatch-staging-example"
      arn = "arn:aws:s3:::txwatch-staging-example"
    }
  }
}

variables {
  environment = "staging"
  bucket      = "txwatch-staging-example"
}

run "bucket_by_the_module_of_the_stack" {
  command = apply

  assert {
    condition     = module.object_store.bucket == "txwatch-staging-example" && module.object_store.arn == "arn:aws:s3:::txwatch-staging-example"
    error_message = "The bucket should have the name asked for."
  }

  assert {
    condition     = output.settings.TXWATCH_S3_MAKE_BUCKET == "false" && !contains(keys(output.settings), "TXWATCH_S3_ENDPOINT")
    error_message = "Processes should go AWS' usual way and make no bucket themselves."
  }
}

run "old_versions_are_kept_for_a_while" {
  command = plan

  module {
    source = "../modules/object_store"
  }

  variables {
    keep_old_versions_days = 30
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "An overwritten or deleted object should stay as an old version."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this[0].rule[0].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "An old version should go after the days asked for."
  }
}

run "no_versions_where_nothing_expires_them" {
  command = plan

  module {
    source = "../modules/object_store"
  }

  variables {
    versioning = false
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.this) + length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "A store that carries out no rules should keep no versions."
  }
}

run "a_policy_per_process" {
  command = apply

  assert {
    condition     = toset(keys(aws_iam_policy.object_store)) == toset(["stream", "archive", "maintain", "verify"])
    error_message = "Stream, archive, maintain and verify should have a policy each."
  }

  assert {
    condition = alltrue([
      for policy in values(aws_iam_policy.object_store) :
      !strcontains(policy.policy, "s3:*") && !strcontains(policy.policy, "DeleteObjectVersion")
    ])
    error_message = "No policy should allow everything, or the removal of old versions."
  }

  assert {
    condition     = !strcontains(aws_iam_policy.object_store["verify"].policy, "PutObject")
    error_message = "Verify should only read."
  }
}

run "maintain_reaches_archive_and_checkpoints_and_nothing_else" {
  command = apply

  assert {
    condition     = toset(jsondecode(aws_iam_policy.object_store["maintain"].policy).Statement[0].Resource) == toset(["arn:aws:s3:::txwatch-staging-example/raw/*", "arn:aws:s3:::txwatch-staging-example/checkpoints/*"])
    error_message = "Maintain merges archived objects and removes the checkpoints of earlier starts."
  }
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_a_bucket_name_that_s3_refuses" {
  command = plan

  variables {
    bucket = "Not_A_Bucket"
  }

  expect_failures = [var.bucket]
}
