"""How much an incremental build saves: after 20,000 new rows, against a full refresh of the same warehouse.

    python tests/bench/dbt_incremental.py --facts 500000 2000000 6000000 --output RESULT.json [--cards]

Measures at each size the seconds of the full refresh and of the incremental builds (seeds, snapshots and
every model, without tests; dbt in process, start-up not counted), side by side on one server.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).resolve().parents[1] / "embedded" / "transform"))

from cards import measure
from dbt_process import Dbt, running_dbt
from many_facts import BATCH, ManyFacts, many_facts
from results import write

REPEATS = 3


def seconds(dbt: Dbt, *options: str) -> float:
    began = time.monotonic()
    dbt.build(*options)
    return time.monotonic() - began


def compare(facts: ManyFacts, dbt: Dbt) -> dict[str, object]:
    """Time a full refresh, and then incremental builds, each after so many new rows."""
    full = seconds(dbt, "--full-refresh")
    incremental = []
    for _ in range(REPEATS):
        facts.arrive()
        incremental.append(seconds(dbt))
    return {
        "facts": facts.rows,
        "full_seconds": round(full, 1),
        "incremental_seconds": [round(each, 1) for each in incremental],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--facts", type=int, nargs="+", default=[500_000, 2_000_000, 6_000_000])
    parser.add_argument("--output", type=Path, help="write the JSON document here too")
    parser.add_argument("--cards", action="store_true", help="then measure the cards on the last size")
    arguments = parser.parse_args()
    with many_facts() as facts, TemporaryDirectory() as folder:
        with running_dbt(facts.settings, Path(folder)) as dbt:
            dbt.invoke("source", "freshness")  # parses the project
            compared = []
            for rows in arguments.facts:
                facts.grow_to(rows)
                compared.append(compare(facts, dbt))
            write("dbt", {"new_rows": BATCH}, compared, arguments.output)
        if arguments.cards:
            facts.quarantine(20_000)
            measure(facts.settings)


if __name__ == "__main__":
    main()
