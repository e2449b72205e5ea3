"""What malformed records cost the good ones: draining clean records against the same with some malformed.

    python tests/bench/bad_input.py --rows 300000 --share 0.1 --rounds 5

Both loads are drained in turns by one warm Spark session into empty warehouses. A drain counts from its first
commit to its last. The figure: good rows per second with malformed ones among them, divided by that without.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import psutil
import typer
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

    @property
    def good_rows_per_second(self) -> float:
        """Facts per second."""
        return self.good_rows / self.seconds


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


def report(drains: list[Drain]) -> dict[str, object]:
    """Return the medians, the ratio of each round and the median of those."""
    clean, mixed = ([drain for drain in drains if drain.load == load] for load in LOADS)
    ratios = [m.good_rows_per_second / c.good_rows_per_second for c, m in zip(clean, mixed, strict=True)]
    return {
        "good_rows_per_second": {
            load: round(median(each.good_rows_per_second for each in own))
            for load, own in zip(LOADS, (clean, mixed), strict=True)
        },
        "quarantined_in_a_mixed_drain": mixed[0].quarantined,
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(median(ratios), 3),
        "processors": psutil.cpu_count(),
        "load_average": psutil.getloadavg(),
    }


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
            drains = [drainer.drain(load, topics[load], rows) for _ in range(rounds) for load in LOADS]
        finally:
            drainer.close()
    text = json.dumps({"rows": rows, "share": share, **report(drains)}, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n")


if __name__ == "__main__":
    typer.run(main)
