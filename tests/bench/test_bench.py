"""The bench at the size of a smoke test: it meters systems that work, and loses nothing on the way."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
OTHERS = ["l0", "l1", "s0", "b2"]
"""Whose drain is run here; ours is, into a warehouse that holds facts."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where all results of this module are kept."""
    return tmp_path_factory.mktemp("results")


def run(folder: Path, *arguments: str, script: str = "bench.py") -> dict[str, Any]:
    """Run a command of the bench and return its document."""
    output = folder / f"{arguments[0]}.json"
    subprocess.run(
        [sys.executable, str(HERE / script), *arguments, "--output", str(output)],
        check=True,
        timeout=500,
        stdout=subprocess.DEVNULL,
    )
    document: dict[str, Any] = json.loads(output.read_text())
    return document


def report(folder: Path) -> str:
    """Make the page of all results."""
    page = folder / "performance.md"
    subprocess.run(
        [sys.executable, str(HERE / "report.py"), "--results", str(folder), "--page", str(page)], check=True
    )
    return page.read_text()


def assert_metered(result: dict[str, Any]) -> None:
    """Check a drain of 20,000 rows in batches of 2,000 or less, of which the first does not count."""
    assert 18_000 <= result["rows"] < 20_000
    assert result["rows_per_second"] > 0
    assert result["rss_mib"] > 10
    assert all(result["cpu_us_per_row"][part] >= 0 for part in ("client", "postgres", "broker", "total"))


def test_each_system_drains_all_records_and_is_metered(folder: Path) -> None:
    document = run(
        *(folder, "drain", "--rows", "20000", "--batch-rows", "2000", "--rounds", "1"),
        *("--warmup-seconds", "0", *(word for name in OTHERS for word in ("--system", name))),
    )
    results = {result["system"]: result for result in document["results"]}
    assert list(results) == OTHERS
    for result in results.values():
        assert_metered(result)


def test_latency_counts_every_record_that_was_due(folder: Path) -> None:
    document = run(
        *(folder, "latency", "--rate", "100", "--seconds", "12", "--warmup-seconds", "2"),
        *("--checkpoint", "local", "--system", "ours", "--system", "b2"),
    )
    assert [result["system"] for result in document["results"]] == ["ours", "b2"]
    for result in document["results"]:
        assert (
            1195 <= result["records"] <= 1200
        )  # those due in the very millisecond of the beginning may miss it
        waited = result["latency_ms"]
        assert 0 < waited["p50"] <= waited["p95"] <= waited["p99"] <= waited["max"]
        # As many parts as there were commits, up to six: on a machine under load perhaps one.
        assert max(part["latency_ms"]["max"] for part in result["parts"]) == waited["max"]
        assert 20 < result["live_heap_mib"]["before"] < result["rss_mib"]["client"]


def test_a_drain_into_a_warehouse_that_holds_facts_counts_its_own(folder: Path) -> None:
    document = run(
        *(folder, "flatness", "--facts", "3000", "--rows", "20000", "--rounds", "1"),
        *("--batch-rows", "2000", "--warmup-seconds", "0"),
    )
    (result,) = document["results"]
    assert (result["system"], result["facts_before"]) == ("ours", 3000)
    assert_metered(result)
    # Ids, amounts and texts of a row take more than that.
    assert result["wal_bytes_per_row"] > 50


def test_a_profile_tells_statements_and_waits_of_postgres(folder: Path) -> None:
    document = run(
        *(folder, "--system=l1", "--rows", "20000", "--batch-rows", "2000", "--warmup-seconds", "0"),
        script="postgres_profile.py",
    )
    (profile,) = document["results"]
    assert any("core.fact_transaction" in told["statement"] for told in profile["statements"])
    assert 0.9 < sum(profile["samples"].values()) < 1.1
    assert "| `copy core.fact_transaction" in report(folder).lower()


def test_each_producer_sends_all_records(folder: Path) -> None:
    document = run(folder, "generator", "--rows", "20000", "--rounds", "1")
    assert {result["system"]: result["records"] for result in document["results"]} == {
        "ours": 20_000,
        "naive": 20_000,
        "raw": 20_000,
    }


def test_the_page_tells_what_was_measured_and_what_missed_its_goal(folder: Path) -> None:
    drains = [
        {
            "system": system,
            "round": number,
            "rows_per_second": rate,
            "cpu_us_per_row": dict.fromkeys(("client", "postgres", "broker", "total"), 1e6 / rate),
            "wal_bytes_per_row": 400.0,
            "rss_mib": 1400,
            **({"load_average": 2.5} if system == "ours" else {}),  # older results have none
        }
        for number in range(3)
        for system, rate in (("ours", 80_000 + number), ("b2", 20_000), ("l1", 120_000))
    ]
    document = {
        "kind": "drain",
        "command": "bench.py drain",
        "ended_at": "2026-01-01T00:00:00Z",
        "machine": {"processors": 2, "load_average": [1.0, 1.0, 1.0]},
        "results": drains,
    }
    (folder / "drain.json").write_text(json.dumps(document))
    page = report(folder)
    assert "| drain rate, ours / B2 | >= 2 | 4.00 (4.00 to 4.00) | met |" in page
    assert "| drain rate, ours / L1 | >= 0.7 | 0.67 (0.67 to 0.67) | missed |" in page
    assert "| txwatch, driver sink | 80,001 (80,000 to 80,002) |" in page
    assert "| 1,400 | 2.5 | 1.00 | 1.00 |" in page  # load average, ours by ours: rate, CPU
    assert "| 1,400 |  | 4.00 | 0.25 |" in page  # ours by B2
    assert "| 1,400 |  | 0.67 | 1.50 |" in page  # ours by L1
    assert "| CPU per row, B1x / ours | >= 4 |  | not measured |" in page
    assert "| B1x: " not in page  # no row of its own where nothing was measured
