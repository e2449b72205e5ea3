"""Kill -9 of each process of the pipeline under load, then `txwatch up` and the ended verbs again: balanced.

The tests share one runtime, one load and one ledger: each goes on from what the one before it left.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import psycopg2
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from oracle.balance import Warehouse, archive_differences, differences, ends
from oracle.deadline import until
from oracle.feed import Load
from txwatch.embedded.runtime import Runtime
from txwatch.settings import load_settings

PER_SECOND = 200
_MODERATE = {
    "TXWATCH_ARCHIVE_INTERVAL_SECONDS": "3",
    "TXWATCH_WORLD_CUSTOMERS": "200",
    "TXWATCH_WORLD_MERCHANTS": "50",
}


class Verb:
    """A `txwatch` command that runs beside the test."""

    def __init__(self, name: str, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            # A session of its own: freezing its group freezes Spark's JVM with it.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "txwatch.cli.main", name],
                env=os.environ | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        return self.process.poll() is None

    def jvm(self) -> psutil.Process:
        """Return Spark's JVM."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        return next(process for process in family if process.name() == "java")

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(120)

    def kill(self) -> None:
        """Kill it, frozen or not, and all that it started."""
        family = psutil.Process(self.process.pid).children(recursive=True) if self.is_running() else []
        self.process.kill()
        self.process.wait(120)
        for process in family:
            if process.is_running():
                process.kill()


class Plant:
    """The whole pipeline: servers, stream, archive, load."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self._runtime = runtime
        self._folder = folder
        self._environment = _MODERATE | {"TXWATCH_STATE_DIR": str(runtime.state_dir)}
        self._archive: Verb | None = None
        self._stream: Verb | None = None
        self._started: list[Verb] = []
        self.repair()
        self.settings = load_settings(state_dir=runtime.state_dir)
        self.warehouse = Warehouse(self.settings)
        self.load = Load(self.settings, PER_SECOND)

    @property
    def stream(self) -> Verb:
        assert self._stream is not None
        return self._stream

    def repair(self) -> None:
        """Do what a person would: `txwatch up`, and start again what has ended."""
        up = [sys.executable, "-m", "txwatch.cli.main", "up"]
        subprocess.run(up, env=os.environ | self._environment, check=True, stdout=subprocess.DEVNULL)
        if self._archive is None or not self._archive.is_running():
            self._archive = self._start("archive")
        if self._stream is None or not self._stream.is_running():
            self.start_stream()

    def start_stream(self) -> None:
        self._stream = self._start("stream")

    def _start(self, name: str) -> Verb:
        verb = Verb(name, self._environment, self._folder / f"{name}-{len(self._started)}.log")
        self._started.append(verb)
        return verb

    def kill_server(self, name: str) -> None:
        """Kill -9 one of the servers."""
        server = psutil.Process(self._runtime.supervisor.running()[name].pid)
        server.kill()
        until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)

    def scores(self) -> None:
        """Wait until the ledger has grown."""
        before = self._committed()
        until(lambda: self._committed() > before, 300)

    def _committed(self) -> int:
        try:
            return int(self.warehouse.value("select coalesce(max(ledger_seq), 0) from ops.stream_ledger"))
        except psycopg2.OperationalError:  # on its way back
            return -1

    def drain(self) -> None:
        """Wait until stream and archive have done all that Kafka holds."""
        due = {partition: end for partition, end in ends(self.settings).items() if end}
        until(lambda: _without_zeros(self.warehouse.ledger_ends()) == due)
        until(lambda: self.warehouse.archive_ends() == due)
        until(self._has_all_objects)

    def _has_all_objects(self) -> bool:
        try:
            return archive_differences(self.settings) == []
        except (BotoCoreError, ClientError):  # the archiver is writing again what S3 has forgotten
            return False

    def verify(self) -> int:
        """Return the exit code of `txwatch verify`."""
        verify = [sys.executable, "-m", "txwatch.cli.main", "verify"]
        return subprocess.run(verify, env=os.environ | self._environment, check=False).returncode

    def close(self) -> None:
        """End what was started here; the servers are the runtime's."""
        for verb in self._started:
            verb.kill()


def _without_zeros(offsets: dict[int, int]) -> dict[int, int]:
    return {partition: offset for partition, offset in offsets.items() if offset}


@pytest.fixture(scope="module")
def plant(
    runtime_in: Callable[[Path], AbstractContextManager[Runtime]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("plant")
    with runtime_in(folder / "state") as runtime:
        running = Plant(runtime, folder)
        yield running
        running.close()


def kill_spark_jvm(plant: Plant) -> None:
    plant.stream.jvm().kill()
    assert plant.stream.ended() == 1
    assert "Spark's JVM has ended" in plant.stream.log.read_text()


def kill_python_driver(plant: Plant) -> None:
    jvm = plant.stream.jvm()
    plant.stream.process.kill()
    plant.stream.ended()
    until(lambda: not jvm.is_running())  # it goes by itself


def kill_kafka(plant: Plant) -> None:
    plant.kill_server("kafka")


def kill_postgres(plant: Plant) -> None:
    plant.kill_server("postgres")


def kill_s3(plant: Plant) -> None:
    plant.kill_server("s3")
    plant.scores()  # S3 being away does not stop scoring


@pytest.mark.parametrize("kill", [kill_kafka, kill_postgres, kill_s3, kill_spark_jvm, kill_python_driver])
def test_nothing_is_lost_or_doubled(plant: Plant, kill: Callable[[Plant], None]) -> None:
    with plant.load.running():
        plant.scores()
        kill(plant)
        plant.repair()
        plant.scores()
    plant.drain()
    assert differences(plant.settings) == []
    assert plant.verify() == 0


def test_a_frozen_stream_that_wakes_up_after_another_has_taken_over_writes_nothing_and_says_so(
    plant: Plant,
) -> None:
    zombie = plant.stream
    with plant.load.running():
        plant.scores()
        until(lambda: _is_frozen_in_a_transaction(plant, zombie))
        plant.start_stream()
        plant.scores()
        os.killpg(zombie.process.pid, signal.SIGCONT)
        assert zombie.ended() == 1
        plant.scores()
    plant.drain()
    assert "has taken over from epoch" in zombie.log.read_text()
    assert differences(plant.settings) == []
    assert plant.verify() == 0


def _is_frozen_in_a_transaction(plant: Plant, stream: Verb) -> bool:
    """Freeze a stream; thaw it again if it was caught between two transactions."""
    os.killpg(stream.process.pid, signal.SIGSTOP)
    open_transactions = (
        "select count(*) from pg_locks join pg_stat_activity using (pid) "
        "where application_name = 'txwatch transactions' and relation = 'core.fact_transaction'::regclass"
    )
    if plant.warehouse.value(open_transactions):
        return True
    os.killpg(stream.process.pid, signal.SIGCONT)
    return False


def test_sigterm_finishes_the_batch_in_flight(plant: Plant) -> None:
    with plant.load.running():
        plant.scores()
        plant.stream.process.terminate()
        assert plant.stream.ended() == 0
        plant.repair()
        plant.scores()
    plant.drain()
    assert differences(plant.settings) == []
