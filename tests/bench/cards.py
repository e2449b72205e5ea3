"""What each dashboard card's query costs on millions of facts: p50 and p95 in milliseconds, goal p95 <= 300.

python tests/bench/cards.py --facts 6000000

Prints a line of JSON for each card and choice of filters; the rows are fetched, the connection is
dashboard_reader's, as on the dashboards.
"""

import argparse
import json
import statistics
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).resolve().parents[1] / "embedded" / "transform"))

from dbt_process import running_dbt
from many_facts import many_facts

from txwatch.dashboards.answers import answer
from txwatch.dashboards.definitions import load_cards
from txwatch.postgres import connect
from txwatch.settings import Settings

REPEATS = 20
GOAL_MS = 300.0
CHOICES: dict[str, dict[str, object]] = {
    "no filter": {},
    "one week": {"day_from": date(2026, 8, 10), "day_to": date(2026, 8, 16)},
    "one of each": {"currency": "USD", "country": "US", "rule": "foreign_transaction"},
}


def measure(settings: Settings) -> None:
    """Ask every card `REPEATS` times with each choice that it takes."""
    slow = []
    with closing(connect(settings.postgres("dashboard_reader"))) as connection:
        for card in load_cards():
            for choice, values in CHOICES.items():
                if values and not set(values) & set(card.filters):
                    continue
                milliseconds = []
                for _ in range(REPEATS):
                    began = time.perf_counter()
                    rows = len(answer(connection, card, values).rows)
                    milliseconds.append((time.perf_counter() - began) * 1000)
                p95 = statistics.quantiles(milliseconds, n=20)[-1]
                told = {"p50_ms": round(statistics.median(milliseconds), 1), "p95_ms": round(p95, 1)}
                print(json.dumps({"card": card.id, "filters": choice, "rows": rows, **told}), flush=True)
                slow += [card.id] if p95 > GOAL_MS else []
    print(json.dumps({"goal_ms": GOAL_MS, "slower": sorted(set(slow))}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--facts", type=int, default=6_000_000)
    with many_facts() as facts, TemporaryDirectory() as folder:
        facts.grow_to(parser.parse_args().facts)
        facts.quarantine(20_000)
        with running_dbt(facts.settings, Path(folder)) as dbt:
            dbt.build()
        measure(facts.settings)


if __name__ == "__main__":
    main()
