"""The figures as Vega-Lite: nothing to fetch, units on the axes, marks where the rows say."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from txwatch.console import figures
from txwatch.console.queries.alerts import Alert, Payment, RuleBin
from txwatch.console.queries.ledger import Bin
from txwatch.console.queries.quarantine import ReasonCount
from txwatch.console.windows import WINDOWS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORTEST = WINDOWS[0]


def alert(latitude: float, longitude: float) -> Alert:
    return Alert(
        "t1", NOON, NOON, "high", ["r"], {"r": {}}, "c1", None, None, "<b>x</b>", None,
        Decimal("10.50"), "EUR", "DE", "chip", "d", latitude, longitude,
    )  # fmt: skip


def rows_of(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """All inline rows of a chart."""
    return [row for rows in specification["datasets"].values() for row in rows]


def all_figures() -> list[figures.Figure]:
    payment = Payment("t1", NOON, Decimal(5), "EUR", "DE", True, ["r"])
    return [
        figures.throughput([Bin(NOON, 5.0, 100.0, 200.0)]),
        figures.latency([Bin(NOON, 5.0, 100.0, 200.0)]),
        figures.alerts_by_rule([RuleBin(NOON, "r", 2)], ["r"], SHORTEST, NOON),
        figures.world_map([alert(1.0, 2.0)]),
        figures.held_by_reason([ReasonCount("not_json", 3)]),
        figures.timeline([payment], alert(1.0, 2.0)),
        figures.throughput([]),
        figures.latency([]),
        figures.alerts_by_rule([], [], SHORTEST, NOON),
        figures.world_map([]),
        figures.timeline([], alert(1.0, 2.0)),
    ]


@pytest.mark.parametrize("figure", all_figures())
def test_a_figure_holds_its_data_and_names_no_address(figure: figures.Figure) -> None:
    specification = figure.to_dict()
    specification.pop("$schema")  # the name of the language, which no browser fetches
    assert "://" not in json.dumps(specification)


def test_alerts_of_one_bin_are_stacked_and_rules_keep_their_colour() -> None:
    bins = [RuleBin(NOON, "b", 3), RuleBin(NOON, "c", 2)]
    specification = figures.alerts_by_rule(bins, ["a", "b", "c"], SHORTEST, NOON).to_dict()
    assert [(row["rule"], row["from"], row["to"]) for row in rows_of(specification)] == [
        ("b", 0, 3),
        ("c", 3, 5),
    ]
    assert specification["encoding"]["color"]["scale"]["domain"] == ["a", "b", "c"]
    assert specification["encoding"]["y"]["title"] == "alerts per 5 s"


def test_only_places_on_earth_are_drawn() -> None:
    specification = figures.world_map([alert(90.0, -180.0), alert(90.1, 0.0), alert(0.0, 180.5)]).to_dict()
    placed = [row for row in rows_of(specification) if "latitude" in row]
    assert [(row["latitude"], row["longitude"], row["amount"]) for row in placed] == [
        (90.0, -180.0, "10.50 EUR")
    ]


def test_land_is_where_land_is() -> None:
    """Count crossings to the east (a point in a ring has an odd number): an oracle that draws nothing."""

    def is_land(longitude: float, latitude: float) -> bool:
        rings = [ring for polygon in figures.LAND["coordinates"] for ring in polygon]
        crossings = 0
        for ring in rings:
            for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
                if (y1 > latitude) != (y2 > latitude):
                    crossings += longitude < x1 + (latitude - y1) * (x2 - x1) / (y2 - y1)
        return crossings % 2 == 1

    on_land = {
        "Berlin": (13.4, 52.5),
        "Denver": (-105, 39.7),
        "Alice Springs": (133.9, -23.7),
        "Nairobi": (36.8, -1.3),
    }
    at_sea = {"Atlantic": (-30, 30), "Pacific": (-150, 0), "Indian Ocean": (80, -20), "Caspian Sea": (51, 42)}
    assert {name for name, place in on_land.items() if not is_land(*place)} == set()
    assert {name for name, place in at_sea.items() if is_land(*place)} == set()


@pytest.mark.parametrize(
    ("span", "expected"),
    [(timedelta(minutes=2), "%H:%M:%S"), (timedelta(hours=3), "%H:%M"), (timedelta(days=9), "%d %b, %H:%M")],
)
def test_a_timelines_ticks_can_be_told_apart(span: timedelta, expected: str) -> None:
    around = [Payment("t", at, Decimal(1), "EUR", "DE", False, []) for at in (NOON, NOON + span)]
    assert figures.time_pattern(around) == expected
