"""The customers of the world: where they live, when they are awake, what they spend."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from txwatch.world.choice import Floats, GroupedChoice, Indices
from txwatch.world.geography import CITY_COUNTRY, CITY_LATITUDE, CITY_LONGITUDE, CITY_SHARE, CITY_UTC_HOURS
from txwatch.world.identity import Bytes, entity_ids, salt, uuid_text
from txwatch.world.rhythm import CHRONOTYPE_SHARE, CHRONOTYPE_SHIFT_HOURS, HOURS, clock_group

SEGMENTS = ("student", "standard", "affluent", "business")
SEGMENT_SHARE = np.array([0.15, 0.60, 0.18, 0.07])
SEGMENT_SPEND = np.array([0.6, 1.0, 1.9, 2.6])

SUBURB_DEGREES = 0.08
"""Standard deviation of a home's or shop's distance from its city's centre."""


@dataclass(frozen=True)
class Customers:
    """Columns of equal length, one entry per customer.

    Attributes:
        ids: UUIDs, shape (n, 16).
        id_text: the same as text.
        city: home, an index into CITIES.
        latitude: home, degrees.
        longitude: home, degrees.
        segment: index into SEGMENTS.
        spend: how much larger than usual the customer's payments are, a factor around 1.
        activity: relative number of payments.
        online_share: share of payments made from home.
        by_clock: choice of a customer by activity, grouped by the hours that their day runs ahead of UTC's.
        clock: each customer's group of `by_clock`.
        by_city: choice of a customer by activity, grouped by home city.
    """

    ids: Bytes
    id_text: pa.StringArray
    city: Indices
    latitude: Floats
    longitude: Floats
    segment: Indices
    spend: Floats
    activity: Floats
    online_share: Floats
    by_clock: GroupedChoice
    clock: Indices
    by_city: GroupedChoice

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def country(self) -> Indices:
        """Home country, an index into COUNTRIES."""
        return CITY_COUNTRY[self.city]


def build_customers(seed: int, count: int) -> Customers:
    """Make the customers of one seed."""
    draw = np.random.Generator(np.random.Philox(key=int(salt(seed, "customers"))))
    city = draw.choice(len(CITY_SHARE), size=count, p=CITY_SHARE)
    segment = draw.choice(len(SEGMENTS), size=count, p=SEGMENT_SHARE)
    activity = draw.lognormal(0.0, 0.6, size=count)
    shift = draw.choice(CHRONOTYPE_SHIFT_HOURS, size=count, p=CHRONOTYPE_SHARE)
    clock = clock_group(CITY_UTC_HOURS[city], shift)
    ids = entity_ids(seed, "customer", np.arange(count))
    return Customers(
        ids=ids,
        id_text=uuid_text(ids),
        city=city,
        latitude=np.round(CITY_LATITUDE[city] + SUBURB_DEGREES * draw.standard_normal(count), 5),
        longitude=np.round(CITY_LONGITUDE[city] + SUBURB_DEGREES * draw.standard_normal(count), 5),
        segment=segment,
        spend=SEGMENT_SPEND[segment] * draw.lognormal(0.0, 0.35, size=count),
        activity=activity,
        online_share=draw.beta(2.0, 5.0, size=count),
        by_clock=GroupedChoice.build(np.arange(count), clock, activity, HOURS),
        clock=clock,
        by_city=GroupedChoice.build(np.arange(count), city, activity, len(CITY_SHARE)),
    )
