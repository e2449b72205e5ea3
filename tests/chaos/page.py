"""Writes docs/chaos.md from the report of the chaos suite.

usage: page.py REPORT PAGE
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

_SINKS = {"driver": "written by the driver's sink", "executors": "written by the executors' sink"}


def page(report: dict[str, Any], source: Path) -> str:
    """Return the whole page of a report that lies in a file."""
    return "\n".join(_lines(report, source)) + "\n"


def _lines(report: dict[str, Any], source: Path) -> Iterator[str]:
    rounds = report["ours"]["rounds"]
    struck = [strike for each in rounds for strike in each["strikes"]]
    times = sorted(each["recovered_after_seconds"] or float("inf") for each in struck)
    yield "# Chaos"
    yield ""
    yield f"Written by `make {source.stem}` from its report, `{source}`; run it again to change this."
    yield ""
    yield (
        f"{len(struck)} faults of {len({strike['fault'] for strike in struck})} kinds in {len(rounds)} round(s), "
        f"order drawn with seed {report['seed']}, under a load of {report['ours']['load']}, "
        f"{_SINKS[report['ours']['sink']]}, on {report['processors']} cores. "
        f"{rounds[-1]['records']:,} records in all."
    )
    yield ""
    yield (
        "After each round the load stops, everything is drained, `txwatch verify` runs, and every fact, alert, "
        "quarantined record, rollup and archived record is compared with an undisturbed run of the same seed: "
        "ids, amounts, verdicts, rules, evidence, raw bytes, Kafka positions."
    )
    yield from _rounds(rounds)
    yield ""
    yield (
        f"Time to recover: median {median(times):.0f} s, longest {times[-1]:.0f} s. It counts from the fault (for a "
        "pause, from its beginning) until a record that Kafka took afterwards was scored and another one archived"
        f"{report['ours']['recovered_when']}. Where Spark has to start anew, that is most of it."
    )
    yield from _strikes(struck, "recovered after, seconds", "never")
    yield from _skipped(report["ours"]["skipped"])
    yield from _not_struck(report, {strike["fault"] for strike in struck})
    if control := report.get("control"):
        yield from _control(control)
    elif "control" in report:
        yield "\nThe control, the common design under such faults, is part of [chaos.md](chaos.md)."
    else:
        yield "\nThe control is not part of this report: `make chaos ARGS='--part control'` adds it."


def _rounds(rounds: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "| round | faults | records so far | facts | alerts | quarantined | rollups | archived | verify | differences |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    for number, each in enumerate(rounds, 1):
        counts = " | ".join(
            f"{each['counts'].get(name, 0):,}"
            for name in ("facts", "alerts", "quarantine", "rollups", "archive")
        )
        balanced = "balanced" if each["balanced"] else "**not balanced**"
        differing = "; ".join(each["differences"]) or "none"
        yield f"| {number} | {len(each['strikes'])} | {each['records']:,} | {counts} | {balanced} | {differing} |"


def _strikes(strikes: list[dict[str, Any]], recovered: str, never: str) -> Iterator[str]:
    yield ""
    yield f"| fault | {recovered} |"
    yield "| --- | --- |"
    names = dict.fromkeys(strike["fault"] for strike in strikes)
    for name in names:
        seconds = [strike["recovered_after_seconds"] for strike in strikes if strike["fault"] == name]
        yield f"| {name} | {', '.join(never if each is None else f'{each:.0f}' for each in seconds)} |"
    for strike in strikes:
        if strike["failure"]:
            yield f"\n**{strike['fault']}**: {strike['failure']}"


def _skipped(skipped: dict[str, str]) -> Iterator[str]:
    if skipped:
        yield ""
        yield "Not done here: " + "; ".join(f"{name} ({reason})" for name, reason in skipped.items()) + "."


def _not_struck(report: dict[str, Any], struck: set[str]) -> Iterator[str]:
    left = [name for name in report["kinds"] if name not in struck and name not in report["ours"]["skipped"]]
    if left:
        yield f"\nKinds that this report does not hold ({len(left)} of {len(report['kinds'])}):\n"
        yield "\n".join(f"* {name}" for name in left)


def _control(control: dict[str, Any]) -> Iterator[str]:
    counted = control["miscount"]
    yield ""
    yield "## The control"
    yield ""
    yield (
        "The same order of faults on the common design (B1x of the bench: `foreachBatch`, two counts, "
        "`write.jdbc`, Spark's checkpoint on S3), on the same servers, wires and supervisor. It gets no malformed "
        "records, which would end it for good, and its table has no primary key, as `write.jdbc` makes it; where "
        "two streams meet, both run for a while, because nothing fences one of them off. Lost is what is due and "
        "not there once no row has come for a minute, whatever keeps it from coming; of that, never read is what was "
        "sent after all that came of its partition:"
    )
    yield ""
    yield "| faults | due rows | found | lost | of these never read | doubled |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    unread = f"{counted['unread']:,}" if "unread" in counted else ""
    yield (
        f"| {len(control['strikes'])} | {counted['due']:,} | {counted['found']:,} | {counted['lost']:,} | {unread} | "
        f"{counted['doubled']:,} |"
    )
    yield ""
    yield (
        "Stuck is where no row came within 90 s after the fault, though everything that had ended was started "
        "again and no obstacle was left:"
    )
    yield from _strikes(control["strikes"], "rows came again after, seconds", "**stuck**")
    yield from _skipped(control["skipped"])


if __name__ == "__main__":
    report_file, page_file = map(Path, sys.argv[1:])
    page_file.write_text(page(json.loads(report_file.read_text()), report_file))
