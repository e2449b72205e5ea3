"""Where customers are: at home, or now and then on a journey; and positions that cannot be."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from txwatch.generator.clock import DAY_MS
from txwatch.generator.payments import Payments
from txwatch.world import World
from txwatch.world.choice import Floats, Indices
from txwatch.world.geography import CITIES, CITY_LATITUDE, CITY_LONGITUDE
from txwatch.world.identity import mix64, salt, uniform

WEEK_MS = 7 * DAY_MS
JOURNEY_SHARE = 0.03
"""Customers who spend a given week in another city, mostly abroad."""
_WEEKS = 1 << 20


@dataclass(frozen=True)
class Places:
    """Positions with the city they belong to: columns of equal length."""

    city: Indices
    latitude: Floats
    longitude: Floats


def whereabouts(world: World, customer: Indices, occurred_ms: Indices) -> Places:
    """Return where customers are at the given moments: a pure function of customer and week."""
    homes = world.customers
    outing = customer * _WEEKS + occurred_ms // WEEK_MS
    is_away = uniform(outing, salt(world.seed, "journey")) < JOURNEY_SHARE
    chance = mix64(outing, salt(world.seed, "destination"))
    city = (chance % np.uint64(len(CITIES))).astype(np.int64)
    return Places(
        city=np.where(is_away, city, homes.city[customer]),
        latitude=np.where(is_away, CITY_LATITUDE[city], homes.latitude[customer]),
        longitude=np.where(is_away, CITY_LONGITUDE[city], homes.longitude[customer]),
    )


def broken_positions(payments: Payments, is_broken: npt.NDArray[np.bool_], chance: Floats) -> None:
    """Put the marked payments, in place, at latitudes in (90, 180] or longitudes in (180, 360]."""
    rows = np.flatnonzero(is_broken)
    excess = 1.0 - np.round(chance[rows], 6)
    sign = np.where(rows % 2 == 0, 1.0, -1.0)
    in_latitude = chance[rows] * 2 % 1 < 0.5  # noqa: PLR2004 - a coin toss
    payments.latitude[rows] = np.where(
        in_latitude, sign * np.round(90 + 90 * excess, 5), payments.latitude[rows]
    )
    payments.longitude[rows] = np.where(
        in_latitude, payments.longitude[rows], sign * np.round(180 + 180 * excess, 5)
    )
