"""The page of figures, made of the result files that are kept: docs/performance.md and its plots.

    python tests/bench/report.py

What lies between the two markers of the page is written anew; the rest of it is written by hand and stays.
"""

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import altair as alt
import pandas as pd
import typer
from goals import Goal, against_others, goals, ours_against, spread
from results import Result, of_kind, read
from systems import NAMES

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- figures: made by `make bench-report` -->"
END = "<!-- end of figures -->"
_LEAST_SOAK_SECONDS = 900
_PLOTTED_RATE = 2000
_PADDING = {"left": 70, "top": 5, "right": 5, "bottom": 5}
"""Of a plot, pixels: a browser's font is wider than the one by which labels were measured."""
_PARTS = ("client", "postgres", "broker")


def main(
    results: Annotated[Path, typer.Option(help="Folder of result files.")] = ROOT / "docs" / "performance",
    page: Annotated[Path, typer.Option(help="The page to write.")] = ROOT / "docs" / "performance.md",
) -> None:
    """Write the page and its plots."""
    documents = read(results)
    images = page.parent / "images"
    sections = {
        "drain": _drain,
        "latency": _latency,
        "flatness": _flatness,
        "generator": _generator,
        "bad_input": _bad_input,
        "dbt": _dbt,
        "postgres": _postgres,
    }
    written = ["## Goals", *_goals(goals(documents))]
    for kind, section in sections.items():
        if found := of_kind(documents, kind):
            written += [*section(found, images), *_provenance(documents, kind)]
    _insert(page, "\n".join(written))


def _insert(page: Path, text: str) -> None:
    whole = page.read_text() if page.is_file() else f"# Performance\n\n{BEGIN}\n{END}\n"
    head, _, rest = whole.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def _provenance(documents: list[Result], kind: str) -> list[str]:
    """Say by which commands, when and where."""
    lines = []
    for document in documents:
        if document["kind"] != kind:
            continue
        machine = document["machine"]
        lines.append(
            f"- `python tests/bench/{document['command']}`, {document['ended_at']}, "
            f"{machine['processors']} processors, load average at the end {machine['load_average'][0]}"
            + "".join(
                f"; {NAMES[name]}, as it is now, in another run" for name in document.get("superseded", ())
            )
        )
    return ["", *lines, ""]


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return ["", *lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _goals(found: Iterable[Goal]) -> list[str]:
    return _table(["", "goal", "measured", ""], [goal.row() for goal in found])


def _drain(results: list[Result], images: Path) -> list[str]:
    names = [name for name in NAMES if any(result["system"] == name for result in results)]
    own = {name: [result for result in results if result["system"] == name] for name in names}
    rows = [_drain_row(name, own[name], *ours_against(results, name)) for name in names]
    head = ["system", "rows/s", "CPU µs/row", *_PARTS, "WAL bytes/row", "client's RSS, MiB", "load avg"]
    head += ["rate, ours / it", "CPU, ours / it"]
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
        "Ours is the driver's sink, divided by the line's system in each turn that both had.",
        "",
        "![CPU per row of every system](images/performance-cpu.svg)",
        "![rows per second of every system](images/performance-rate.svg)",
        "",
        *_executors([goal for goal in against_others(results, "executors") if goal.is_measured]),
    ]


def _drain_row(name: str, own: list[Result], rates: list[float], cpu: list[float]) -> list[str]:
    loads = [result["load_average"] for result in own if "load_average" in result]
    return [
        NAMES[name],
        spread([result["rows_per_second"] for result in own], ",.0f"),
        spread([result["cpu_us_per_row"]["total"] for result in own], ".1f"),
        *(f"{median(result['cpu_us_per_row'][part] for result in own):.1f}" for part in _PARTS),
        f"{median(result['wal_bytes_per_row'] for result in own):,.0f}",
        f"{max(result['rss_mib'] for result in own):,.0f}",
        _median_or_empty(loads, ".1f"),
        _median_or_empty(rates, ".2f"),
        _median_or_empty(cpu, ".2f"),
    ]


def _median_or_empty(values: list[float], form: str) -> str:
    return format(median(values), form) if values else ""


def _executors(found: list[Goal]) -> list[str]:
    return ["The executors' sink against the others:", *_goals(found)] if found else []


