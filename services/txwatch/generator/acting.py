"""What all fraud scenarios are made of: steps in time, victims, and payments in person or over the net."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from txwatch.generator.clock import DAY_MS, HOUR_MS
from txwatch.generator.payments import ONLINE, WALLET, Payments, local_cents
from txwatch.world import World
from txwatch.world.choice import Floats, Indices
from txwatch.world.devices import STRANGERS, Device, own_device
from txwatch.world.geography import CITY_COUNTRY, CITY_LATITUDE, CITY_LONGITUDE, COUNTRIES
from txwatch.world.trade import CATEGORY_MEDIAN_USD, CATEGORY_SIGMA


@dataclass(frozen=True)
class Script:
    """Payments of many instances, those of one instance in order.

    Attributes:
        ms_of_day: when each happens, milliseconds after midnight UTC.
        payments: what each is.
        is_fraud: false for what the rightful owner does in between.
    """

    ms_of_day: Indices
    payments: Payments
    is_fraud: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Steps:
    """Which instance each payment belongs to, and its place among the instance's payments, from 0."""

    instance: Indices
    ordinal: Indices

    @classmethod
    def draw(cls, draw: np.random.Generator, instances: int, least: int, most: int) -> "Steps":
        """Give every instance between `least` and `most` payments."""
        sizes = draw.integers(least, most + 1, size=instances)
        first = np.cumsum(sizes) - sizes
        return cls(np.repeat(np.arange(instances), sizes), np.arange(sizes.sum()) - np.repeat(first, sizes))

    def __len__(self) -> int:
        return len(self.instance)

    def times(self, draw: np.random.Generator, start_ms: Indices, mean_gap_ms: float) -> Indices:
        """Return moments that follow each other within an instance, moved forward to end before midnight."""
        gaps = np.where(self.ordinal == 0, 0.0, draw.exponential(mean_gap_ms, size=len(self)))
        running = np.cumsum(gaps)
        since_start = running - running[self.ordinal == 0][self.instance]
        length = np.zeros(len(start_ms))
        np.maximum.at(length, self.instance, since_start)
        latest_start = np.maximum(DAY_MS - 1 - length, 0)
        moments = np.minimum(start_ms, latest_start)[self.instance] + since_start
        ended: Indices = np.minimum(moments, DAY_MS - 1).astype(np.int64)
        return ended


def waking_ms(world: World, draw: np.random.Generator, customer: Indices) -> Indices:
    """Return moments between nine and nine by the customers' own clocks."""
    own_ms = (9 * HOUR_MS + draw.random(len(customer)) * 12 * HOUR_MS).astype(np.int64)
    return (own_ms - world.customers.clock[customer] * HOUR_MS) % DAY_MS


def any_ms(draw: np.random.Generator, count: int) -> Indices:
    """Return moments of the day, all equally likely."""
    return draw.integers(0, DAY_MS, size=count)


def victims(world: World, draw: np.random.Generator, count: int) -> Indices:
    """Choose customers, all equally likely."""
    chosen: Indices = draw.integers(0, len(world.customers), size=count)
    return chosen


def new_devices(draw: np.random.Generator, count: int) -> Indices:
    """Return device numbers that no customer owns."""
    return STRANGERS + draw.integers(0, STRANGERS, size=count)


def usual_usd(world: World, draw: np.random.Generator, customer: Indices, merchant: Indices) -> Floats:
    """Return what the customers would usually pay these merchants, in US dollars."""
    category = world.merchants.category[merchant]
    spread = np.exp(CATEGORY_SIGMA[category] * draw.standard_normal(len(customer)))
    usd: Floats = CATEGORY_MEDIAN_USD[category] * world.customers.spend[customer] * spread
    return usd


def in_person(world: World, customer: Indices, merchant: Indices, usd: Floats, method: Indices) -> Payments:
    """Return payments with the customers' cards in the merchants' shops."""
    kind = np.full(len(customer), Device.CARD, dtype=np.int64)
    country = world.merchants.country[merchant]
    return Payments(
        customer=customer,
        merchant=merchant,
        cents=local_cents(usd, country),
        currency=country,
        latitude=world.merchants.latitude[merchant],
        longitude=world.merchants.longitude[merchant],
        country=country,
        device_kind=kind,
        device=own_device(customer, kind),
        method=method,
    )


def remote(
    world: World,
    customer: Indices,
    merchant: Indices,
    *,
    usd: Floats,
    city: Indices,
    device: Indices,
    kind: Device,
) -> Payments:
    """Return payments over the net from a city, with devices of one kind that are not the customers'."""
    currency = world.customers.country[customer]
    return Payments(
        customer=customer,
        merchant=merchant,
        cents=local_cents(usd, currency),
        currency=currency,
        latitude=CITY_LATITUDE[city],
        longitude=CITY_LONGITUDE[city],
        country=CITY_COUNTRY[city],
        device_kind=np.full(len(customer), kind, dtype=np.int64),
        device=device,
        method=np.full(len(customer), WALLET if kind is Device.PHONE else ONLINE, dtype=np.int64),
    )


def anywhere_online(world: World, draw: np.random.Generator, count: int) -> Indices:
    """Choose shops on the net, of any country."""
    every = np.zeros(count, dtype=np.int64)
    return world.merchants.online.pick(every, every + len(COUNTRIES) - 1, draw.random(count))


def shops(world: World, draw: np.random.Generator, city: Indices) -> Indices:
    """Choose shops to walk into, one in each given city."""
    return world.merchants.in_person.pick(city, city, draw.random(len(city)))


def all_fraud(ms_of_day: Indices, payments: Payments) -> Script:
    """Return a script in which every payment is fraud."""
    return Script(ms_of_day, payments, np.ones(len(payments), dtype=bool))
