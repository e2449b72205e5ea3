"""Records whose fate is known beforehand, and a load of them that goes on until it is told to end."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from confluent_kafka import KafkaError, Message, Producer

from txwatch.settings import Settings

_EVENT = (
    '{{"transaction_id":"{transaction_id}","customer_id":"{customer_id}","merchant_id":"{merchant_id}",'
    '"amount":{amount},"currency":"{currency}","occurred_at":"{occurred_at}","latitude":{latitude},'
    '"longitude":{longitude},"country":"FR","is_foreign":{is_foreign},"device_id":"phone-1",'
    '"payment_method":"chip"}}'
)
MALFORMED = b'{"transaction_id":"'
CUSTOMERS = 50


def identifier(kind: int, number: int) -> str:
    """A UUID of which one sees where it comes from: 1 transactions, 2 customers, 3 merchants."""
    return str(UUID(int=(kind << 64) + number))


def event(number: int, **changes: object) -> bytes:
    """A valid transaction in canonical form; every tenth is foreign, every 33rd lies off the globe."""
    fields = {
        "transaction_id": identifier(1, number),
        "customer_id": identifier(2, number % CUSTOMERS),
        "merchant_id": identifier(3, number % 20),
        "amount": f"{1 + number % 97}.{number % 100:02d}",
        "currency": "EUR" if number % 3 else "USD",
        "occurred_at": f"2026-01-02T03:{number // 500 % 60:02d}:{number % 60:02d}.000Z",
        "latitude": "95.5" if number % 33 == 0 else "48.85",
        "longitude": "2.35",
        "is_foreign": "true" if number % 10 == 0 else "false",
    }
    return _EVENT.format(**(fields | changes)).encode()


def mixed(number: int) -> bytes:
    """Mostly valid records; every 50th is malformed, every 40th repeats an earlier id with another amount."""
    if number % 50 == 49:
        return MALFORMED
    if number % 40 == 39:
        return event(number - 7, amount="77.77")
    return event(number)


def send(settings: Settings, values: Iterable[bytes | None], partition: int = 0) -> None:
    """Append records to one partition, in order, and wait until Kafka has them."""
    producer = Producer(settings.kafka_client() | {"acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(settings.kafka_transactions_topic, value, partition=partition)
    assert producer.flush(30) == 0


class Load:
    """Sends `mixed` records in the background, keyed by customer, whatever happens to the broker."""

    def __init__(self, settings: Settings, per_second: int) -> None:
        self._topic = settings.kafka_transactions_topic
        self._producer = Producer(
            settings.kafka_client()
            | {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 300_000, "linger.ms": 5}
            | {"log_level": 0}  # a broker that is away is no news here
        )
        self._per_second = per_second
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._sent = 0
        self.lost: list[KafkaError] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs; at its end wait until Kafka has everything."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()
            assert self._producer.flush(120) == 0
            assert self.lost == []

    def _run(self) -> None:
        begun, before = time.monotonic(), self._sent
        while not self._stopping.wait(0.01):
            due = before + int((time.monotonic() - begun) * self._per_second)
            while self._sent < due:
                self._send_one()
            self._producer.poll(0)

    def _send_one(self) -> None:
        number = self._sent
        earlier = number - 7 if number % 40 == 39 else number
        key = identifier(2, earlier % CUSTOMERS)
        self._producer.produce(self._topic, mixed(number), key.encode(), on_delivery=self._note)
        self._sent += 1

    def _note(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self.lost.append(error)
