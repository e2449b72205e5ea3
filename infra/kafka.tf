locals {
  brokers = { for number in range(1, var.kafka_brokers + 1) : tostring(number) => "kafka-${number}" }

  kafka_bootstrap  = join(",", [for alias in values(local.brokers) : "${alias}:19092"])
  kafka_replicas   = var.kafka_brokers
  kafka_min_insync = var.kafka_brokers > 1 ? 2 : 1
}

resource "docker_volume" "kafka" {
  for_each = local.brokers
  name     = "${var.name}-${each.value}"

  dynamic "labels" {
    for_each = local.labels
    content {
      label = labels.key
      value = labels.value
    }
  }
}

# No broker depends on another: a quorum's voters must start together.
module "kafka" {
  source   = "./modules/service"
  for_each = local.brokers

  name    = "${var.name}-${each.value}"
  alias   = each.value
  network = local.common.network
  image   = docker_image.this["kafka"].image_id
  user    = "1000:1000"

  environment = {
    CLUSTER_ID                                             = "dHh3YXRjaC1jbHVzdGVyMQ"
    KAFKA_NODE_ID                                          = each.key
    KAFKA_PROCESS_ROLES                                    = "broker,controller"
    KAFKA_CONTROLLER_QUORUM_VOTERS                         = join(",", [for id, alias in local.brokers : "${id}@${alias}:9093"])
    KAFKA_CONTROLLER_LISTENER_NAMES                        = "CONTROLLER"
    KAFKA_INTER_BROKER_LISTENER_NAME                       = "INTERNAL"
    KAFKA_LISTENERS                                        = "INTERNAL://:19092,EXTERNAL://:9092,CONTROLLER://:9093"
    KAFKA_ADVERTISED_LISTENERS                             = "INTERNAL://${each.value}:19092,EXTERNAL://127.0.0.1:${var.ports.kafka + tonumber(each.key) - 1}"
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP                   = "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
    KAFKA_LOG_DIRS                                         = "/var/lib/kafka/data"
    KAFKA_AUTO_CREATE_TOPICS_ENABLE                        = "false"
    KAFKA_DEFAULT_REPLICATION_FACTOR                       = local.kafka_replicas
    KAFKA_MIN_INSYNC_REPLICAS                              = local.kafka_min_insync
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR                 = local.kafka_replicas
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR         = local.kafka_replicas
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR                    = local.kafka_min_insync
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR = local.kafka_replicas
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR            = local.kafka_min_insync
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS                 = "0"
    LOG_DIR                                                = "/tmp" # where the official image's scripts want to write
    # Half of the container: the rest is for direct buffers and metaspace.
    KAFKA_HEAP_OPTS = "-Xms${floor(var.memory_mb.kafka / 2)}m -Xmx${floor(var.memory_mb.kafka / 2)}m"
  }

  memory_mb        = var.memory_mb.kafka
  ports            = { "9092" = var.ports.kafka + tonumber(each.key) - 1 }
  volumes          = { "/var/lib/kafka/data" = docker_volume.kafka[each.key].name }
  tmpfs            = { "/tmp" = "64m", "/opt/kafka/config" = "1m" }
  tmpfs_executable = true
  stop_seconds     = 60
  # The broker opens its port only once it serves requests.
  healthcheck  = { test = ["CMD", "bash", "-c", "</dev/tcp/127.0.0.1/19092"] }
  wait_seconds = var.wait_seconds
  log          = local.common.log
  labels       = local.common.labels
}

locals {
  topics = ["transactions", "fraud.labels"]

  # Append time, because it cannot be forged by a producer and latency counts from it.
  make_topics = join(" && ", [
    for topic in local.topics :
    "/opt/kafka/bin/kafka-topics.sh --bootstrap-server ${local.kafka_bootstrap} --create --if-not-exists --topic ${topic} --partitions ${var.kafka_partitions} --config message.timestamp.type=LogAppendTime"
  ])
}

module "topics" {
  source = "./modules/oneshot"

  name        = "${var.name}-topics"
  network     = local.common.network
  image       = docker_image.this["kafka"].image_id
  user        = "1000:1000"
  command     = ["bash", "-c", local.make_topics]
  environment = { LOG_DIR = "/tmp" }
  again_with  = [for broker in module.kafka : broker.id]
  log         = local.common.log
  labels      = local.common.labels
}
