"""What made-up transactions look like. Bounds are worked out beside each assertion."""

import json
import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from txwatch.events import Transaction, canonical_json
from txwatch.generator.source import Records
from txwatch.generator.synthesis import CHUNK, Recipe, Synthesis
from txwatch.world import World, build_world
from txwatch.world.geography import CITIES, COUNTRIES

DAYS = 8
PER_DAY = 8000
TOTAL = DAYS * PER_DAY


def together(source: Synthesis, cuts: list[int]) -> Iterator[tuple[bytes, bytes | None]]:
    for first, after in pairwise(cuts):
        for records in source.records(first, after):
            yield from zip(records.keys, records.values, strict=True)


def fresh(source: Synthesis) -> Synthesis:
    return Synthesis(source.world, source.recipe)


@pytest.fixture(scope="module")
def honest(world: World, start_ms: int) -> pd.DataFrame:
    """Return eight days without fraud as a table, with the customer's home and the local hour."""
    source = Synthesis(world, Recipe(start_ms, fraud_share=0.0))
    chunks = [source.transactions(chunk).to_pandas() for chunk in range(-(-TOTAL // CHUNK))]
    rows = pd.concat(chunks, ignore_index=True).head(TOTAL)
    index = pd.Series(np.arange(len(world.customers)), index=world.customers.id_text.to_pylist())
    customer = index[rows["customer_id"]].to_numpy()
    city = world.customers.city[customer]
    return rows.assign(
        customer=customer,
        home_country=np.array([city.country for city in CITIES])[city],
        home_latitude=world.customers.latitude[customer],
        home_longitude=world.customers.longitude[customer],
        local_hour=(rows["occurred_at"].dt.hour + np.array([city.utc_hours for city in CITIES])[city]) % 24,
        usd=rows["amount"].astype(float)
        / rows["currency"].map({country.currency: country.per_usd for country in COUNTRIES}),
    )


def test_the_bytes_do_not_depend_on_how_they_are_asked_for(synthesis: Synthesis) -> None:
    whole = list(together(synthesis, [0, 2 * CHUNK]))
    draw = random.Random(1)
    cuts = sorted({0, 2 * CHUNK, CHUNK, CHUNK + 1, *(draw.randrange(2 * CHUNK) for _ in range(40))})
    assert list(together(fresh(synthesis), cuts)) == whole


def test_any_stretch_can_be_made_alone(synthesis: Synthesis) -> None:
    first, after = 5 * CHUNK + 17, 5 * CHUNK + 1000
    whole = list(together(synthesis, [0, 6 * CHUNK]))
    assert list(together(fresh(synthesis), [first, after])) == whole[first:after]


def test_another_seed_makes_other_bytes(synthesis: Synthesis) -> None:
    other = Synthesis(build_world(43, 2000, 600), synthesis.recipe)
    assert not set(together(synthesis, [0, 1000])) & set(together(other, [0, 1000]))


def test_every_transaction_keeps_the_contract(world: World, start_ms: int) -> None:
    source = Synthesis(world, Recipe(start_ms))
    values = [value for _, value in together(source, [0, 5000]) if value]
    read = [Transaction.model_validate_json(value) for value in values]
    assert [canonical_json(transaction) for transaction in read] == values
    assert len({transaction.transaction_id for transaction in read}) == 5000


def test_keys_are_customer_ids(world: World, start_ms: int) -> None:
    source = Synthesis(world, Recipe(start_ms, repeated_share=0.01))
    for key, value in together(source, [0, 5000]):
        assert json.loads(value or b"{}")["customer_id"] == key.decode()


def test_malformed_and_repeated_records_leave_the_others_alone(synthesis: Synthesis) -> None:
    clean = Synthesis(synthesis.world, Recipe(synthesis.recipe.start_ms))
    pairs = list(zip(together(clean, [0, CHUNK]), together(synthesis, [0, CHUNK]), strict=True))
    # 16,384 * 0.01 = 163.84 malformed, * 0.002 = 32.8 repeated, each to within one; a few may coincide.
    assert 193 <= sum(mine != theirs for mine, theirs in pairs) <= 199


def test_days_and_nights(honest: pd.DataFrame) -> None:
    by_hour = honest["local_hour"].value_counts()
    # Of usual days the hours 17 to 19 weigh 76 + 84 + 78, those from 2 to 4 weigh 2 + 2 + 2: forty times as
    # much. A quarter lives two hours earlier, a fifth three later; still at least ten times as much.
    assert by_hour[[17, 18, 19]].sum() > 10 * by_hour[[2, 3, 4]].sum()
    # All hours weigh 883 together; a stretch of three of the highest can have no more than 238 of them: 27 %.
    assert by_hour[[17, 18, 19]].sum() < 0.27 * TOTAL * 1.05


def test_amounts_have_a_heavy_tail(honest: pd.DataFrame) -> None:
    median, high, highest = honest["usd"].quantile([0.5, 0.99, 0.9999])
    # Groceries, meals and rides make most sales at 5 to 42 dollars, scaled by what people spend.
    assert 15 < median < 45
    # With one log-normal of sigma 0.75 the 99th percentile is e^(2.33 * 0.75) = 5.7 medians; a mixture of
    # categories and spenders only spreads wider. A tail lighter than that (exponential: 6.6) is no heavy one.
    assert high > 7 * median
    assert highest > 40 * median


def test_amounts_are_payable(honest: pd.DataFrame) -> None:
    assert (honest["amount"] > 0).all()
    yen = honest.loc[honest["currency"] == "JPY", "amount"]
    assert len(yen) > 0
    assert (yen % 1 == 0).all()


def test_people_pay_at_home(honest: pd.DataFrame) -> None:
    near = ((honest["latitude"] - honest["home_latitude"]).abs() < 0.8) & (
        (honest["longitude"] - honest["home_longitude"]).abs() < 0.8
    )
    # Seven in ten payments are in person (the mean of beta(2, 5) online is 2/7), nine in ten of those in the
    # customer's city; online ones are at home; three in a hundred weeks are spent away: 0.97 * (0.29 + 0.64).
    # Cities without a shop in this small world send a few of them elsewhere.
    assert 0.84 < near.mean() < 0.95


def test_few_pay_abroad(honest: pd.DataFrame) -> None:
    assert (honest["is_foreign"] == (honest["country"] != honest["home_country"])).all()
    # Three customers in a hundred travel, some within their country. Eight days hold two weeks of 2000
    # customers: a standard deviation of sqrt(0.03 * 0.97 / 2000) = 0.4 %, more as some pay more often.
    assert 0.012 < honest["is_foreign"].mean() < 0.05


def test_impossible_positions_are_rare(honest: pd.DataFrame) -> None:
    broken = (honest["latitude"].abs() > 90) | (honest["longitude"].abs() > 180)
    # 64,000 * 0.0002 = 12.8, with a standard deviation of 3.6: four of them either way.
    assert 1 <= broken.sum() <= 28


def test_online_and_in_person_use_their_own_means(honest: pd.DataFrame) -> None:
    kinds = honest["device_id"].str.split("-").str[0]
    assert set(kinds[honest["payment_method"].isin(["chip", "contactless", "swipe"])]) == {"card"}
    assert set(kinds[honest["payment_method"] == "wallet"]) == {"phone"}
    assert set(kinds[honest["payment_method"] == "online"]) == {"phone", "browser"}


def test_people_keep_their_devices(honest: pd.DataFrame) -> None:
    assert honest.groupby("customer")["device_id"].nunique().max() <= 3
    assert honest.groupby("device_id")["customer"].nunique().max() == 1


def test_people_have_favourites(honest: pd.DataFrame) -> None:
    busiest = honest["customer"].value_counts().index[0]
    visits = honest.loc[honest["customer"] == busiest, "merchant_id"].value_counts()
    assert visits.iloc[0] >= 3


def test_records_can_be_cut() -> None:
    records = Records(10, [b"a", b"b", b"c"], [b"1", None, b"3"], np.arange(3, dtype=np.uint32))
    cut = records.between(11, 99)
    assert (cut.first, cut.after, cut.keys, cut.key_hashes.tolist()) == (11, 13, [b"b", b"c"], [1, 2])
    assert records.between(12, 13).lines() == b"3\n"
    assert records.lines() == b"1\n\n3\n"
