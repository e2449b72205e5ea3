"""The same load on a pipeline of its own that nothing happens to: what the outcome must be."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from aftermath import Outcome, read_outcome
from plant import RUN, TXWATCH

from txwatch.cli.prepare import fill_dimensions
from txwatch.embedded.runtime import Runtime
from txwatch.settings import PREFIX, load_settings
from txwatch.warehouse.migrations import migrate


class Undisturbed:
    """Goes as far as it is asked to, at full speed, and stops there.

    Args:
        folder: of its own; state and logs lie there.
        load: all that the records depend on beside the world, as options of `txwatch generate`.
        world: settings of the world.
    """

    def __init__(self, folder: Path, load: Sequence[str], world: Mapping[str, int]) -> None:
        self._load = load
        self._folder = folder
        self._runtime = Runtime(load_settings(state_dir=folder / "state"))
        self._runtime.up()
        self._settings = self._runtime.settings().model_copy(update=dict(world))
        values = {**world, "state_dir": self._runtime.state_dir}
        self._environment = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}
        migrate(self._settings, self._runtime.superuser())
        fill_dimensions(self._settings)

    def outcome_of(self, count: int) -> Outcome:
        """Send the load's records up to the given one, drain, and return what became of all of them."""
        run = ("--run", RUN, "--rate", "0", "--json")
        self._txwatch("generate", *self._load, "--count", str(count), *run)
        self._txwatch("stream", "--until-drained")
        self._txwatch("archive", "--drain")
        return read_outcome(self._settings)

    def _txwatch(self, *arguments: str) -> None:
        with (self._folder / f"undisturbed-{arguments[0]}.log").open("ab") as log:
            command = [*TXWATCH, *arguments]
            environment = os.environ | self._environment
            subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)

    def close(self) -> None:
        """End the servers and delete their data."""
        self._runtime.down()
        self._runtime.remove_data()
