output "endpoints" {
  description = "Every address on this machine, who may enter, and the name of the secret that lets him in ('make secrets')."
  value = {
    for name, endpoint in {
      kafka      = { address = "127.0.0.1:${var.ports.kafka}", user = "", secret = "", runs = true }
      postgres   = { address = "127.0.0.1:${var.ports.postgres}/warehouse", user = "analyst", secret = "analyst", runs = true }
      s3         = { address = "http://127.0.0.1:${var.ports.localstack}", user = "any", secret = "", runs = true }
      spark      = { address = "http://127.0.0.1:${var.ports.spark}", user = "", secret = "", runs = var.spark_workers > 0 }
      airflow    = { address = "http://127.0.0.1:${var.ports.airflow}", user = "admin", secret = "airflow_admin", runs = var.enable_airflow }
      metabase   = { address = "http://127.0.0.1:${var.ports.metabase}", user = local.metabase_admin, secret = "metabase_admin", runs = local.runs.metabase }
      "kafka ui" = { address = "http://127.0.0.1:${var.ports.kafka_ui}", user = "", secret = "", runs = local.runs.kafka_ui }
      console    = { address = "http://127.0.0.1:${var.ports.console}", user = "", secret = "", runs = var.enable_console }
    } : name => { address = endpoint.address, user = endpoint.user, secret = endpoint.secret } if endpoint.runs
  }
}

output "left_out" {
  description = "What was wanted but does not run, because its image cannot be had on this machine."
  value       = { for name in local.left_out : name => local.images[name] }
}

output "wanted_images" {
  description = "What 'make up' provides before it applies: images to build, and official ones to pull."
  value = {
    built    = [for name in keys(var.built_images) : name if name != "airflow" || var.enable_airflow]
    official = { for name, wanted in local.optional_images : name => var.images[name] if wanted }
  }
}

output "is_generating" {
  description = "Whether the generator runs."
  value       = var.generator_rate > 0
}

output "network" {
  description = "The network that the containers share."
  value       = docker_network.this.name
}

output "bucket" {
  description = "The S3 bucket of checkpoints and raw archive."
  value       = module.object_store.bucket
}

output "secrets" {
  description = "Every secret, by role."
  value       = local.secrets
  sensitive   = true
}

output "operator" {
  description = "How an operator's own container joins: image and environment of every role ('make smoke')."
  value = {
    image = docker_image.this["txwatch"].image_id
    environment = merge(
      local.pipeline_environment, local.s3_environment,
      [for role in local.warehouse_roles : local.as_role[role]]...
    )
  }
  sensitive = true
}

output "containers" {
  description = "Every container: whom it runs as, where it listens on this machine, what it may use."
  value = {
    for container in concat(
      values(module.kafka), [module.topics, module.postgres, module.databases, module.localstack],
      module.spark_master, values(module.spark_worker),
      [module.migrate, module.seed, module.stream, module.archive, module.labels], module.generator,
      module.airflow_migrate, values(module.airflow), module.metabase, module.dashboards, module.kafka_ui, module.console,
    ) : container.name => container.summary
  }
}
