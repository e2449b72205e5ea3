"""The usual designs: foreachBatch and Spark's JDBC writer, plain and tuned.

They get the same Spark settings, the same rows per batch, the same table with the same keys and indexes, the
same rules and the same durability; they do less (no checks, alerts, quarantine, rollups, ledger) and promise
less. The plain ones run on the JVM's own collector, as tutorials leave it, the tuned ones on ours.
"""

import os
import threading
from contextlib import closing
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.streaming.query import StreamingQuery
from systems import Committed

from txwatch.embedded.jars import resolve
from txwatch.events import SPARK_SCHEMA
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import JVM_OPTIONS, build_session

_FACT = "core.fact_transaction"


class Simple:
    """B1: foreachBatch and write.jdbc."""

    url_options = ""
    jvm_options = ""
    writer_options: dict[str, Any] = {}  # noqa: RUF012 - constant in every class
    target = _FACT

    def __init__(self, settings: Settings, committed: Committed) -> None:
        (driver,) = resolve("bench", settings).glob("*.jar")
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"--jars {driver} pyspark-shell"
        self._spark = build_session(settings, resolve("spark", settings), self.jvm_options)
        self._committed = committed
        self._rule = " or ".join(f"({rule.sql})" for rule in load_ruleset(settings.stream_ruleset).rules)

    def drain(self, settings: Settings) -> None:
        self.prepare(settings)
        self._start(settings, availableNow=True).awaitTermination()

    def follow(self, settings: Settings, until: threading.Event) -> None:
        self.prepare(settings)
        query = self._start(settings, processingTime="0 seconds")
        while not until.wait(0.2):
            if error := query.exception():
                raise error
        query.stop()

    def prepare(self, settings: Settings) -> None:
        """Make what the design needs beside the fact table."""

    def count(self, batch: DataFrame) -> int:  # noqa: ARG002
        """Return the number of rows, for those who want to know it."""
        return -1

    def finish(self, settings: Settings) -> None:
        """Do what follows the JDBC writer."""

    def _start(self, settings: Settings, **trigger: Any) -> StreamingQuery:
        return (
            self._transactions(settings)
            .writeStream.option("checkpointLocation", self._checkpoint(settings))
            .trigger(**trigger)
            .foreachBatch(lambda batch, batch_id: self._write(settings, batch, batch_id))
            .start()
        )

    def _checkpoint(self, settings: Settings) -> str:
        place = f"checkpoints/jdbc/{uuid4().hex}"  # a drain knows nothing of the one before it
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
        rows = self.count(batch)
        if rows == 0:
            return
        options = settings.postgres("warehouse_owner")
        address = f"jdbc:postgresql://{options['host']}:{options['port']}/{options['dbname']}"
        batch.withColumn("ledger_seq", F.lit(batch_id).cast("bigint")).write.options(
            **self.writer_options
        ).jdbc(
            f"{address}?stringtype=unspecified{self.url_options}",
            self.target,
            mode="append",
            properties={
                "user": options["user"],
                "password": options["password"],
                "driver": "org.postgresql.Driver",
            },
        )
        self.finish(settings)
        self._committed(rows, batch_id)


class Counting(Simple):
    """B1x: what most tutorials add: a count of all and a count of the flagged, for the log."""

    def count(self, batch: DataFrame) -> int:
        rows = batch.count()
        if rows:
            batch.filter("is_fraud").count()
        return rows


class Rewriting(Simple):
    """B2: the driver sends many rows per statement."""

    jvm_options = JVM_OPTIONS
    url_options = "&reWriteBatchedInserts=true"
    writer_options = {"batchsize": 10_000}  # noqa: RUF012


class Staging(Rewriting):
    """B3: through a staging table, so that a repeated batch does no harm."""

    target = "core.jdbc_stage"

    def prepare(self, settings: Settings) -> None:
        self._execute(
            settings, f"create table if not exists {self.target} (like {_FACT}); truncate {self.target}"
        )

    def finish(self, settings: Settings) -> None:
        self._execute(
            settings,
            f"insert into {_FACT} select * from {self.target} on conflict do nothing; truncate {self.target}",
        )

    def _execute(self, settings: Settings, statements: str) -> None:
        with closing(connect(settings.postgres("warehouse_owner"))) as connection, connection:
            connection.cursor().execute(statements)
