"""Verdicts are compared with labels that came over a real topic."""

from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg2
from confluent_kafka import Producer
from label_topic import LabelTopic

from txwatch.events import FraudLabel
from txwatch.settings import Settings
from txwatch.warehouse.verdict_quality import RuleQuality
from txwatch.warehouse.verdict_reading import read_rule_quality

FACT = """
insert into core.fact_transaction
select %(id)s, %(id)s, %(id)s, now(), 0, 0, 1, 1,
       false, %(flagged)s, 1.00, 'EUR', 'DE', 'chip', 'd', %(rules)s
"""
ALERT = """
insert into core.fact_alert (transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id, severity,
                             rules, evidence)
select %(id)s, %(id)s, now(), 1, 1, 'high', %(rules)s, '{}'
"""


def transaction(number: int) -> UUID:
    return UUID(int=number)


def score(settings: Settings, rules_of: dict[int, list[str]]) -> None:
    connection = psycopg2.connect(**settings.postgres("warehouse_owner"))
    with closing(connection), connection, connection.cursor() as cursor:
        for number, rules in rules_of.items():
            row = {"id": str(transaction(number)), "rules": rules, "flagged": bool(rules)}
            cursor.execute(FACT, row)
            if rules:
                cursor.execute(ALERT, row)


def label(settings: Settings, labels: list[tuple[int, bool, int]]) -> None:
    producer = Producer(settings.kafka_client())
    for number, is_fraud, day in labels:
        known_at = datetime(2026, 1, day, tzinfo=UTC)
        truth = FraudLabel(transaction_id=transaction(number), is_fraud=is_fraud, known_at=known_at)
        producer.produce(settings.kafka_labels_topic, value=truth.model_dump_json())
    assert producer.flush(30) == 0
    LabelTopic(settings).drain()


def test_verdicts_are_measured_against_what_became_known(pipeline: Settings) -> None:
    score(pipeline, {1: ["amount"], 2: ["amount", "foreign"], 3: [], 4: ["foreign"]})
    label(pipeline, [(1, True, 2), (3, True, 2), (2, True, 2), (2, False, 3), (99, True, 2)])
    # 1 and 3 were fraud; 2 was cleared later; 99 never became a fact.
    assert read_rule_quality(pipeline) == [
        RuleQuality("any rule", alerts=3, caught=1, frauds=2),
        RuleQuality("amount", alerts=2, caught=1, frauds=2),
        RuleQuality("foreign", alerts=2, caught=0, frauds=2),
    ]


def test_without_labels_nothing_is_claimed(pipeline: Settings) -> None:
    score(pipeline, {1: ["amount"]})
    assert [rule.recall for rule in read_rule_quality(pipeline)] == [None, None]
