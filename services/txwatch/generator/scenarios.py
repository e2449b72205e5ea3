"""Fraud scenarios: how the world's criminals go about it. Each acts out many instances at once.

A scenario gives, for every payment of its instances, the moment of the day and all columns of the payment.
Nothing about a payment says that it is fraud beyond what it does: devices, ids and places look like others'.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from txwatch.generator.acting import (
    Script,
    Steps,
    all_fraud,
    any_ms,
    anywhere_online,
    in_person,
    new_devices,
    remote,
    shops,
    usual_usd,
    victims,
    waking_ms,
)
from txwatch.generator.payments import CHIP, CONTACTLESS, SWIPE, local_cents
from txwatch.generator.places import broken_positions
from txwatch.world import World
from txwatch.world.choice import GroupedChoice, Indices
from txwatch.world.devices import Device
from txwatch.world.geography import CITIES, distances_km
from txwatch.world.trade import category_index

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS

FAR_KM = 3000.0
"""How far apart the places of an impossible journey are, at least."""
_HOME, _FAR = np.nonzero(distances_km() > FAR_KM)
FAR_CITIES = GroupedChoice.build(items=_FAR, groups=_HOME, weights=None, group_count=len(CITIES))
DEAR_CATEGORIES = category_index("4511", "5732", "5944", "6051", "7011")
"""What a high-value one-off buys: flights, electronics, jewellery, quasi cash, hotels."""

TESTERS_WITHOUT_PLACE = 0.3
"""Card-testing machines that hide where they are behind an impossible position."""
TAKEOVERS_WITHOUT_PLACE = 0.15
HIGH_VALUES_WITHOUT_PLACE = 0.1


def stolen_card(world: World, draw: np.random.Generator, count: int) -> Script:
    """A stolen card is spent in the owner's city: five to eleven dear purchases, minutes apart."""
    steps = Steps.draw(draw, count, 5, 11)
    victim = victims(world, draw, count)
    customer = victim[steps.instance]
    merchant = shops(world, draw, world.customers.city[customer])
    usd = 3.0 * usual_usd(world, draw, customer, merchant)
    method = draw.choice([CONTACTLESS, SWIPE], size=len(steps), p=[0.7, 0.3])
    moments = steps.times(draw, waking_ms(world, draw, victim), 8 * MINUTE_MS)
    return all_fraud(moments, in_person(world, customer, merchant, usd, method))


def card_testing(world: World, draw: np.random.Generator, count: int) -> Script:
    """A machine tries out a card number: eight to twenty tiny amounts at one shop, seconds apart."""
    steps = Steps.draw(draw, count, 8, 20)
    customer = victims(world, draw, count)[steps.instance]
    merchant = anywhere_online(world, draw, count)[steps.instance]
    city = draw.integers(0, len(CITIES), size=count)[steps.instance]
    device = new_devices(draw, count)[steps.instance]
    usd = draw.uniform(0.5, 2.0, size=len(steps))
    payments = remote(world, customer, merchant, usd=usd, city=city, device=device, kind=Device.BROWSER)
    broken_positions(
        payments, (draw.random(count) < TESTERS_WITHOUT_PLACE)[steps.instance], draw.random(len(steps))
    )
    return all_fraud(steps.times(draw, any_ms(draw, count), 15 * SECOND_MS), payments)


def account_takeover(world: World, draw: np.random.Generator, count: int) -> Script:
    """A stranger pays from the account: new phone, other country, three to six rising amounts in hours."""
    steps = Steps.draw(draw, count, 3, 6)
    victim = victims(world, draw, count)
    customer = victim[steps.instance]
    merchant = anywhere_online(world, draw, len(steps))
    city = FAR_CITIES.pick(*(world.customers.city[victim],) * 2, draw.random(count))[steps.instance]
    device = new_devices(draw, count)[steps.instance]
    rise = 1.5 ** (1 + steps.ordinal)
    usd = rise * draw.uniform(60.0, 120.0, size=len(steps)) * world.customers.spend[customer]
    payments = remote(world, customer, merchant, usd=usd, city=city, device=device, kind=Device.PHONE)
    broken_positions(payments, draw.random(len(steps)) < TAKEOVERS_WITHOUT_PLACE, draw.random(len(steps)))
    return all_fraud(steps.times(draw, any_ms(draw, count), 25 * MINUTE_MS), payments)


