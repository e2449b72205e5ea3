"""The embedded runtime: Kafka, Postgres and an S3 endpoint, started, repaired and stopped as one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from txwatch.embedded.kafka import Kafka
from txwatch.embedded.lock import exclusive
from txwatch.embedded.object_store import ObjectStore
from txwatch.embedded.part import Part
from txwatch.embedded.postgres import Postgres, superuser
from txwatch.embedded.state import StateFile
from txwatch.embedded.supervisor import Supervisor
from txwatch.errors import UsageError
from txwatch.settings import PREFIX, Settings, load_settings

START_SECONDS = 120.0
STOP_SECONDS = 60.0
# By name, because the state folder may hold what is not ours.
_DATA_FOLDERS = ("kafka", "postgres", "logs", "runs", "checkpoints")
_ADDRESSES = ("kafka_bootstrap_servers", "postgres_host", "postgres_port", "s3_endpoint")

log = structlog.get_logger()


@dataclass(frozen=True)
class PartStatus:
    """What `up` found or made of a part."""

    name: str
    pid: int
    port: int
    was_running: bool


class Runtime:
    """Starts what does not run, leaves alone what does."""

    def __init__(self, settings: Settings, parts: Sequence[Part] | None = None) -> None:
        self._settings = settings
        self._folder = settings.state_dir.resolve()
        self._file = StateFile(self._folder)
        self._parts = parts or (Postgres(settings), ObjectStore(settings), Kafka(settings))
        self.supervisor = Supervisor(self._folder)

    @property
    def state_dir(self) -> Path:
        """The folder that this runtime owns."""
        return self._folder

    def up(self) -> list[PartStatus]:
        """Bring every part to where it serves; data that is there is kept.

        Several calls at once wait for each other; the later ones find everything running.

        Raises:
            UsageError: no Java runtime, or a port asked for is taken.
            UnavailableError: a part did not come up; the sentence holds the tail of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self._folder / "up.lock"):
            before = self.supervisor.running()
            for part in self._parts:
                if part.name not in before:
                    self._start(part)
            for part in self._parts:
                self._await(part)
            now = self.supervisor.running()
        return [
            PartStatus(part.name, now[part.name].pid, now[part.name].port or 0, part.name in before)
            for part in self._parts
        ]

    def down(self) -> list[str]:
        """End every process of this state folder, workers first; return the names of those that ran."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self._folder / "up.lock"):
            parts = [part.name for part in self._parts]
            workers = [name for name in self.supervisor.state().processes if name not in parts]
            stopped = [
                name
                for name in [*workers, *reversed(parts)]
                if self.supervisor.stop_process(name, STOP_SECONDS)
            ]
            self.supervisor.kill_strays()
            for part in self._parts:
                part.kill_strays()
        return stopped

    def remove_data(self) -> None:
        """Forget everything: data, logs, state. Only after `down`."""
        for part in self._parts:
            part.remove_data()
        for name in _DATA_FOLDERS:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        self._file.path.unlink(missing_ok=True)

    def complete(self) -> None:
        """Make the topics and the bucket of the settings on parts that run already."""
        state = self._file.read()
        for part in self._parts:
            part.complete(state)

    def settings(self) -> Settings:
        """Return the settings with the addresses of the running parts.

        Raises:
            UsageError: the environment or .env names other servers, so that commands would not meet these.
        """
        settings = load_settings(state_dir=self._folder)
        recorded = self._file.read().settings
        for name in _ADDRESSES:
            if getattr(settings, name) != recorded[name]:
                raise UsageError(
                    f"{PREFIX}{name.upper()} is set to {getattr(settings, name)}, but `txwatch up` serves "
                    f"{recorded[name]}: unset it, or run the commands without `txwatch up`"
                )
        return settings

    def superuser(self) -> dict[str, Any]:
        """Keyword arguments of `psycopg2.connect` for the superuser, who migrates."""
        return superuser(self._file.read())

    def _start(self, part: Part) -> None:
        with self._file.change() as state:
            port = part.configure(state)
        part.prepare(state)
        record = self.supervisor.start(part.name, part.command(state), port)
        log.info("started", part=part.name, pid=record.pid, port=port, log=str(record.log))

    def _await(self, part: Part) -> None:
        state = self._file.read()
        self.supervisor.wait_until(part.name, lambda: part.is_ready(state), START_SECONDS)
        part.complete(state)
