"""The bench at the size of a smoke test: it meters systems that drain, and loses nothing on the way."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command of the bench and return its document."""
    output = folder / f"{arguments[0]}.json"
    subprocess.run(
        [sys.executable, str(HERE / "bench.py"), *arguments, "--output", str(output)],
        check=True,
        timeout=500,
        stdout=subprocess.DEVNULL,
    )
    document: dict[str, Any] = json.loads(output.read_text())
    return document


def test_each_system_drains_all_records_and_is_metered(tmp_path: Path) -> None:
    systems = ["l0", "l1", "ours"]
    document = run(
        *(tmp_path, "drain", "--rows", "20000", "--batch-rows", "2000", "--rounds", "1"),
        *("--warmup-seconds", "0", *(word for name in systems for word in ("--system", name))),
    )
    results = {result["system"]: result for result in document["results"]}
    assert list(results) == systems
    for result in results.values():
        assert 18_000 <= result["rows"] < 20_000  # all but the first batch, which is of 2,000 rows or less
        assert result["rows_per_second"] > 0
        assert result["rss_mib"] > 10
        assert all(result["cpu_us_per_row"][part] >= 0 for part in ("client", "postgres", "broker", "total"))
    # Ids, amounts and texts of a row take more than that; L0 may be done before its meter is first read.
    assert results["ours"]["wal_bytes_per_row"] > 50
    page = tmp_path / "performance.md"
    subprocess.run(
        [sys.executable, str(HERE / "report.py"), "--results", str(tmp_path), "--page", str(page)], check=True
    )
    assert "L1: plain consumer" in page.read_text()
