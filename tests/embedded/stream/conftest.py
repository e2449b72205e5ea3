"""A stream in this process on the session's Spark, to start, watch and stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oracle.balance import Warehouse
from oracle.wire import Wire
from txwatch.settings import Settings
from txwatch.stream.query import TransactionStream
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import s3_options

_JOIN_SECONDS = 60.0


@pytest.fixture
def sink_mode() -> str:
    """Return who copies; what must hold for both is parametrised with `both_modes`."""
    return "driver"


@pytest.fixture
def settings(pipeline: Settings, tmp_path: Path, sink_mode: str) -> Settings:
    """Return the test's own pipeline with small batches and a state folder of the test's own."""
    return pipeline.model_copy(
        update={
            "state_dir": tmp_path,
            "stream_max_batch_rows": 1000,
            "stream_retry_limit_seconds": 30.0,
            "stream_sink_mode": sink_mode,
        }
    )


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(settings)


@pytest.fixture
def new_stream(spark: SparkSession) -> Callable[[Settings], TransactionStream]:
    """Return a function that builds a stream in a session of its own, as active queries share no name."""

    def build(settings: Settings) -> TransactionStream:
        session = spark.newSession()
        for name, value in s3_options(settings).items():
            session.conf.set(name, value)
        return TransactionStream(settings, load_ruleset(settings.stream_ruleset), session)

    return build


@pytest.fixture
def drain(new_stream: Callable[[Settings], TransactionStream]) -> Callable[[Settings], None]:
    """Return a function that streams until nothing is left to read."""

    def run(settings: Settings) -> None:
        stream = new_stream(settings)
        stream.until_drained = True
        stream.run()

    return run


class Background:
    """A stream that runs in a thread."""

    def __init__(self, stream: TransactionStream) -> None:
        self.stream = stream
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.error: Exception | None = None

    def _run(self) -> None:
        try:
            self.stream.run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def join(self) -> None:
        """Wait until the stream has ended by itself."""
        self._thread.join(_JOIN_SECONDS)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """Ask the stream to end and wait until it has."""
        self.stream.stop()
        self.join()


@pytest.fixture
def in_background(
    new_stream: Callable[[Settings], TransactionStream],
) -> Callable[[Settings], AbstractContextManager[Background]]:
    """Return a context manager that streams while its block runs."""

    @contextmanager
    def run(settings: Settings) -> Iterator[Background]:
        running = Background(new_stream(settings))
        try:
            yield running
        finally:
            running.stop()

    return run


@pytest.fixture
def postgres_wire(settings: Settings) -> Iterator[Wire]:
    """Yield a port that leads to Postgres until it is cut."""
    with closing(Wire(settings.postgres_port)) as wire:
        yield wire
