from txwatch.settings import Settings
from txwatch.warehouse.verify.archive import Bucket, read_archive
from txwatch.warehouse.verify.inputs import Inputs
from txwatch.warehouse.verify.kafka import read_bounds
from txwatch.warehouse.verify.postgres import read_warehouse


def read_inputs(settings: Settings, *, with_archive: bool = True) -> Inputs:
    """Read everything that the balance is drawn from, once.

    Kafka is read last: a pipeline that is at work may then seem behind, but never ahead.

    Raises:
        UnavailableError: Kafka, Postgres or S3 does not answer.
        TxwatchError: the warehouse does not have the schema.
    """
    topic = settings.kafka_transactions_topic
    held = read_warehouse(settings.postgres("analyst"), topic)
    archive = read_archive(Bucket(settings.s3(), settings.s3_bucket), held.plan) if with_archive else None
    return Inputs(read_bounds(settings.kafka_client(), topic), held.ledger, held.warehouse, archive)
