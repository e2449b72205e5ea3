"""The whole pipeline under load, every connection of it over wires: servers, generator, stream, archive.

`tend` does what a supervisor would: bring up the servers that are down, start the programs that have ended.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2
from disks import Disk, may_mount
from hooked_stream import STEPS
from verbs import Verb

from oracle.balance import Warehouse
from oracle.deadline import until
from oracle.wire import Wire
from txwatch.cli.prepare import fill_dimensions
from txwatch.embedded.kafka import Kafka
from txwatch.embedded.object_store import ObjectStore
from txwatch.embedded.postgres import Postgres
from txwatch.embedded.runtime import Runtime
from txwatch.embedded.state import State
from txwatch.errors import TxwatchError, UnavailableError
from txwatch.generator.progress import ProgressFile
from txwatch.heartbeat import Heartbeat
from txwatch.settings import PREFIX, SOON_BUT_SLOWER, Settings, load_settings
from txwatch.warehouse.migrations import migrate
from txwatch.warehouse.pipeline_reading import PipelineReader
from txwatch.warehouse.pipeline_status import assess

HERE = Path(__file__).resolve().parent
RUN = "chaos"
PYTHON = (sys.executable,)
TXWATCH = (*PYTHON, "-m", "txwatch.cli.main")
WORLD = {"world_customers": 2000, "world_merchants": 200}
_DISK_MEBIBYTES = {"postgres": 1536, "kafka": 768}
_POLL_SECONDS = 0.5
_FAKE_TIME_LIBRARY = "libfaketimeMT.so.1"


@dataclass(frozen=True)
class Load:
    """What the generator sends."""

    per_second: int
    seed: int
    malformed: float = 0.02
    duplicates: float = 0.02

    @property
    def description(self) -> str:
        """Say it in words."""
        return (
            f"{self.per_second} records per second, {self.malformed:.0%} of them malformed, "
            f"{self.duplicates:.0%} repeated"
        )

    def arguments(self) -> list[str]:
        """Everything that the bytes depend on, as options of `txwatch generate`."""
        shares = {"--malformed": self.malformed, "--duplicates": self.duplicates, "--fraud": 0.05}
        return [word for name, share in shares.items() for word in (name, str(share))]


class KafkaBehindWire(Kafka):
    """A broker that tells its clients to come to it through a wire."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        super().__init__(settings)
        self._wire = wire

    def prepare(self, state: State) -> None:
        """Advertise the wire's port; the broker itself listens behind it."""
        broker = str(state.settings["kafka_bootstrap_servers"])
        self._wire.server_port = int(broker.rpartition(":")[2])
        super().prepare(state)
        properties = self._folder / "server.properties"
        told, behind = f"advertised.listeners=PLAINTEXT://{broker}", f"127.0.0.1:{self._wire.port}"
        properties.write_text(
            properties.read_text().replace(told, f"advertised.listeners=PLAINTEXT://{behind}")
        )


