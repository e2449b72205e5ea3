"""Each scenario shows its signature, and fraud gives itself away by nothing else."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from txwatch.generator.clock import EventClock
from txwatch.generator.fraud import FraudPlan, plan_day
from txwatch.generator.scenarios import SCENARIOS, Script
from txwatch.generator.synthesis import CHUNK, Recipe, Synthesis
from txwatch.world import World, build_world
from txwatch.world.geography import CITIES, COUNTRY_PER_USD, distances_km

DAYS = 10
NAMES = [scenario.name for scenario in SCENARIOS]
INSTANCES = 200


@pytest.fixture(scope="module")
def clock(world: World, start_ms: int) -> EventClock:
    return EventClock.of(world, start_ms, 40_000)


@pytest.fixture(scope="module")
def plans(world: World, clock: EventClock) -> list[FraudPlan]:
    return [plan_day(world, clock, 0.008, day) for day in range(DAYS)]


def act(world: World, name: str) -> tuple[Script, pd.DataFrame]:
    """Act out many instances of one scenario and number them, by where their first payment stands."""
    scenario = SCENARIOS[NAMES.index(name)]
    script = scenario.act(world, np.random.default_rng(5), INSTANCES)
    payments = script.payments
    rows = pd.DataFrame({name: getattr(payments, name) for name in vars(payments)})
    rows["ms"], rows["is_fraud"] = script.ms_of_day, script.is_fraud
    rows["usd"] = rows["cents"] / 100 / COUNTRY_PER_USD[rows["currency"]]
    rows["spend"] = world.customers.spend[rows["customer"]]
    rows["home_city"] = world.customers.city[rows["customer"]]
    rows["is_foreign"] = rows["country"] != world.customers.country[rows["customer"]]
    rows["is_own_device"] = rows["device"] // 3 == rows["customer"]
    rows["has_place"] = (rows["latitude"].abs() <= 90) & (rows["longitude"].abs() <= 180)
    return script, rows


def instances(rows: pd.DataFrame, key: str) -> Iterator[pd.DataFrame]:
    """Yield the rows of each instance: neighbours with the same victim, device or shop."""
    for _, instance in rows.groupby((rows[key] != rows[key].shift()).cumsum()):
        yield instance


def test_fraud_has_its_share(plans: list[FraudPlan]) -> None:
    frauds = sum(int(plan.is_fraud.sum()) for plan in plans)
    # 10 days * 40,000 * 0.008 = 3200. Instances of up to 20 come together: a variance of the mean number per
    # instance (below 15) times 3200 gives a standard deviation below 220; four of them.
    assert frauds == pytest.approx(3200, abs=880)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_every_scenario_has_its_share(plans: list[FraudPlan], scenario: object) -> None:
    index = SCENARIOS.index(scenario)  # type: ignore[arg-type]
    frauds = sum(int((plan.is_fraud & (plan.scenario == index)).sum()) for plan in plans)
    expected = 3200 * SCENARIOS[index].share
    # Poisson in the instances: four standard deviations of the number of payments.
    deviation = (expected * SCENARIOS[index].mean_frauds * 1.2) ** 0.5
    assert frauds == pytest.approx(expected, abs=4 * deviation)


def test_shares_add_up() -> None:
    assert sum(scenario.share for scenario in SCENARIOS) == pytest.approx(1)
    assert len(set(NAMES)) >= 6


def test_a_plan_fits_its_day(clock: EventClock, plans: list[FraudPlan]) -> None:
    for day, plan in enumerate(plans):
        first, after = clock.sequences_of_day(day)
        assert (np.diff(plan.sequences) > 0).all()
        assert first <= plan.sequences[0]
        assert plan.sequences[-1] < after
        assert len(plan.payments) == len(plan.sequences) == len(plan.scenario) == len(plan.is_fraud)


def test_a_day_is_planned_alone(world: World, clock: EventClock, plans: list[FraudPlan]) -> None:
    again = plan_day(world, clock, 0.008, 7)
    assert again.sequences.tolist() == plans[7].sequences.tolist()
    assert again.payments.cents.tolist() == plans[7].payments.cents.tolist()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_the_mean_number_of_frauds_is_the_one_stated(world: World, scenario: object) -> None:
    index = SCENARIOS.index(scenario)  # type: ignore[arg-type]
    script, _ = act(world, NAMES[index])
    # Sizes are uniform, with a standard deviation below 0.5 * mean; of 200, 0.035 * mean: four of them.
    assert script.is_fraud.sum() / INSTANCES == pytest.approx(SCENARIOS[index].mean_frauds, rel=0.15)


def test_a_stolen_card_is_spent_in_town_within_hours(world: World) -> None:
    _, rows = act(world, "stolen_card")
    assert rows["is_own_device"].all()
    for spree in instances(rows, "customer"):
        assert spree["ms"].is_monotonic_increasing
        # At most ten gaps of eight minutes on average: 80 minutes.
        assert spree["ms"].iloc[-1] - spree["ms"].iloc[0] < 4 * 3_600_000
    assert (world.merchants.city[rows["merchant"]] == rows["home_city"]).mean() > 0.9


def test_card_testing_is_many_tiny_amounts_at_one_shop(world: World) -> None:
    _, rows = act(world, "card_testing")
    assert rows["usd"].max() < 2.01
    assert not rows["is_own_device"].any()
    for attempt in instances(rows, "device"):
        assert 8 <= len(attempt) <= 20
        assert len(set(attempt["merchant"])) == len(set(attempt["customer"])) == 1
        # At most 19 gaps of 15 seconds on average: five minutes.
        assert attempt["ms"].iloc[-1] - attempt["ms"].iloc[0] < 15 * 60_000
    # Three in ten machines hide: of 200 a standard deviation of 3.2 %, four of them.
    hidden = [not attempt["has_place"].iloc[0] for attempt in instances(rows, "device")]
    assert np.mean(hidden) == pytest.approx(0.3, abs=0.13)


def test_an_account_is_taken_over_with_a_new_phone_from_far_away(world: World) -> None:
    _, rows = act(world, "account_takeover")
    assert rows["is_foreign"].mean() > 0.9  # other coasts of the same country are far away too
    assert not rows["is_own_device"].any()
    for takeover in instances(rows, "device"):
        # Steps rise by half, over amounts of 60 to 120: the fourth is above the first (1.5^3 / 2 > 1.5).
        assert takeover["usd"].iloc[-1] > takeover["usd"].iloc[0] * (0.7 if len(takeover) == 3 else 1.5)


def test_travel_is_impossible(world: World) -> None:
    _, rows = act(world, "impossible_travel")
    assert rows["is_own_device"].all()
    distances = distances_km()
    for journey in instances(rows, "customer"):
        assert journey["is_fraud"].tolist() == [False] + [True] * (len(journey) - 1)
        cities = world.merchants.city[journey["merchant"]]
        hours = (journey["ms"].iloc[1] - journey["ms"].iloc[0]) / 3_600_000
        if cities[0] == journey["home_city"].iloc[0]:
            assert distances[cities[0], cities[1]] / max(hours, 0.01) > 900  # faster than any airliner


def test_a_one_off_is_far_above_what_its_customer_spends(world: World) -> None:
    _, rows = act(world, "high_value")
    assert len(rows) == INSTANCES
    assert rows["usd"].min() > 895
    assert rows["has_place"].mean() == pytest.approx(0.9, abs=0.085)  # sqrt(0.09 / 200) = 2.1 %: four of them


def test_a_colluding_shop_charges_many_cards_round_sums(world: World) -> None:
    _, rows = act(world, "merchant_collusion")
    for collusion in instances(rows, "merchant"):
        assert len(set(collusion["country"])) == 1
    assert rows.groupby("merchant")["customer"].nunique().median() >= 5
    assert (rows["cents"] % 1000 == 0).all()
    assert rows["usd"].between(75, 800).all()  # 15 to 25 times ten dollars, rounded to a power of ten


def test_fraud_looks_like_the_rest(world: World, start_ms: int) -> None:
    source = Synthesis(world, Recipe(start_ms, fraud_share=0.2))
    rows = source.transactions(0).to_pandas()
    is_fraud = rows["transaction_id"].isin(source.labels(0, CHUNK).transaction_ids)
    assert 0.1 < is_fraud.mean() < 0.3
    pattern = re.compile(r"(card|phone|browser)-[0-9a-f]{12}")
    assert rows["device_id"].map(lambda device: pattern.fullmatch(device) is not None).all()
    assert set(rows.loc[is_fraud, "payment_method"]) <= set(rows.loc[~is_fraud, "payment_method"])
    assert set(rows.loc[is_fraud, "country"]) <= {city.country for city in CITIES}
    # Ids differ in their random bits only: the halves of fraud and of the rest have the same mean.
    bits = rows["transaction_id"].str[-12:].map(lambda digits: int(digits, 16) / 16**12)
    assert bits[is_fraud].mean() == pytest.approx(bits[~is_fraud].mean(), abs=0.03)


def test_fraud_is_abroad_more_often(plans: list[FraudPlan], world: World) -> None:
    foreign = [
        plan.payments.country[plan.is_fraud] != world.customers.country[plan.payments.customer[plan.is_fraud]]
        for plan in plans
    ]
    assert np.concatenate(foreign).mean() > 0.2


@pytest.mark.parametrize("customers", [1, 3])
def test_a_tiny_world_has_fraud_too(start_ms: int, customers: int) -> None:
    source = Synthesis(build_world(1, customers, 2), Recipe(start_ms, fraud_share=0.3))
    assert sum(len(records) for records in source.records(0, 1000)) == 1000
    assert len(source.labels(0, 1000)) > 0
