"""From facts to marts: the daily revenue against the facts and labels that it was built from. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from txwatch.warehouse.verify.check import Check
from txwatch.warehouse.verify.inputs import MartReading, Revenue, RevenueKey

REVENUE = "facts = daily revenue"
HORIZON = "daily revenue: built to its horizon"
REBUILD = "`txwatch transform --full-refresh` builds the marts anew from the facts"


def mart_checks(reading: MartReading | None) -> list[Check]:
    """Compare the mart with what it was built from; what came later makes it behind, not wrong."""
    if reading is None:
        return [Check(REVENUE, 0, 0, note="no mart has been built yet: `txwatch transform` builds them")]
    checks = [
        Check(
            REVENUE,
            _gross(reading.facts),
            _gross(reading.mart),
            tuple(revenue_differences(reading.facts, reading.mart)),
            f"first settle the facts' own lines above; then {REBUILD}",
            _behind(reading),
        )
    ]
    if reading.due_to is not None:
        checks.append(
            Check(
                HORIZON,
                reading.due_to,
                reading.built_to,
                way_out="a build is at work or has ended half-way: let it end, or run `txwatch transform`, "
                f"and verify again; if this stays, days are lost from the mart: {REBUILD}",
            )
        )
    return checks


def revenue_differences(
    facts: Mapping[RevenueKey, Revenue], mart: Mapping[RevenueKey, Revenue]
) -> Iterable[str]:
    """Name each figure of a currency and day that is not the same on both sides."""
    for key in sorted(facts.keys() | mart.keys()):
        wanted, found = facts.get(key, Revenue()), mart.get(key, Revenue())
        if wanted != found:
            figures = ", ".join(
                f"{name.replace('_', ' ')} {ours} in facts, {theirs} in mart"
                for name, ours, theirs in zip(Revenue._fields, wanted, found, strict=True)
                if ours != theirs
            )
            yield f"{key.currency} {key.day}: {figures}"


def _gross(revenue: Mapping[RevenueKey, Revenue]) -> Decimal:
    """Sum over currencies too: no sum of money, but a figure that must be the same on both sides."""
    return sum((each.gross for each in revenue.values()), Decimal(0))


def _behind(reading: MartReading) -> str:
    """Say what is not in the mart yet; empty where it holds everything."""
    later = [
        f"{reading.later_facts:,} facts of {reading.later_batches:,} later batches"
        if reading.later_facts
        else "",
        f"{reading.later_labels:,} later labels" if reading.later_labels else "",
    ]
    named = " and ".join(part for part in later if part)
    return f"behind by {named}: `txwatch transform`, or the next daily run, catches up" if named else ""
