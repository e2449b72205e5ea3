"""The Spark session that the stream runs in."""

import ctypes
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from txwatch.settings import Settings

_SUBMIT = "PYSPARK_SUBMIT_ARGS"
_SECRETS = ("spark.hadoop.fs.s3a.secret.key", "spark.authenticate.secret")
_TASK_TRIES = 4
_ARENAS = 2
_M_ARENA_MAX = -8
"""mallopt's number for it, in glibc's malloc.h."""
JVM_OPTIONS = (
    "-XX:+UseSerialGC -XX:NewRatio=1 -XX:SurvivorRatio=2 -XX:TargetSurvivorRatio=90 -XX:MetaspaceSize=256m"
)
"""A batch is tens of MB of large arrays that live for a second. G1 marks them over and over, a sixth of all
processor time; a young generation that is small, or still grows, takes them for old, and stops all for a full
collection every four seconds. Without room for the classes of Spark, their loading starts twenty more."""
_LOG_CONFIGURATION = Path(__file__).with_name("log4j2.properties")


def build_session(settings: Settings, jars: Path, jvm_options: str = JVM_OPTIONS) -> SparkSession:
    """Start Spark's driver in a JVM of this process, with executors there too or on a cluster.

    Args:
        settings: the cluster, cores, memory and the S3 endpoint.
        jars: folder with the Kafka source and the S3 file system (services/jars/spark.xml).
        jvm_options: the JVM's collector and how it divides the heap.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable  # or the workers find another Python
    _keep_little_memory()
    place = _cluster(settings, jars) if settings.stream_spark_master else _local(settings)
    s3 = {f"spark.hadoop.{name}": value for name, value in s3_options(settings).items()}
    options = {**_engine(settings, jars, jvm_options), **place, **s3}
    secrets = {name: options.pop(name) for name in _SECRETS if name in options}
    builder = SparkSession.builder.appName("txwatch")
    for name, value in options.items():
        builder = builder.config(name, value)
    with _submitted_in_a_file(secrets):
        return builder.getOrCreate()


def _keep_little_memory() -> None:
    """Have this process and its JVM give back what the largest batches took, where the C library is glibc."""
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps it
    os.environ.setdefault("MALLOC_ARENA_MAX", str(_ARENAS))  # or each thread of the JVM keeps some of its own
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, _ARENAS)


@contextmanager
def _submitted_in_a_file(secrets: Mapping[str, str]) -> Iterator[None]:
    """Hand options to a JVM that starts in this block; as arguments they would be in the list of processes.

    Spark reads them from a properties file (as java.util.Properties does), which mkstemp makes for us alone.
    """
    descriptor, path = tempfile.mkstemp(prefix="txwatch-spark-", suffix=".properties")
    before = os.environ.get(_SUBMIT)
    os.environ[_SUBMIT] = f"--properties-file {shlex.quote(path)} {before or 'pyspark-shell'}"
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for name, value in secrets.items():
                file.write(f"{name}={value.replace(chr(92), chr(92) * 2)}\n")
        yield
    finally:
        Path(path).unlink()
        os.environ.pop(_SUBMIT)
        if before is not None:
            os.environ[_SUBMIT] = before


def has_jvm(spark: SparkSession) -> bool:
    """Tell whether Spark's JVM still runs; one that this process did not start is taken to."""
    process = getattr(spark.sparkContext._gateway, "proc", None)  # noqa: SLF001 - nothing public tells
    return process is None or process.poll() is None


def _engine(settings: Settings, jars: Path, jvm_options: str) -> dict[str, str]:
    return {
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.driver.memory": settings.stream_driver_memory,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION.as_uri()} "
        f"-Xms{settings.stream_driver_memory} {jvm_options} {settings.stream_java_options}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Kept for a UI, there or not: a thousand batches' plans, stages and tasks by default.
        "spark.sql.ui.retainedExecutions": "5",
        "spark.ui.retainedJobs": "20",
        "spark.ui.retainedStages": "20",
        "spark.ui.retainedTasks": "200",
        "spark.sql.session.timeZone": "UTC",
        # A rule that cannot be computed is null and does not fire; it must not end the stream.
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "5000",
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.streaming.minBatchesToRetain": "2",
        # Else a watermark is noted for every batch and, with progress written aside, never forgotten.
        "spark.sql.streaming.statefulOperator.allowMultiple": "false",
        "spark.python.daemon.module": "txwatch.stream.workers",
        # A task's rows go straight to the driver; larger results would take a way round by the block manager.
        "spark.task.maxDirectResultSize": "64m",
        # For so long does what a query has read ahead stay in memory after its end, 32 MB, and its consumers,
        # 16 MB; no later query asks for them.
        "spark.kafka.consumer.fetchedData.cache.timeout": "5s",
        "spark.kafka.consumer.fetchedData.cache.evictorThreadRunInterval": "2s",
        "spark.kafka.consumer.cache.timeout": "60s",
        "spark.kafka.consumer.cache.evictorThreadRunInterval": "10s",
    }


def _local(settings: Settings) -> dict[str, str]:
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # A task that reaches out to Postgres is worth another try, as on a cluster.
    tries = f",{_TASK_TRIES}" if settings.stream_sink_mode == "executors" else ""
    return {
        "spark.master": f"local[{settings.stream_cores}{tries}]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }


def _cluster(settings: Settings, jars: Path) -> dict[str, str]:
    """Options for executors on a cluster, whose machines hold the same jars and Python at the same paths."""
    options = {
        "spark.master": str(settings.stream_spark_master),
        # Executors call the driver back by this name.
        "spark.driver.host": socket.gethostname(),
        "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - the container's network, guarded by the secret
        "spark.executor.extraClassPath": f"{jars}/*",
        "spark.executor.memory": settings.stream_executor_memory,
        # What executors write to standard error lies in the worker's folder until the application ends.
        "spark.executor.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION.as_uri()}",
        "spark.executor.logs.rolling.strategy": "size",
        "spark.executor.logs.rolling.maxSize": "8388608",
        "spark.executor.logs.rolling.maxRetainedFiles": "2",
    }
    if settings.stream_spark_secret:
        secret = settings.stream_spark_secret.get_secret_value()
        options |= {"spark.authenticate": "true", "spark.authenticate.secret": secret}
    return options


def s3_options(settings: Settings) -> dict[str, str]:
    """Return the options of Hadoop's S3 file system, on which checkpoints are written."""
    options = {
        "endpoint": settings.s3_endpoint,
        "endpoint.region": settings.s3_region,
        "access.key": settings.s3_access_key,
        "secret.key": settings.s3_secret_key and settings.s3_secret_key.get_secret_value(),
        "path.style.access": "true" if settings.s3_endpoint else "false",
        "connection.ssl.enabled": "false" if (settings.s3_endpoint or "").startswith("http:") else "true",
        "performance.flags": "*",  # fewer calls per file: nobody else writes into a checkpoint folder
        # An absent S3 must show within seconds: the stream then goes on with a local checkpoint.
        "attempts.maximum": "2",
        "retry.limit": "2",
        "retry.interval": "200ms",
        "connection.establish.timeout": "3s",
        "connection.timeout": "10s",
    }
    return {f"fs.s3a.{name}": value for name, value in options.items() if value}
