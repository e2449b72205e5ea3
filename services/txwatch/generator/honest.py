"""Honest payments: who pays whom, where and how much, as the world's customers usually do.

All of a chunk is drawn at once from a generator of its own, so that a chunk can be made without the ones
before it. Shares are made up to look like card traffic; they are fitted to no source.
"""

from collections.abc import Sequence

import numpy as np

from txwatch.generator.clock import DAY_MS, HOUR_MS
from txwatch.generator.payments import CHIP, CONTACTLESS, ONLINE, SWIPE, WALLET, Payments, local_cents
from txwatch.generator.places import Places, broken_positions, whereabouts
from txwatch.world import World
from txwatch.world.choice import Floats, GroupedChoice, Indices
from txwatch.world.devices import Device, own_device
from txwatch.world.geography import CITY_COUNTRY, COUNTRIES, COUNTRY_FIRST_CITY, COUNTRY_LAST_CITY
from txwatch.world.identity import salt, uniform
from txwatch.world.rhythm import HOURS, hour_weights
from txwatch.world.trade import CATEGORY_MEDIAN_USD, CATEGORY_SIGMA

SAME_CITY_SHARE = 0.9
"""In-person payments made in the city where the customer is; the others anywhere in that country."""
SAME_COUNTRY_SHARE = 0.85
"""Online payments to merchants of the customer's own country; the others to any."""
FAVOURITE_SHARE = 0.6
"""Payments to one of the few merchants that a customer goes to again and again."""
FAVOURITES = 8
BROKEN_POSITION_SHARE = 0.0002
"""Honest payments with an impossible position: a terminal's or a phone's fault."""

_IN_PERSON_METHODS = np.array([CHIP, CONTACTLESS, SWIPE, WALLET])
_IN_PERSON_RUNNING = np.cumsum([0.40, 0.38, 0.07, 0.15])
_BROWSER_SHARE = 0.5
_ONLINE_WALLET_SHARE = 0.2


def clock_choice(world: World) -> GroupedChoice:
    """Return the choice of a clock group by UTC hour, as many of its customers are awake."""
    weights = hour_weights() * world.customers.by_clock.group_weights()
    hour, group = np.divmod(np.arange(HOURS * HOURS), HOURS)
    return GroupedChoice.build(group, hour, weights.ravel(), HOURS)


def honest_payments(
    world: World, clocks: GroupedChoice, draw: np.random.Generator, occurred_ms: Indices
) -> Payments:
    """Make one honest payment for each moment.

    Args:
        world: whose customers pay.
        clocks: `clock_choice(world)`.
        draw: the chunk's own generator.
        occurred_ms: the moments, milliseconds since 1970.
    """
    of_clock, of_customer, of_channel, of_fault, of_position, of_means, *of_merchant = draw.random(
        (9, len(occurred_ms))
    )
    hour = occurred_ms % DAY_MS // HOUR_MS
    clock = clocks.pick(hour, hour, of_clock)
    customer = world.customers.by_clock.pick(clock, clock, of_customer)
    where = whereabouts(world, customer, occurred_ms)
    is_online = of_channel < world.customers.online_share[customer]
    merchant = _merchants(world, customer, where, is_online, of_merchant)
    kind, method = _means(is_online, of_means)
    country = np.where(is_online, CITY_COUNTRY[where.city], world.merchants.country[merchant])
    currency = np.where(is_online, world.customers.country[customer], country)
    category = world.merchants.category[merchant]
    typical = CATEGORY_MEDIAN_USD[category] * world.customers.spend[customer]
    payments = Payments(
        customer=customer,
        merchant=merchant,
        cents=local_cents(
            typical * np.exp(CATEGORY_SIGMA[category] * draw.standard_normal(len(hour))), currency
        ),
        currency=currency,
        latitude=np.where(is_online, where.latitude, world.merchants.latitude[merchant]),
        longitude=np.where(is_online, where.longitude, world.merchants.longitude[merchant]),
        country=country,
        device_kind=kind,
        device=own_device(customer, kind),
        method=method,
    )
    broken_positions(payments, of_fault < BROKEN_POSITION_SHARE, of_position)
    return payments


def _merchants(
    world: World, customer: Indices, where: Places, is_online: np.ndarray, chances: Sequence[Floats]
) -> Indices:
    """Choose whom to pay, given uniform numbers for the distance, the habit and the merchant."""
    of_distance, of_habit, of_merchant = chances
    country, home = CITY_COUNTRY[where.city], world.customers.country[customer]
    is_near, is_domestic = of_distance < SAME_CITY_SHARE, of_distance < SAME_COUNTRY_SHARE
    chance = _with_favourites(world, customer, of_habit, of_merchant)
    shops = world.merchants.in_person.pick(
        np.where(is_near, where.city, COUNTRY_FIRST_CITY[country]),
        np.where(is_near, where.city, COUNTRY_LAST_CITY[country]),
        chance,
    )
    sites = world.merchants.online.pick(
        np.where(is_domestic, home, 0), np.where(is_domestic, home, len(COUNTRIES) - 1), chance
    )
    return np.where(is_online, sites, shops)


def _with_favourites(world: World, customer: Indices, habit: Floats, chance: Floats) -> Floats:
    """Return the numbers to choose merchants by: a customer's few recurring ones, or fresh chance."""
    favourite = (FAVOURITES * (habit / FAVOURITE_SHARE) ** 2).astype(np.int64)
    recurring = uniform(customer * FAVOURITES + favourite, salt(world.seed, "favourite"))
    return np.where(habit < FAVOURITE_SHARE, recurring, chance)


def _means(is_online: np.ndarray, chance: Floats) -> tuple[Indices, Indices]:
    """Return the kinds of device and the payment methods."""
    in_person = _IN_PERSON_METHODS[np.searchsorted(_IN_PERSON_RUNNING[:-1], chance, side="right")]
    method = np.where(is_online, np.where(chance < _ONLINE_WALLET_SHARE, WALLET, ONLINE), in_person)
    uses_browser = is_online & (chance > 1 - _BROWSER_SHARE)
    uses_phone = (method == WALLET) | (is_online & ~uses_browser)
    return np.where(uses_phone, Device.PHONE, np.where(uses_browser, Device.BROWSER, Device.CARD)), method
