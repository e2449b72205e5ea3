"""What malformed records cost the good ones: draining clean records against the same with some malformed.

    python tests/bench/bad_input.py --rows 300000 --share 0.1 --rounds 5

Both loads are drained in turns by one warm Spark session into empty warehouses. A drain counts from its first
commit to its last. The figure: good rows per second with malformed ones among them, divided by that without.
"""

import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from results import write
from servers import Servers, running_servers

from txwatch.embedded.jars import resolve
from txwatch.embedded.runtime import Runtime
from txwatch.logs import configure_logs
from txwatch.settings import Settings
from txwatch.stream.ledger import Totals
from txwatch.stream.query import TransactionStream
from txwatch.stream.rules import load_ruleset
from txwatch.stream.session import build_session

LOADS = ("clean", "mixed")
RUN = "bad-input"


@dataclass(frozen=True)
class Drain:
    """One drain's figures."""

    load: str
    good_rows: int
    quarantined: int
    seconds: float
    """From the first commit to the last; the rows are those of the batches in between, and of the last."""


def produce(servers: Servers, topic: str, rows: int, share: float) -> Settings:
    """Fill a topic of its own and return the settings that read it."""
    settings = servers.settings.model_copy(
        update={"kafka_transactions_topic": topic, "stream_checkpoint": "local"}
    )
    Runtime(settings).complete()
    options = ("--count", str(rows), "--rate", "0", "--malformed", str(share), "--run", f"{RUN}-{topic}")
    command = [sys.executable, "-m", "txwatch.cli.main", "generate", "--json", *options]
    environment = servers.environment(kafka_transactions_topic=topic)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return settings


class Drainer:
    """Drains topics in one Spark session."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._ruleset = load_ruleset(servers.settings.stream_ruleset)
        self._spark = build_session(servers.settings, resolve("spark", servers.settings))

    def drain(self, load: str, settings: Settings, rows: int) -> Drain:
        """Move a topic into an empty warehouse and check that every record is accounted for."""
        database = f"bad_input_{load}"
        self._servers.new_database(database)
        moments, commits = list[float](), list[Totals]()

        def committed(totals: Totals) -> None:
            moments.append(time.monotonic())
            commits.append(totals)

        TransactionStream(
            settings.model_copy(update={"postgres_database": database}),
            self._ruleset,
            self._spark,
            on_commit=committed,
            until_drained=True,
        ).run()
        assert sum(totals.rows_in for totals in commits) == rows, f"{load}: records are missing"
        return Drain(
            load,
            sum(totals.facts for totals in commits[1:]),
            sum(totals.quarantined for totals in commits[1:]),
            moments[-1] - moments[0],
        )

    def close(self) -> None:
        """End Spark."""
        self._spark.stop()


def main(
    rows: Annotated[int, typer.Option(help="Records in each topic.")] = 300_000,
    share: Annotated[float, typer.Option(help="Share of malformed records in one of them.")] = 0.1,
    rounds: Annotated[int, typer.Option(help="Measured drains of each topic.")] = 5,
    warmups: Annotated[int, typer.Option(help="Drains of each topic before those.")] = 3,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here too.")] = None,
) -> None:
    """Measure both loads in turns."""
    configure_logs("warning")
    with running_servers() as servers:
        shares = {"clean": 0.0, "mixed": share}
        topics = {load: produce(servers, f"{RUN}-{load}", rows, shares[load]) for load in LOADS}
        drainer = Drainer(servers)
        try:
            for _ in range(warmups):
                for load in LOADS:
                    drainer.drain(load, topics[load], rows)
            drains = [
                asdict(drainer.drain(load, topics[load], rows)) | {"round": number}
                for number in range(rounds)
                for load in LOADS
            ]
        finally:
            drainer.close()
    write("bad_input", {"rows": rows, "share": share}, drains, output)


if __name__ == "__main__":
    typer.run(main)
