from dataclasses import replace

from txwatch.settings import Settings
from txwatch.warehouse.verify.archive import Bucket, read_archive
from txwatch.warehouse.verify.inputs import Inputs, LabelReading
from txwatch.warehouse.verify.kafka import read_bounds
from txwatch.warehouse.verify.postgres import WarehouseSide, read_warehouse
from txwatch.warehouse.verify.published import read_published


def read_inputs(settings: Settings, *, with_archive: bool = True) -> Inputs:
    """Read everything that the balance is drawn from, once.

    Kafka is read last: a pipeline that is at work may then seem behind, but never ahead.

    Raises:
        UnavailableError: Kafka, Postgres or S3 does not answer.
        TxwatchError: the warehouse does not have the schema.
    """
    topic = settings.kafka_transactions_topic
    held = read_warehouse(settings.postgres("analyst"), topic, settings.kafka_labels_topic)
    archive = read_archive(Bucket(settings.s3(), settings.s3_bucket), held.plan) if with_archive else None
    bounds = read_bounds(settings.kafka_client(), topic)
    return Inputs(bounds, held.ledger, held.warehouse, archive, held.mart, _labels(settings, held))


def _labels(settings: Settings, held: WarehouseSide) -> LabelReading:
    client, topic = settings.kafka_client(), settings.kafka_labels_topic
    bounds = read_bounds(client, topic)
    published = read_published(client, topic, bounds, held.labels, held.label_quarantine)
    return replace(held.labels, kafka=bounds, published=published)