def _latency(results: list[Result], images: Path) -> list[str]:
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
    slow = [result for result in results if result["rate"] <= _PLOTTED_RATE]  # a backlog would dwarf them
    _bars(
        images / "performance-latency.svg",
        [
            {
                "system": f"{NAMES[r['system']]}, {r['checkpoint']}, {r['rate']:,.0f}/s",
                "part": name,
                "value": r["latency_ms"][name],
            }
            for r in slow or results
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
        *_soaks(results),
    ]


def _soaks(results: list[Result]) -> list[str]:
    """What grows in a long run, and what does not."""
    lines = []
    for result in results:
        if result["seconds"] < _LEAST_SOAK_SECONDS:
            continue
        parts = result["parts"]
        rows = [
            (
                f"{number} of {len(parts)}",
                *(f"{part['latency_ms'][name]:,.0f}" for name in ("p50", "p99")),
                f"{part['batch_ms']:,.0f}",
                *(f"{size:,.0f}" for size in part["rss_mib"].values()),
            )
            for number, part in enumerate(parts, start=1)
        ]
        head = ["part", "p50", "p99", "commit to commit", *(f"{name}'s RSS" for name in parts[0]["rss_mib"])]
        load = f"{result['rate']:,.0f} records per second for {result['seconds'] / 60:,.0f} minutes"
        lines += ["", f"{NAMES[result['system']]}, {load}, in equal parts:", *_table(head, rows)]
        if heap := result.get("live_heap_mib"):
            lines.append(
                f"After a collection, the JVM's heap held {heap['before']:,.0f} MiB before it and "
                f"{heap['after']:,.0f} MiB after it."
            )
    return lines


def _flatness(results: list[Result], _: Path) -> list[str]:
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
                    spread([r["rows_per_second"] for r in own], ",.0f"),
                    spread([r["cpu_us_per_row"]["total"] for r in own], ".1f"),
                    spread(shares, ".2f"),
                )
            )
    head = ["system", "facts before", "rows/s", "CPU µs/row", "rate against the first"]
    return ["## Facts that are there already", *_table(head, rows)]


def _generator(results: list[Result], _: Path) -> list[str]:
    named = {
        "ours": "txwatch generate",
        "naive": "naive loop",
        "raw": "librdkafka alone, records made before",
    }
    rows = []
    for name, text in named.items():
        own = [result for result in results if result["system"] == name]
        rates = [result["records"] / result["seconds"] for result in own]
        rows.append(
            (text, spread(rates, ",.0f"), spread([result["cpu_us_per_row"] for result in own], ".2f"))
        )
    return ["## Generator", *_table(["", "records/s", "CPU µs/record"], rows)]


def _bad_input(results: list[Result], _: Path) -> list[str]:
    rows = []
    for load in ("clean", "mixed"):
        own = [result for result in results if result["load"] == load]
        rates = [result["good_rows"] / result["seconds"] for result in own]
        rows.append((load, spread(rates, ",.0f"), f"{own[0]['quarantined']:,}"))
    return [
        "## Malformed records among good ones",
        *_table(["", "good rows/s", "quarantined in a drain"], rows),
    ]


def _dbt(results: list[Result], _: Path) -> list[str]:
    rows = [
        (
            f"{result['facts']:,}",
            f"{result['full_seconds']:.1f}",
            spread(result["incremental_seconds"], ".1f"),
            spread([result["full_seconds"] / each for each in result["incremental_seconds"]], ".1f"),
        )
        for result in results
    ]
    head = ["facts", "full refresh, s", "incremental, s", "full / incremental"]
    return ["## dbt: incremental builds", *_table(head, rows)]


def _postgres(results: list[Result], _: Path) -> list[str]:
    lines = ["## Where Postgres' time goes", "", "By `pg_stat_statements`, µs per row of one warm drain:"]
    for result in results:
        statements = [
            (
                f"`{each['statement'].partition('(')[0].strip()}`",
                f"{each['calls']:,}",
                f"{each['us_per_row']:.2f}",
                f"{each['wal_bytes_per_row']:,.0f}",
            )
            for each in result["statements"]
        ]
        head = [NAMES[result["system"]], "calls", "µs per row", "WAL bytes per row"]
        seen = {state: share for state, share in result["samples"].items() if round(share, 2)}
        shares = ", ".join(f"{state} {share:.0%}" for state, share in seen.items())
        lines += [*_table(head, statements), f"Its backends, looked at every 10 ms: {shares}."]
    return lines


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
        .properties(width=560, padding=_PADDING)
        .configure(background="white")
    )
    chart.save(str(path))


if __name__ == "__main__":
    typer.run(main)
