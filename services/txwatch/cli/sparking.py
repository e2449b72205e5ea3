"""Starting Spark for the verbs that need it."""

from typing import TYPE_CHECKING

from txwatch.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def spark_session(settings: Settings) -> "SparkSession":
    """Start Spark with the jars that the settings name, or that are fetched for this copy."""
    from txwatch.embedded.jars import resolve
    from txwatch.stream.session import build_session

    return build_session(settings, settings.stream_jars or resolve("spark", settings))
