#!/usr/bin/env bash
# Runs one of Kafka's tools by the name that its own distribution gives it, or any class: kafka-run-class.sh CLASS ARGS
set -euo pipefail

case $(basename "$0") in
    kafka-topics.sh) tool=org.apache.kafka.tools.TopicCommand ;;
    kafka-configs.sh) tool=org.apache.kafka.tools.ConfigCommand ;;
    kafka-consumer-groups.sh) tool=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    kafka-console-consumer.sh) tool=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    kafka-console-producer.sh) tool=org.apache.kafka.tools.ConsoleProducer ;;
    kafka-get-offsets.sh) tool=org.apache.kafka.tools.GetOffsetShell ;;
    kafka-metadata-quorum.sh) tool=org.apache.kafka.tools.MetadataQuorumCommand ;;
    *) tool=${1:?usage: kafka-run-class.sh CLASS [ARGUMENT...]} && shift ;;
esac

exec java -Xmx256m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=/etc/kafka/docker/tools-log4j2.yaml \
    -cp '/opt/kafka/libs/*' "$tool" "$@"
