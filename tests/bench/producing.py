"""The generator against a naive loop and against librdkafka with records made beforehand: records per second.

    python producing.py ours|naive|raw COUNT

sends COUNT records to the topic of the settings and prints {"records", "seconds", "cpu_us_per_row"}; making
what is made beforehand does not count.
"""

import json
import random
import sys
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from txwatch.generator.pacing import Pacing
from txwatch.generator.partitions import partitions
from txwatch.generator.progress import Progress
from txwatch.generator.run import Limits, Run
from txwatch.generator.synthesis import Recipe, Synthesis
from txwatch.generator.target import _PRODUCER_OPTIONS, KafkaTarget
from txwatch.settings import Settings, load_settings
from txwatch.world import build_world

_START_MS = 1_735_689_600_000


def _synthesis(settings: Settings) -> Synthesis:
    world = build_world(settings.world_seed, settings.world_customers, settings.world_merchants)
    return Synthesis(world, Recipe(_START_MS, fraud_share=0.008))


class Ours:
    """The generator, synthesis and labels included."""

    def __init__(self, settings: Settings, count: int) -> None:
        source = _synthesis(settings)
        target = KafkaTarget(settings, settings.kafka_partitions)
        self._count = count
        self._run = Run(source, target, Progress({}), Pacing(0), save=lambda _: None, watch=lambda _: None)

    def send(self) -> None:
        self._run.go(Limits(self._count), Event())


class Naive:
    """What most demos do: one dict after the other, made with random and uuid4, dumped and produced."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._topic, self._count = settings.kafka_transactions_topic, count
        self._producer = Producer(settings.kafka_client() | {"acks": "all"})
        self._customers = [str(uuid.uuid4()) for _ in range(settings.world_customers)]
        self._merchants = [str(uuid.uuid4()) for _ in range(settings.world_merchants)]

    def send(self) -> None:
        for _ in range(self._count):
            event = self._event()
            while True:
                try:
                    self._producer.produce(self._topic, json.dumps(event).encode(), event["customer_id"])
                    break
                except BufferError:
                    self._producer.poll(0.01)
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def _event(self) -> dict[str, Any]:
        return {
            "transaction_id": str(uuid.uuid4()),
            "customer_id": random.choice(self._customers),
            "merchant_id": random.choice(self._merchants),
            "amount": round(random.lognormvariate(3.5, 1.0), 2),
            "currency": random.choice(["EUR", "USD", "GBP", "JPY"]),
            "occurred_at": datetime.now(UTC).isoformat(),
            "latitude": round(random.uniform(-90, 90), 6),
            "longitude": round(random.uniform(-180, 180), 6),
            "country": random.choice(["DE", "FR", "US", "GB"]),
            "is_foreign": random.random() < 0.1,
            "device_id": f"device-{random.randrange(100_000)}",
            "payment_method": random.choice(["chip", "contactless", "online"]),
        }


class Raw:
    """The client alone: the same records, made and partitioned beforehand, in the calls that are fastest."""

    def __init__(self, settings: Settings, count: int) -> None:
        source = _synthesis(settings)
        self._topic = settings.kafka_transactions_topic
        self._producer: Any = Producer(settings.kafka_client() | _PRODUCER_OPTIONS)
        self._batches: list[tuple[int, list[dict[str, Any]]]] = []
        for records in source.records(0, count):
            places = partitions(records.key_hashes, settings.kafka_partitions)
            for partition in range(settings.kafka_partitions):
                rows = (places == partition).nonzero()[0].tolist()
                messages = [{"key": records.keys[row], "value": records.values[row]} for row in rows]
                self._batches.append((partition, messages))

    def send(self) -> None:
        for partition, messages in self._batches:
            while len(self._producer) + len(messages) > _PRODUCER_OPTIONS["queue.buffering.max.messages"]:
                self._producer.poll(0.01)
            assert self._producer.produce_batch(self._topic, messages, partition=partition) == len(messages)
            self._producer.poll(0)
        assert self._producer.flush(60) == 0


def _held(settings: Settings) -> int:
    """Count the records that the topic holds."""
    consumer = Consumer(settings.kafka_client() | {"group.id": "producing"})
    with closing(consumer):
        topic = settings.kafka_transactions_topic
        parts = [TopicPartition(topic, number) for number in range(settings.kafka_partitions)]
        return sum(consumer.get_watermark_offsets(part, timeout=30)[1] for part in parts)


def main(name: str, count: int) -> None:
    """Send and tell how long it took."""
    settings = load_settings()
    sender = {"ours": Ours, "naive": Naive, "raw": Raw}[name](settings, count)
    held = _held(settings)
    begun, cpu = time.perf_counter(), time.process_time()
    sender.send()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    sent = _held(settings) - held
    print(json.dumps({"records": sent, "seconds": seconds, "cpu_us_per_row": round(cpu / count * 1e6, 3)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
