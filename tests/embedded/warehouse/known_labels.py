"""Labels of the known books, kept by hand: what the labels' reader would have written."""

import json
from contextlib import closing

import psycopg2
from confluent_kafka import Producer
from psycopg2.extras import Json

from oracle.feed import identifier
from txwatch.settings import Settings


def label(number: int, day: int, is_fraud: bool = True) -> bytes:
    fields = {
        "transaction_id": identifier(1, number),
        "is_fraud": is_fraud,
        "scenario": "stolen",
        "known_at": f"2026-01-{day:02d}T12:00:00.000Z",
    }
    return json.dumps(fields).encode()


RECORDS = [
    *(label(20, 3), label(5, 3)),
    # The second batch: a correction, no label, a repeat, an outdated one, and one of no transaction.
    *(label(5, 4, is_fraud=False), b"{", label(20, 3), label(5, 2), label(998, 3)),
]
_CHARGEBACKS = [
    (20, 3, True, 1, None),
    (5, 3, True, 1, 2),
    (5, 4, False, 2, None),
    (5, 2, True, 2, 2),
    (998, 3, True, 2, None),
]
"""Transaction, day, is_fraud, label_seq, superseded_seq."""
_LEDGER = """
insert into ops.label_ledger (
    query, epoch, offset_ranges, rows_in, first_labels, corrections, outdated, duplicates, quarantined,
    committed_at
) values ('labels', 1, %s, %s, %s, %s, %s, %s, %s, now())
"""


def keep_labels(settings: Settings) -> None:
    """Produce the labels and write the warehouse by hand."""
    topic = settings.kafka_labels_topic
    producer = Producer(settings.kafka_client())
    for value in RECORDS:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0
    connection = psycopg2.connect(**settings.postgres("warehouse_owner"))
    with closing(connection), connection, connection.cursor() as cursor:
        for start, end, counts in ((0, 2, (2, 2, 0, 0, 0, 0)), (2, 7, (5, 1, 1, 1, 1, 1))):
            ranges = [{"topic": topic, "partition": 0, "start": start, "end": end}]
            cursor.execute(_LEDGER, (Json(ranges), *counts))
        for number, day, *rest in _CHARGEBACKS:
            cursor.execute(
                "insert into core.fact_chargeback "
                "(transaction_id, known_at, is_fraud, label_seq, superseded_seq, scenario) "
                "values (%s, %s, %s, %s, %s, 'stolen')",
                (identifier(1, number), f"2026-01-{day:02d} 12:00+00", *rest),
            )
        cursor.execute(
            "insert into ops.label_quarantine "
            "(topic, kafka_partition, kafka_offset, appended_at, raw, reason, label_seq) "
            "values (%s, 0, 3, now(), %s, 'not_json', 2)",
            (topic, RECORDS[3]),
        )
        for partition in range(4):
            cursor.execute(
                "insert into ops.stream_offset values ('labels', %s, %s, %s)",
                (topic, partition, len(RECORDS) if partition == 0 else 0),
            )
