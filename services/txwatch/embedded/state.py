"""The state file: what runs, where it listens, and the generated passwords that every command needs."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from txwatch.embedded.lock import exclusive
from txwatch.errors import UsageError

FILE_NAME = "state.json"


class ProcessRecord(BaseModel):
    """A process of ours, told apart from whichever later process is given its pid."""

    pid: int
    started_at: float
    """Seconds since 1970, as the kernel tells it."""
    command: list[str]
    owner: str
    stop_signal: int
    log: Path
    port: int | None = None


class State(BaseModel):
    """All that must outlive the commands."""

    settings: dict[str, str | int] = {}
    """Values by the names of `txwatch.settings.Settings`, which every command reads."""
    private: dict[str, str | int] = {}
    """What only the embedded runtime needs: the superuser's password, the cluster's id, inner ports."""
    processes: dict[str, ProcessRecord] = {}


class StateFile:
    """Reads and writes the state, readable by its owner alone; a reader never sees half a file."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE_NAME

    def read(self) -> State:
        """Return what is recorded, an empty state before the first write.

        Raises:
            UsageError: the file is damaged.
        """
        try:
            return State.model_validate_json(self.path.read_text())
        except FileNotFoundError:
            return State()
        except ValidationError as error:
            raise UsageError(
                f"{self.path} is damaged ({error.errors()[0]['msg']}): `make clean` starts over"
            ) from None

    @contextmanager
    def change(self) -> Iterator[State]:
        """Lend the state for a change, which is written when the block ends well."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.path.with_suffix(".lock")):
            state = self.read()
            yield state
            self._write(state)

    def _write(self, state: State) -> None:
        # mkstemp makes the file with mode 0600.
        descriptor, partial = tempfile.mkstemp(prefix=f"{FILE_NAME}.", dir=self.path.parent)
        with os.fdopen(descriptor, "w") as file:
            json.dump(state.model_dump(mode="json"), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(self.path)
