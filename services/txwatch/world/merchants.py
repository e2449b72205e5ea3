"""The merchants of the world: what they sell, where they stand, how popular they are."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from txwatch.world.choice import Floats, GroupedChoice, Indices
from txwatch.world.customers import SUBURB_DEGREES
from txwatch.world.geography import CITIES, CITY_COUNTRY, CITY_LATITUDE, CITY_LONGITUDE, CITY_SHARE, COUNTRIES
from txwatch.world.identity import Bytes, entity_ids, salt, uuid_text
from txwatch.world.trade import CATEGORIES, CATEGORY_IS_ONLINE, CATEGORY_SALES

POPULARITY_SIGMA = 1.1
"""Spread of the log-normal popularity: a few merchants of a city take most of its payments."""


@dataclass(frozen=True)
class Merchants:
    """Columns of equal length, one entry per merchant.

    Attributes:
        ids: UUIDs, shape (n, 16).
        id_text: the same as text.
        city: where it stands, an index into CITIES.
        latitude: degrees.
        longitude: degrees.
        category: index into CATEGORIES.
        popularity: relative number of payments among merchants in reach.
        in_person: choice of a shop to walk into, grouped by city.
        online: choice of a shop on the net, grouped by country.
    """

    ids: Bytes
    id_text: pa.StringArray
    city: Indices
    latitude: Floats
    longitude: Floats
    category: Indices
    popularity: Floats
    in_person: GroupedChoice
    online: GroupedChoice

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def country(self) -> Indices:
        """Country of the merchant, an index into COUNTRIES."""
        return CITY_COUNTRY[self.city]


def build_merchants(seed: int, count: int) -> Merchants:
    """Make the merchants of one seed."""
    draw = np.random.Generator(np.random.Philox(key=int(salt(seed, "merchants"))))
    city = draw.choice(len(CITY_SHARE), size=count, p=CITY_SHARE)
    category = _categories(draw.random(count))
    popularity = draw.lognormal(0.0, POPULARITY_SIGMA, size=count)
    is_online = CATEGORY_IS_ONLINE[category]
    ids = entity_ids(seed, "merchant", np.arange(count))
    return Merchants(
        ids=ids,
        id_text=uuid_text(ids),
        city=city,
        latitude=np.round(CITY_LATITUDE[city] + SUBURB_DEGREES * draw.standard_normal(count), 5),
        longitude=np.round(CITY_LONGITUDE[city] + SUBURB_DEGREES * draw.standard_normal(count), 5),
        category=category,
        popularity=popularity,
        in_person=_choice(~is_online, city, popularity, len(CITIES)),
        online=_choice(is_online, CITY_COUNTRY[city], popularity, len(COUNTRIES)),
    )


def _categories(uniform: Floats) -> Indices:
    """Choose categories by their share of sales; the first merchants of all draws may be of any."""
    running = np.cumsum(CATEGORY_SALES / CATEGORY_SALES.sum())
    return np.minimum(np.searchsorted(running, uniform, side="right"), len(CATEGORIES) - 1).astype(np.int64)


def _choice(kept: np.ndarray, groups: Indices, weights: Floats, group_count: int) -> GroupedChoice:
    """Group the merchants that are `kept`; where a tiny world has none of them, all."""
    chosen = np.flatnonzero(kept) if kept.any() else np.arange(len(kept))
    return GroupedChoice.build(chosen, groups[chosen], weights[chosen], group_count)
