"""What tests of every folder share: a real Kafka, Postgres and S3 for the session, and outside data."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest

from txwatch.embedded import jars
from txwatch.embedded.runtime import Runtime
from txwatch.settings import PREFIX, SOON_BUT_SLOWER, Settings, load_settings
from txwatch.warehouse.migrations import migrate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).resolve().parents[1]
HANDBOOK = REPOSITORY.parent / "shared" / "data" / "handbook" / "transactions.csv.gz"
_KEPT_VARIABLES = (f"{PREFIX}CACHE_DIR", f"{PREFIX}HANDBOOK")

# The machines that run the tests are shared: how long an example takes says nothing of the code.
hypothesis.settings.register_profile(
    "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the developer's environment and .env file out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIX) and name not in _KEPT_VARIABLES]:
            patch.delenv(name)
        patch.setitem(Settings.model_config, "env_file", None)
        # A JVM of a test lives for seconds: half of its processor time would go to a compiler of no use.
        patch.setenv("JDK_JAVA_OPTIONS", SOON_BUT_SLOWER)
        yield


@pytest.fixture(scope="session")
def handbook_path() -> Path:
    """Return the outside transactions, or skip."""
    path = Path(os.environ.get("TXWATCH_HANDBOOK", HANDBOOK))
    if not path.is_file():
        pytest.skip(f"the handbook's transactions are not at {path} (TXWATCH_HANDBOOK names another place)")
    return path


@pytest.fixture(scope="session")
def spark_jars() -> Path:
    """Return the folder of the jars that Spark needs beside its own."""
    return jars.resolve("spark", load_settings())


@contextmanager
def _running(state_dir: Path) -> Iterator[Runtime]:
    embedded = Runtime(load_settings(state_dir=state_dir))
    try:
        embedded.up()
        yield embedded
    finally:
        embedded.down()
        embedded.remove_data()


@pytest.fixture(scope="session")
def runtime_in() -> Callable[[Path], AbstractContextManager[Runtime]]:
    """Return a context manager that runs the embedded runtime in a folder, and leaves nothing behind."""
    return _running


@pytest.fixture(scope="session")
def shared_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Yield the one runtime of the session; no test stops it."""
    with _running(tmp_path_factory.mktemp("runtime")) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def runtime(shared_runtime: Runtime) -> Settings:
    """Return settings of the session's Kafka, Postgres (roles and schema made, dimensions empty) and S3."""
    settings = load_settings(state_dir=shared_runtime.state_dir)
    migrate(settings, shared_runtime.superuser())
    return settings


@pytest.fixture
def pipeline(runtime: Settings, shared_runtime: Runtime) -> Settings:
    """Return settings of topics, a database and a bucket of the test's own, on the session's servers."""
    name = f"test-{uuid4().hex[:12]}"
    settings = runtime.model_copy(
        update={
            "kafka_transactions_topic": f"{name}-transactions",
            "kafka_labels_topic": f"{name}-labels",
            "postgres_database": name,
            "s3_bucket": name,
        }
    )
    Runtime(settings).complete()
    migrate(settings, shared_runtime.superuser())
    return settings


@pytest.fixture
def pipeline_environment(pipeline: Settings) -> dict[str, str]:
    """Return the environment in which a `txwatch` process works on the test's own pipeline."""
    names = ("state_dir", "kafka_transactions_topic", "kafka_labels_topic", "postgres_database", "s3_bucket")
    return {f"{PREFIX}{name.upper()}": str(getattr(pipeline, name)) for name in names}


@pytest.fixture
def own_runtime(tmp_path: Path) -> Iterator[Runtime]:
    """Yield a runtime that the test may break: nobody else uses it."""
    with _running(tmp_path / "state") as embedded:
        yield embedded


@pytest.fixture(scope="session")
def spark(spark_jars: Path) -> Iterator["SparkSession"]:
    """Yield the one Spark session of the test session."""
    from txwatch.stream.session import build_session  # noqa: PLC0415 - the JVM starts for those who ask

    # Staging by executors is tested too: it is the mode in which a task is tried again.
    session = build_session(load_settings(stream_sink_mode="executors"), spark_jars)
    yield session
    session.stop()
