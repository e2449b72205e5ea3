"""What the runtime asks of each part that it owns."""

from typing import Protocol

from txwatch.embedded.processes import Command
from txwatch.embedded.state import State


class Part(Protocol):
    """A server of the embedded runtime: Kafka, Postgres or the object store."""

    name: str

    def configure(self, state: State) -> int:
        """Choose ports and passwords where the state holds none, record them, return the port."""

    def prepare(self, state: State) -> None:
        """Bring the folders of a part that does not run to where it can start, keeping its data."""

    def command(self, state: State) -> Command:
        """Say how it is started."""

    def is_ready(self, state: State) -> bool:
        """Ask it whether it serves."""

    def complete(self, state: State) -> None:
        """Make what its users expect of a ready part: topics, a bucket."""

    def kill_strays(self) -> None:
        """Kill what is left of it and does not bear the mark that the supervisor looks for."""

    def remove_data(self) -> None:
        """Delete what it keeps outside the state folder."""
