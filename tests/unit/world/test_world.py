import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from txwatch.events import COUNTRIES as ISO_COUNTRIES
from txwatch.events import CURRENCIES
from txwatch.settings import SERVICES_DIR
from txwatch.world import CUSTOMER_COLUMNS, MERCHANT_COLUMNS, World, build_world
from txwatch.world.geography import CITIES, CITY_SHARE, COUNTRIES, distances_km

SQL_TYPES = {"uuid": pa.binary(16), "text": pa.string(), "double precision": pa.float64()}
OWN_COLUMNS = {"is_inferred", "updated_at"}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(42, customers=3000, merchants=800)


def declared_columns(table: str) -> pa.Schema:
    """Read a table's columns out of the DDL."""
    ddl = (SERVICES_DIR / "warehouse" / "002_core.sql").read_text()
    body = re.search(rf"create table {table} \((.*?)\n\);", ddl, re.DOTALL)
    assert body is not None
    columns = re.findall(
        r"^    (\w+) +(uuid|text|double precision|boolean|timestamptz)", body[1], re.MULTILINE
    )
    return pa.schema([(name, SQL_TYPES[kind]) for name, kind in columns if name not in OWN_COLUMNS])


@pytest.mark.parametrize(
    ("table", "columns"), [("core.dim_customer", CUSTOMER_COLUMNS), ("core.dim_merchant", MERCHANT_COLUMNS)]
)
def test_dimensions_are_those_of_the_warehouse(table: str, columns: pa.Schema) -> None:
    assert columns == declared_columns(table)


def test_the_same_seed_makes_the_same_world(world: World) -> None:
    again = build_world(42, customers=3000, merchants=800)
    assert again.customer_dimension().equals(world.customer_dimension())
    assert again.merchant_dimension().equals(world.merchant_dimension())


def test_another_seed_makes_other_people(world: World) -> None:
    other = build_world(43, customers=3000, merchants=800)
    assert not set(other.customer_dimension()["customer_id"]) & set(world.customer_dimension()["customer_id"])


def test_ids_do_not_depend_on_the_size(world: World) -> None:
    small = build_world(42, customers=5, merchants=5)
    assert small.customers.ids.tolist() == world.customers.ids[:5].tolist()
    assert small.merchants.ids.tolist() == world.merchants.ids[:5].tolist()


def test_people_can_be_told_apart_and_written_to_nobody(world: World) -> None:
    customers = world.customer_dimension()
    mails = customers["email"].to_pylist()
    assert len(set(mails)) == len(set(customers["customer_id"].to_pylist())) == 3000
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\.\d+@example\.(com|net|org)", mail) for mail in mails)


@pytest.mark.parametrize("table", ["customer_dimension", "merchant_dimension"])
def test_nothing_is_left_out(world: World, table: str) -> None:
    assert not any(column.null_count for column in getattr(world, table)().columns)


def test_codes_are_those_of_the_contract() -> None:
    assert {country.code for country in COUNTRIES} <= ISO_COUNTRIES
    assert {country.currency for country in COUNTRIES} <= CURRENCIES


def test_cities_of_a_country_stand_together() -> None:
    countries = [city.country for city in CITIES]
    changes = sum(before != after for before, after in pairwise(countries))
    assert changes == len(COUNTRIES) - 1
    assert countries == sorted(countries)


def test_homes_lie_around_their_city(world: World) -> None:
    customers = world.customers
    north = customers.latitude - np.array([city.latitude for city in CITIES])[customers.city]
    # 0.08 degrees of standard deviation: of 3000 normal deviations none is beyond six.
    assert np.abs(north).max() < 0.48
    assert north.std() == pytest.approx(0.08, rel=0.1)


def test_customers_live_where_the_cities_are_large(world: World) -> None:
    lives = np.bincount(world.customers.city, minlength=len(CITIES)) / len(world.customers)
    # A share p of n customers has a standard deviation of at most sqrt(0.06 / 3000) = 0.0045: five of them.
    assert np.abs(lives - CITY_SHARE).max() < 0.0225


def test_distances_are_those_on_the_globe() -> None:
    names = [city.name for city in CITIES]
    distances = distances_km()
    # Published great-circle distances of the city centres.
    assert distances[names.index("London"), names.index("Paris")] == pytest.approx(344, abs=5)
    assert distances[names.index("New York"), names.index("Tokyo")] == pytest.approx(10_850, abs=40)


@pytest.mark.parametrize(("customers", "merchants"), [(1, 1), (3, 2)])
def test_a_tiny_world_is_whole(customers: int, merchants: int) -> None:
    tiny = build_world(1, customers, merchants)
    assert tiny.customer_dimension().num_rows == customers
    assert tiny.merchant_dimension().num_rows == merchants
