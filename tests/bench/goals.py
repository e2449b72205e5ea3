"""What is asked of txwatch's figures, and how what was measured compares."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from results import Result, of_kind

_MOST_MEMORY_MIB = 1536
_AGAINST = {
    "b1x": ("B1x", 4.0, 3.5),
    "b1": ("B1", 2.5, 2.5),
    "b2": ("B2", 2.0, 2.0),
    "b3": ("B3", 2.0, 2.0),
}
"""By opponent: its short name, CPU per row theirs/ours, drain rate ours/theirs."""


@dataclass(frozen=True)
class Goal:
    """A figure that is asked for, and its measured values."""

    what: str
    sign: str
    """`>=` or `<=`."""
    bound: float
    values: list[float]
    form: str = ".2f"

    @property
    def is_measured(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.values)

    @property
    def is_met(self) -> bool:
        """The median is what counts."""
        compare = operator.ge if self.sign == ">=" else operator.le
        return bool(compare(median(self.values), self.bound))

    def row(self) -> tuple[str, str, str, str]:
        """Return what, goal, measured, verdict."""
        wanted = f"{self.sign} {self.bound:,g}"
        if not self.is_measured:
            return self.what, wanted, "", "not measured"
        return self.what, wanted, spread(self.values, self.form), "met" if self.is_met else "missed"


def spread(values: list[float], form: str) -> str:
    """Write the median and, of several, the range."""
    middle = format(median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def goals(documents: list[Result]) -> list[Goal]:
    """Return all goals, those included of which nothing was measured."""
    drains = of_kind(documents, "drain")
    return [
        *against_others(drains, "ours"),
        *_latency(of_kind(documents, "latency")),
        *_flatness(of_kind(documents, "flatness")),
        *_producers(of_kind(documents, "generator")),
        *_others(documents),
        *_memory(drains),
    ]


def against_others(drains: list[Result], mode: str) -> list[Goal]:
    """Compare a mode of ours (`ours`, `executors`) with each other system, turn by turn."""
    found = []
    for name, (short, cpu, rate) in _AGAINST.items():
        found.append(Goal(f"CPU per row, {short} / ours", ">=", cpu, _turns(drains, name, mode, _cpu)))
        found.append(Goal(f"drain rate, ours / {short}", ">=", rate, _turns(drains, mode, name, _rate)))
    found.append(Goal("drain rate, ours / L1", ">=", 0.7, _turns(drains, mode, "l1", _rate)))
    return found


def ours_against(drains: list[Result], name: str) -> tuple[list[float], list[float]]:
    """Divide our drain rate, and our CPU per row, by those of a system, turn by turn."""
    return _turns(drains, "ours", name, _rate), _turns(drains, "ours", name, _cpu)


def _producers(results: list[Result]) -> list[Goal]:
    """Compare the generator with a naive loop and with the bare client."""
    return [
        Goal("generator's rate, ours / naive loop", ">=", 7.0, _turns(results, "ours", "naive", _sent)),
        Goal("generator's rate, ours / bare client", ">=", 0.5, _turns(results, "ours", "raw", _sent)),
    ]


def _latency(results: list[Result]) -> list[Goal]:
    own = [
        result["latency_ms"]
        for result in results
        if (result["system"], result["rate"], result["checkpoint"]) == ("ours", 1000, "s3")
    ]
    return [
        Goal(
            f"latency at 1,000/s, S3 checkpoint, {name}, ms", "<=", most, [each[name] for each in own], ",.0f"
        )
        for name, most in (("p50", 250.0), ("p99", 1000.0))
    ]


def _memory(drains: list[Result]) -> list[Goal]:
    sizes = [drain["rss_mib"] for drain in drains if drain["system"] == "ours"]
    largest = [float(max(sizes))] if sizes else []
    return [
        Goal("largest memory at full drain, JVM and Python, MiB", "<=", _MOST_MEMORY_MIB, largest, ",.0f")
    ]


def _flatness(results: list[Result]) -> list[Goal]:
    empty = {(r["run"], r["round"]): r for r in results if r["facts_before"] == 0 and r["system"] == "ours"}
    shares = [
        _rate(r) / _rate(empty[r["run"], r["round"]])
        for r in results
        if r["facts_before"] >= 10_000_000 and r["system"] == "ours" and (r["run"], r["round"]) in empty
    ]
    return [Goal("drain rate, 10 million facts there / none", ">=", 0.9, shares)]


def _others(documents: list[Result]) -> list[Goal]:
    builds = [
        result["full_seconds"] / seconds
        for result in of_kind(documents, "dbt")
        if result["facts"] >= 6_000_000
        for seconds in result["incremental_seconds"]
    ]
    drains = [result | {"system": result["load"]} for result in of_kind(documents, "bad_input")]
    good = _turns(drains, "mixed", "clean", lambda drain: drain["good_rows"] / drain["seconds"])
    return [
        Goal("dbt at 6 million facts, full / incremental", ">=", 4.0, builds, ".1f"),
        Goal("good rows per second, malformed ones among them / none", ">=", 0.8, good),
    ]


def _turns(results: list[Result], above: str, below: str, figure: Callable[[Result], float]) -> list[float]:
    """Divide a figure of one system by that of another, in each turn that both had."""
    by_turn = {(r["system"], r["run"], r["round"]): figure(r) for r in results}
    return [
        value / by_turn[below, run, number]
        for (system, run, number), value in by_turn.items()
        if system == above and (below, run, number) in by_turn
    ]


def _cpu(drain: Result) -> float:
    return float(drain["cpu_us_per_row"]["total"])


def _rate(drain: Result) -> float:
    return float(drain["rows_per_second"])


def _sent(result: Result) -> float:
    return float(result["records"] / result["seconds"])
