# One secret per role, made once. They lie in the state in plain, as every secret of Terraform does: the state file
# is git-ignored and readable by its owner only.
locals {
  secret_names = toset([
    "postgres", "airflow_database", "metabase_database",
    "warehouse_owner", "stream_writer", "label_writer", "archiver", "transformer", "reconciler",
    "dashboard_reader", "analyst", "operator",
    "spark", "airflow_admin", "airflow_jwt", "airflow_fernet", "airflow_session", "metabase_admin",
  ])
}

resource "terraform_data" "secret" {
  for_each = local.secret_names
  input    = uuid()

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  # 122 random bits each. A provider of random numbers would be one more to fetch, for the same.
  secrets = { for name, source in terraform_data.secret : name => sensitive(substr(sha256("${name} ${source.output}"), 0, 32)) }
}
