locals {
  images = merge({ for name, image in var.built_images : name => image if image != null }, { for name, image in var.images : name => image if image != null })

  optional_images = {
    metabase = var.enable_metabase
    kafka_ui = var.enable_kafka_ui
  }

  # Left out: wanted, but not to be had here.
  left_out = [for name, wanted in local.optional_images : name if wanted && contains(var.unavailable_images, name)]
  runs     = { for name, wanted in local.optional_images : name => wanted && !contains(var.unavailable_images, name) }

  needed_images = {
    for name, image in local.images : name => image
    if lookup(local.runs, name, true) && (name != "airflow" || var.enable_airflow)
  }
}

resource "docker_image" "this" {
  for_each = local.needed_images

  name         = each.value
  keep_locally = true
}