@dataclass
class Plant:
    """A pipeline that the suite may break.

    Attributes:
        folder: of its own; state, logs and disks lie there.
        load: what the generator sends.
        stream_program: what reads Kafka and fills the warehouse.
        programs: which programs run.
        wants_disks: whether Postgres and Kafka get small disks of their own, where that is allowed.
        hooks: per step of the sink, the program that breaks off there; its last argument is how.
        writer: which rows of pg_stat_activity are the stream's connections.
        sink: which of the stream's sinks writes, `driver` or `executors`.
        is_txwatch: whether the stream is txwatch's own, which ends as it says and is fenced.
        struck_at: when the fault under way struck (time.time).
    """

    folder: Path
    load: Load
    stream_program: Sequence[str] = (*TXWATCH, "stream")
    programs: Sequence[str] = ("stream", "archive", "labels", "generate")
    wants_disks: bool = True
    hooks: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {step: (*PYTHON, str(HERE / "hooked_stream.py"), step) for step in STEPS}
    )
    writer: str = "application_name = 'txwatch transactions'"
    sink: str = "driver"
    is_txwatch: bool = True
    struck_at: float = 0.0
    verbs: dict[str, Verb] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start everything."""
        self.wires = {name: Wire() for name in ("kafka", "postgres", "s3")}
        self._started: list[Verb] = []
        state = self.folder / "state"
        state.mkdir(parents=True)
        if self.wants_disks and may_mount(self.folder):
            self.disks = {name: Disk(state / name, size) for name, size in _DISK_MEBIBYTES.items()}
        base = load_settings(state_dir=state)
        parts = (Postgres(base), ObjectStore(base), KafkaBehindWire(base, self.wires["kafka"]))
        self.runtime = Runtime(base, parts)
        self.runtime.up()
        self.settings = self.runtime.settings().model_copy(update={**WORLD, "world_seed": self.load.seed})
        self.wires["postgres"].server_port = self.settings.postgres_port
        self.wires["s3"].server_port = int(str(self.settings.s3_endpoint).rpartition(":")[2])
        migrate(self.settings, self.runtime.superuser())
        fill_dimensions(self.settings)
        self.warehouse = Warehouse(self.settings)

    def environment(self) -> dict[str, str]:
        """Return the environment of every program: short intervals, all connections over the wires."""
        values = {
            **WORLD,
            "world_seed": self.load.seed,
            "state_dir": self.runtime.state_dir,
            "archive_interval_seconds": 2,
            "stream_max_batch_rows": 5000,
            "stream_trigger_seconds": 0.5,
            "stream_sink_mode": self.sink,
            "stream_java_options": SOON_BUT_SLOWER,
            "kafka_bootstrap_servers": f"127.0.0.1:{self.wires['kafka'].port}",
            "postgres_port": self.wires["postgres"].port,
            "s3_endpoint": f"http://127.0.0.1:{self.wires['s3'].port}",
        }
        named = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}
        paths = (HERE.parent, HERE.parent / "bench", os.environ.get("PYTHONPATH", ""))
        return named | {"PYTHONPATH": os.pathsep.join(map(str, paths))}

    def start(
        self, name: str, argv: Sequence[str] | None = None, extra: Mapping[str, str] | None = None
    ) -> Verb:
        """Start one of the programs, or another in its place; what ran in its place goes on by itself."""
        log = self.folder / f"{name}-{len(self._started)}.log"
        verb = Verb(argv or self._program(name), self.environment() | dict(extra or {}), log)
        self.verbs[name] = verb
        self._started.append(verb)
        return verb

    def _program(self, name: str) -> Sequence[str]:
        if name == "stream":
            return self.stream_program
        if name == "generate":
            rate = ("--rate", str(self.load.per_second), "--run", RUN, "--json")
            return [*TXWATCH, "generate", *self.load.arguments(), *rate]
        return [*TXWATCH, name]

    def tend(self) -> None:
        """Start what is down: servers first, then programs."""
        if len(self.runtime.supervisor.running()) < len(self.wires):
            with suppress(TxwatchError):  # a part that does not come up yet is looked at again
                self.runtime.up()
        for name in self.programs:
            if name not in self.verbs or not self.verbs[name].is_running():
                self.start(name)

    def set_right(self) -> None:
        """Take every obstacle away that is not a program."""
        for wire in self.wires.values():
            wire.release()
        for disk in self.disks.values():
            disk.free()
        for verb in self.verbs.values():
            if verb.is_running():
                verb.signal_all(signal.SIGCONT)
        for name in self.runtime.supervisor.running():
            self.signal_server(name, signal.SIGCONT)

    def strike(self) -> None:
        """Note that a fault strikes now."""
        self.struck_at = time.time()

    def recover(self, seconds: float) -> float:
        """Tend until what was appended after the strike is scored and archived; return how long it took."""
        deadline = time.monotonic() + seconds
        self.tend()
        while not self.has_recovered():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not recovered within {seconds:.0f} s: see the logs in {self.folder}")
            time.sleep(_POLL_SECONDS)
            self.tend()
        return round(time.time() - self.struck_at, 1)

    def has_recovered(self) -> bool:
        """Tell whether the stream, the archive and the labels have got on since the strike."""
        # Labels come seldom: their process shows by its heart that it gets on.
        beat = Heartbeat(self.runtime.state_dir, "labels").path
        has_beaten = beat.exists() and beat.stat().st_mtime > self.struck_at
        return (has_beaten or "labels" not in self.programs) and has_got_on(self.warehouse, self.struck_at)

    def kill_server(self, name: str) -> None:
        """Kill -9 one of the servers."""
        server = psutil.Process(self.runtime.supervisor.running()[name].pid)
        server.kill()
        until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)

    def signal_server(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a server and all its processes."""
        with suppress(psutil.NoSuchProcess, KeyError):
            server = psutil.Process(self.runtime.supervisor.running()[name].pid)
            for process in [server, *server.children(recursive=True)]:
                process.send_signal(number)

    def end_load(self) -> int:
        """Let the generator come to its end; return how many records it has made in all."""
        while self.verbs["generate"].terminate() != 0:  # it was hurt: a new one finds out what is missing
            self.start("generate")
            until(lambda: "next_sequence" in self.verbs["generate"].log.read_text())
        progress = ProgressFile(self.runtime.state_dir, RUN).load()
        assert progress is not None
        return progress.acknowledged

    def drain(self, is_done: Callable[[], bool], seconds: float = 300) -> None:
        """Tend everything but the generator until all that Kafka holds is done."""
        programs, self.programs = self.programs, [name for name in self.programs if name != "generate"]
        deadline = time.monotonic() + seconds
        while not (is_done() and self._has_entered_labels()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained within {seconds:.0f} s: see the logs in {self.folder}")
            self.tend()
            time.sleep(_POLL_SECONDS)
        self.programs = programs

    def _has_entered_labels(self) -> bool:
        if "labels" not in self.programs:
            return True
        try:
            with PipelineReader(self.settings) as reader:
                return sum(assess(reader.read()).label_lag.values()) == 0
        except UnavailableError:  # on its way back
            return False

    def verify(self) -> bool:
        """Tell whether `txwatch verify` balances."""
        verify = [*TXWATCH, "verify"]
        environment = {f"{PREFIX}STATE_DIR": str(self.runtime.state_dir)}
        with (self.folder / "verify.log").open("ab") as log:
            return (
                subprocess.run(verify, env=os.environ | environment, stdout=log, check=False).returncode == 0
            )

    def close(self) -> None:
        """End everything and delete all but the logs."""
        self.set_right()
        for verb in self._started:
            verb.close()
        self.runtime.down()
        shutil.move(self.runtime.state_dir / "logs", self.folder / "server-logs")
        self.runtime.remove_data()
        for disk in self.disks.values():
            disk.close()
        for wire in self.wires.values():
            wire.close()


def has_got_on(warehouse: Warehouse, since: float) -> bool:
    """Tell whether something that was appended after a moment is scored, and something archived."""
    newest = "select coalesce(extract(epoch from max({moment})), 0)::float8 from {table}"
    try:
        scored = warehouse.value(newest.format(moment="appended_to", table="ops.stream_ledger"))
        archived = warehouse.value(newest.format(moment="archived_at", table="ops.archive_object"))
    except psycopg2.OperationalError:  # on its way back
        return False
    return bool(min(scored, archived) > since)


def fake_time_library() -> Path | None:
    """Return the library that shifts a program's clock, where libfaketime is installed."""
    if shutil.which("faketime") is None:
        return None
    return next(Path("/usr/lib").rglob(_FAKE_TIME_LIBRARY), None)
