"""The systems under measurement, each a process that drains the topic as often as it is told to.

    python systems.py ours|common

reads the name of an empty warehouse per line of standard input, drains the topic from its first record into
it, and answers with one JSON line per committed batch ({"rows": ...}) and one at the end ({"drained": true}).
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from txwatch.embedded.jars import resolve
from txwatch.events import SPARK_SCHEMA
from txwatch.logs import configure_logs
from txwatch.settings import Settings, load_settings
from txwatch.stream.query import TransactionStream
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import build_session

Committed = Callable[[int], None]
"""Called with the number of rows after each batch."""


class System(Protocol):
    """Something that moves a topic into a warehouse."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        """Start Spark."""

    def drain(self, settings: Settings) -> None:
        """Move everything that the topic holds now into the database of the settings."""


class Ours:
    """What this repository does."""

    def __init__(self, settings: Settings, committed: Committed) -> None:
        self._spark = build_session(settings, resolve("spark", settings))
        self._committed = committed

    def drain(self, settings: Settings) -> None:
        ruleset = load_ruleset(settings.stream_ruleset)
        TransactionStream(
            settings,
            ruleset,
            self._spark,
            on_commit=lambda totals: self._committed(totals.rows_in),
            until_drained=True,
        ).run()


class Common:
    """What most tutorials do: foreachBatch, a count of all, a count of the flagged, and write.jdbc.

    It gets the same Spark settings, the same rows per batch, the same table with the same keys and indexes,
    and the same durability; it does less (no alerts, quarantine, rollups, ledger) and promises less.
    """

    def __init__(self, settings: Settings, committed: Committed) -> None:
        (driver,) = resolve("bench", settings).glob("*.jar")
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"--jars {driver} pyspark-shell"
        self._spark = build_session(settings, resolve("spark", settings))
        self._committed = committed
        self._rule = " or ".join(f"({rule.sql})" for rule in load_ruleset(settings.stream_ruleset).rules)

    def drain(self, settings: Settings) -> None:
        query = (
            self._transactions(settings)
            .writeStream.option("checkpointLocation", self._checkpoint(settings))
            .trigger(availableNow=True)
            .foreachBatch(lambda batch, batch_id: self._write(settings, batch, batch_id))
            .start()
        )
        query.awaitTermination()

    def _checkpoint(self, settings: Settings) -> str:
        place = f"checkpoints/common/{uuid4().hex}"  # a drain knows nothing of the one before it
        if settings.stream_checkpoint == "s3":
            return f"s3a://{settings.s3_bucket}/{place}"
        return f"file://{settings.state_dir.resolve()}/{place}"

    def _transactions(self, settings: Settings) -> DataFrame:
        records = (
            self._spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.require("kafka_bootstrap_servers"))
            .option("subscribe", settings.kafka_transactions_topic)
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", settings.stream_max_batch_rows)
            .load()
        )
        return (
            records.select(F.from_json(F.col("value").cast("string"), SPARK_SCHEMA).alias("event"))
            .select("event.*")
            .withColumn("is_fraud", F.expr(self._rule))
            .withColumn("rules", F.array().cast("array<string>"))
            .withColumn("ruleset_id", F.lit(1))
        )

    def _write(self, settings: Settings, batch: DataFrame, batch_id: int) -> None:
        rows = batch.count()
        if rows == 0:
            return
        batch.filter("is_fraud").count()
        options = settings.postgres("warehouse_owner")
        batch.withColumn("ledger_seq", F.lit(batch_id).cast("bigint")).write.jdbc(
            f"jdbc:postgresql://{options['host']}:{options['port']}/{options['dbname']}?stringtype=unspecified",
            "core.fact_transaction",
            mode="append",
            properties={
                "user": options["user"],
                "password": options["password"],
                "driver": "org.postgresql.Driver",
            },
        )
        self._committed(rows)


SYSTEMS: dict[str, type[System]] = {"ours": Ours, "common": Common}


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def main(name: str) -> None:
    """Serve drains until standard input ends."""
    settings = load_settings()
    configure_logs(settings.log_level)  # to standard error: standard output is for the answers
    system = SYSTEMS[name](settings, lambda rows: _tell(rows=rows))
    _tell(ready=True)
    for line in sys.stdin:
        system.drain(settings.model_copy(update={"postgres_database": line.strip()}))
        _tell(drained=True)


if __name__ == "__main__":
    main(sys.argv[1])
