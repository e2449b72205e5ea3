provider "aws" {
  region = "us-east-1"
  # LocalStack asks nobody who he is: these are no secrets, its port on 127.0.0.1 is the gate.
  access_key = local.s3_environment.TXWATCH_S3_ACCESS_KEY
  secret_key = local.s3_environment.TXWATCH_S3_SECRET_KEY

  endpoints {
    s3 = "http://127.0.0.1:${var.ports.localstack}"
  }

  # LocalStack is an S3 endpoint and nothing else of AWS.
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  max_retries                 = 2
}

module "localstack" {
  source = "./modules/service"

  name    = "${var.name}-localstack"
  alias   = "localstack"
  network = local.common.network
  image   = docker_image.this["localstack"].image_id
  user    = "1000:1000"

  environment = {
    SERVICES              = "s3"
    EAGER_SERVICE_LOADING = "1"
    TXWATCH_S3_BUCKET     = var.bucket # for the init hook
  }

  # Objects are files in the container: in memory they would soon reach its limit.
  read_only    = false
  tmpfs        = {}
  memory_mb    = var.memory_mb.localstack
  ports        = { "4566" = var.ports.localstack }
  healthcheck  = { test = ["CMD", "localstack-ready"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels
}

module "object_store" {
  source = "./modules/object_store"

  bucket              = var.bucket
  versioning          = false # LocalStack expires nothing: every deleted checkpoint file would stay in its memory
  delete_with_content = true
  store_id            = module.localstack.id
}