def impossible_travel(world: World, draw: np.random.Generator, count: int) -> Script:
    """The owner pays at home; minutes later a copy of the card pays one to three times far away."""
    steps = Steps.draw(draw, count, 2, 4)
    victim = victims(world, draw, count)
    home = world.customers.city[victim]
    abroad = FAR_CITIES.pick(home, home, draw.random(count))
    is_fraud = steps.ordinal > 0
    customer = victim[steps.instance]
    merchant = shops(world, draw, np.where(is_fraud, abroad[steps.instance], home[steps.instance]))
    usd = np.where(is_fraud, 2.5, 1.0) * usual_usd(world, draw, customer, merchant)
    method = np.where(is_fraud, SWIPE, CHIP)
    moments = steps.times(draw, waking_ms(world, draw, victim), 15 * MINUTE_MS)
    return Script(moments, in_person(world, customer, merchant, usd, method), is_fraud)


def high_value(world: World, draw: np.random.Generator, count: int) -> Script:
    """One payment far above what the customer ever spends, for something that can be sold on."""
    customer = victims(world, draw, count)
    every = np.zeros(count, dtype=np.int64)
    merchant = dear_merchants(world).pick(every, every, draw.random(count))
    usd = draw.uniform(900.0, 5000.0, size=count) * np.maximum(world.customers.spend[customer], 1.0)
    payments = remote(
        world,
        customer,
        merchant,
        usd=usd,
        city=world.customers.city[customer],
        device=new_devices(draw, count),
        kind=Device.BROWSER,
    )
    broken_positions(payments, draw.random(count) < HIGH_VALUES_WITHOUT_PLACE, draw.random(count))
    return all_fraud(any_ms(draw, count), payments)


def merchant_collusion(world: World, draw: np.random.Generator, count: int) -> Script:
    """A shop charges the cards of eight to twenty of its town's people round sums, within hours."""
    steps = Steps.draw(draw, count, 8, 20)
    every = np.zeros(count, dtype=np.int64)
    shop = world.merchants.in_person.pick(every, every + len(CITIES) - 1, draw.random(count))
    merchant = shop[steps.instance]
    city = world.merchants.city[merchant]
    customer = world.customers.by_city.pick(city, city, draw.random(len(steps)))
    method = np.full(len(steps), SWIPE, dtype=np.int64)
    payments = in_person(world, customer, merchant, np.full(len(steps), 1.0), method)
    tens = draw.integers(15, 26, size=len(steps))
    payments = replace(payments, cents=_round_sums(payments.currency, tens))
    return all_fraud(steps.times(draw, any_ms(draw, count), 6 * MINUTE_MS), payments)


def _round_sums(currency: Indices, tens: Indices) -> Indices:
    """Return multiples of about ten dollars that are round in the local currency."""
    magnitude = np.ceil(np.log10(local_cents(np.full(len(tens), 10.0), currency) / 2)).astype(np.int64)
    cents: Indices = tens * 10**magnitude
    return cents


def dear_merchants(world: World) -> GroupedChoice:
    """Return the choice, in one group, of merchants of `DEAR_CATEGORIES` (of all, where there are none)."""
    is_dear = np.isin(world.merchants.category, DEAR_CATEGORIES)
    items = np.flatnonzero(is_dear) if is_dear.any() else np.arange(len(is_dear))
    return GroupedChoice.build(items, np.zeros_like(items), world.merchants.popularity[items], 1)


@dataclass(frozen=True)
class Scenario:
    """A kind of fraud.

    Attributes:
        name: as it stands in labels.
        share: of all fraudulent transactions.
        mean_frauds: fraudulent transactions in one instance, on average.
        act: acts out a number of instances within one day.
    """

    name: str
    share: float
    mean_frauds: float
    act: Callable[[World, np.random.Generator, int], Script]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("stolen_card", 0.24, 8.0, stolen_card),
    Scenario("card_testing", 0.24, 14.0, card_testing),
    Scenario("account_takeover", 0.17, 4.5, account_takeover),
    Scenario("impossible_travel", 0.08, 2.0, impossible_travel),
    Scenario("high_value", 0.10, 1.0, high_value),
    Scenario("merchant_collusion", 0.17, 14.0, merchant_collusion),
)
