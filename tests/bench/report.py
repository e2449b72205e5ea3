"""The page of figures, made of the result files that are kept: docs/performance.md and its plots.

    python tests/bench/report.py

What lies between the two markers of the page is written anew; the rest of it is written by hand and stays.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import altair as alt
import pandas as pd
import typer
from systems import NAMES

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- figures: made by `make bench-report` -->"
END = "<!-- end of figures -->"
GOALS = {
    "b1x": ("B1x", 4.0, 3.5),
    "b1": ("B1", 2.5, 2.5),
    "b2": ("B2", 2.0, 2.0),
    "b3": ("B3", 2.0, 2.0),
}
"""By opponent: its short name, CPU per row theirs/ours, drain rate ours/theirs."""

Result = dict[str, Any]
_PARTS = ("client", "postgres", "broker")


def main(
    results: Annotated[Path, typer.Option(help="Folder of result files.")] = ROOT / "docs" / "performance",
    page: Annotated[Path, typer.Option(help="The page to write.")] = ROOT / "docs" / "performance.md",
) -> None:
    """Write the page and its plots."""
    documents = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    images = page.parent / "images"
    sections = {"drain": _drain, "latency": _latency, "flatness": _flatness, "generator": _generator}
    written = []
    for kind, section in sections.items():
        found = [document for document in documents if document.get("kind") == kind]
        if found:
            written += section(found, images)
    written += _dbt(results)
    _insert(page, "\n".join(written))


def _insert(page: Path, text: str) -> None:
    whole = page.read_text() if page.is_file() else f"# Performance\n\n{BEGIN}\n{END}\n"
    head, _, rest = whole.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def _results(documents: Iterable[Result]) -> list[Result]:
    return [
        result | {"run": number}
        for number, document in enumerate(documents)
        for result in document["results"]
    ]


def _provenance(documents: list[Result]) -> list[str]:
    """Say by which commands, when and where."""
    lines = []
    for document in documents:
        machine = document["machine"]
        lines.append(
            f"- `python tests/bench/{document['command']}`, {document['ended_at']}, "
            f"{machine['processors']} processors, load average at the end {machine['load_average'][0]}"
        )
    return ["", *lines, ""]


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return ["", *lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _spread(values: list[float], form: str) -> str:
    """The median and, of several, the range."""
    middle = format(median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def _drain(documents: list[Result], images: Path) -> list[str]:
    results = _results(documents)
    names = [name for name in NAMES if any(result["system"] == name for result in results)]
    own = {name: [result for result in results if result["system"] == name] for name in names}
    rows = [
        (
            NAMES[name],
            _spread([result["rows_per_second"] for result in own[name]], ",.0f"),
            _spread([result["cpu_us_per_row"]["total"] for result in own[name]], ".1f"),
            *(f"{median(result['cpu_us_per_row'][part] for result in own[name]):.1f}" for part in _PARTS),
            f"{median(result['wal_bytes_per_row'] for result in own[name]):,.0f}",
            f"{max(result['rss_mib'] for result in own[name]):,.0f}",
        )
        for name in names
    ]
    head = ["system", "rows/s", "CPU µs/row", *_PARTS, "WAL bytes/row", "client's RSS, MiB"]
    _bars(
        images / "performance-cpu.svg",
        [
            {
                "system": NAMES[name],
                "part": part,
                "value": median(r["cpu_us_per_row"][part] for r in own[name]),
            }
            for name in names
            for part in _PARTS
        ],
        [NAMES[name] for name in names],
        "CPU microseconds per row, median",
    )
    _bars(
        images / "performance-rate.svg",
        [
            {
                "system": NAMES[name],
                "part": "rows/s",
                "value": median(r["rows_per_second"] for r in own[name]),
            }
            for name in names
        ],
        [NAMES[name] for name in names],
        "rows per second, median",
    )
    return [
        "## Draining a backlog",
        *_table(head, rows),
        "Median of all turns, with their range; RSS is the largest reading of all turns.",
        "",
        "![CPU per row of every system](images/performance-cpu.svg)",
        "![rows per second of every system](images/performance-rate.svg)",
        "",
        *_ratios(results),
        *_provenance(documents),
    ]


def _ratios(results: list[Result]) -> list[str]:
    """Systems are compared within a turn of one run: what troubles the machine troubles both."""
    lines = []
    for mode in ("ours", "executors"):
        rows = []
        for name, (short, cpu_goal, rate_goal) in GOALS.items():
            if cpu := _pairs(
                results, mode, name, lambda a, b: b["cpu_us_per_row"]["total"] / a["cpu_us_per_row"]["total"]
            ):
                rate = _pairs(results, mode, name, lambda a, b: a["rows_per_second"] / b["rows_per_second"])
                rows.append(
                    (f"{short}, CPU per row, theirs / ours", f">= {cpu_goal}", _spread(cpu, ".2f")),
                )
                rows.append((f"{short}, drain rate, ours / theirs", f">= {rate_goal}", _spread(rate, ".2f")))
        if rate := _pairs(results, mode, "l1", lambda a, b: a["rows_per_second"] / b["rows_per_second"]):
            rows.append(("L1, drain rate, ours / theirs", ">= 0.7", _spread(rate, ".2f")))
        if rows:
            lines += [f"Against the others, {NAMES[mode]}:", *_table(["", "goal", "measured"], rows)]
    return lines


def _pairs(
    results: list[Result], ours: str, theirs: str, ratio: Callable[[Result, Result], float]
) -> list[float]:
    turns = {(r["run"], r["round"]): r for r in results if r["system"] == theirs}
    mine = [r for r in results if r["system"] == ours and (r["run"], r["round"]) in turns]
    return [ratio(r, turns[r["run"], r["round"]]) for r in mine]


def _latency(documents: list[Result], images: Path) -> list[str]:
    results = _results(documents)
    rows = [
        (
            NAMES[result["system"]],
            result["checkpoint"],
            f"{result['rate']:,.0f}",
            *(f"{value:,.0f}" for value in result["latency_ms"].values()),
            f"{result['load_worst_lag_ms']:,.0f}",
            f"{result['rss_mib']['client']:,.0f}",
            f"{result['rss_all_mib']:,.0f}",
            f"{result['load_average']:.1f}",
        )
        for result in results
    ]
    head = ["system", "checkpoint", "rate/s", "p50", "p95", "p99", "max"]
    head += ["load's own lag", "client's RSS", "RSS of all", "load avg"]
    _bars(
        images / "performance-latency.svg",
        [
            {
                "system": f"{NAMES[r['system']]}, {r['checkpoint']}, {r['rate']:,.0f}/s",
                "part": name,
                "value": r["latency_ms"][name],
            }
            for r in results
            for name in ("p50", "p99")
        ],
        None,
        "milliseconds from due to committed",
        stacked=False,
    )
    return [
        "## Latency",
        "",
        "Milliseconds from the moment at which a record was due to the commit that shows it, open loop; MiB.",
        *_table(head, rows),
        "![latency](images/performance-latency.svg)",
        *_provenance(documents),
    ]


def _flatness(documents: list[Result], _: Path) -> list[str]:
    results = _results(documents)
    sizes = sorted({result["facts_before"] for result in results})
    rows = []
    for name in [name for name in NAMES if any(result["system"] == name for result in results)]:
        for size in sizes:
            own = [r for r in results if r["system"] == name and r["facts_before"] == size]
            empty = {
                (r["run"], r["round"]): r
                for r in results
                if r["system"] == name and r["facts_before"] == sizes[0]
            }
            shares = [
                r["rows_per_second"] / empty[r["run"], r["round"]]["rows_per_second"]
                for r in own
                if (r["run"], r["round"]) in empty
            ]
            rows.append(
                (
                    NAMES[name],
                    f"{size:,}",
                    _spread([r["rows_per_second"] for r in own], ",.0f"),
                    _spread([r["cpu_us_per_row"]["total"] for r in own], ".1f"),
                    _spread(shares, ".2f"),
                )
            )
    head = ["system", "facts before", "rows/s", "CPU µs/row", "rate against the first"]
    return ["## Facts that are there already", *_table(head, rows), *_provenance(documents)]


def _generator(documents: list[Result], _: Path) -> list[str]:
    results = _results(documents)
    named = {
        "ours": "txwatch generate",
        "naive": "naive loop",
        "raw": "librdkafka alone, records made before",
    }
    rates = {
        name: {(r["run"], r["round"]): r["records"] / r["seconds"] for r in results if r["system"] == name}
        for name in named
    }
    rows = [
        (
            named[name],
            _spread(list(rates[name].values()), ",.0f"),
            _spread([r["cpu_us_per_row"] for r in results if r["system"] == name], ".2f"),
        )
        for name in named
    ]
    shares = [
        (
            f"against {named[name]}",
            f">= {goal}",
            _spread([rates["ours"][turn] / rates[name][turn] for turn in rates[name]], ".2f"),
        )
        for name, goal in (("naive", 7), ("raw", 0.5))
    ]
    return [
        "## Generator",
        *_table(["", "records/s", "CPU µs/record"], rows),
        *_table(["", "goal", "rate, ours / theirs"], shares),
        *_provenance(documents),
    ]


def _dbt(results: Path) -> list[str]:
    """What dbt_incremental.py printed, one line per size."""
    paths = sorted(results.glob("dbt*.jsonl"))
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    if not lines:
        return []
    rows = [
        (
            f"{line['facts']:,}",
            f"{line['full_seconds']:.1f}",
            _spread(line["incremental_seconds"], ".1f"),
            ">= 4 at 6 million",
            f"{line['times_faster']:.1f}",
        )
        for line in lines
    ]
    head = ["facts", "full refresh, s", "incremental, s", "goal", "full / incremental"]
    command = "`python tests/bench/dbt_incremental.py --facts ... > docs/performance/dbt.jsonl`"
    return ["## dbt: incremental builds", *_table(head, rows), f"- {command}", ""]


def _bars(
    path: Path, values: list[Result], order: list[str] | None, title: str, *, stacked: bool = True
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {} if stacked else {"yOffset": "part:N"}
    chart = (
        alt.Chart(pd.DataFrame(values))
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title=title),
            y=alt.Y("system:N", sort=order, title=None, axis=alt.Axis(labelLimit=400)),
            color=alt.Color("part:N", title=None),
            **options,
        )
        .properties(width=560)
        .configure(background="white")
    )
    chart.save(str(path))


if __name__ == "__main__":
    typer.run(main)
