"""The world as a whole: one seed in, customers and merchants out, and their dimension tables."""

from dataclasses import dataclass

import pyarrow as pa

from txwatch.world.customers import SEGMENTS, Customers, build_customers
from txwatch.world.geography import COUNTRIES
from txwatch.world.identity import uuid_column
from txwatch.world.merchants import Merchants, build_merchants
from txwatch.world.names import person_names, shop_names
from txwatch.world.trade import CATEGORIES

CUSTOMER_COLUMNS = pa.schema(
    [
        ("customer_id", pa.binary(16)),
        ("name", pa.string()),
        ("email", pa.string()),
        ("home_country", pa.string()),
        ("home_latitude", pa.float64()),
        ("home_longitude", pa.float64()),
        ("currency", pa.string()),
        ("segment", pa.string()),
    ]
)
"""core.dim_customer, without what the warehouse adds itself."""

MERCHANT_COLUMNS = pa.schema(
    [
        ("merchant_id", pa.binary(16)),
        ("name", pa.string()),
        ("category_code", pa.string()),
        ("category", pa.string()),
        ("country", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("risk_tier", pa.string()),
    ]
)
"""core.dim_merchant, without what the warehouse adds itself."""


@dataclass(frozen=True)
class World:
    """Who pays and who is paid. The same seed and sizes make the same world."""

    seed: int
    customers: Customers
    merchants: Merchants

    def customer_dimension(self) -> pa.Table:
        """Return the customers as rows of core.dim_customer (`CUSTOMER_COLUMNS`)."""
        customers = self.customers
        names, mails = person_names(self.seed, customers.country)
        columns = [
            uuid_column(customers.ids),
            pa.array(names, pa.string()),
            pa.array(mails, pa.string()),
            _lookup([country.code for country in COUNTRIES], customers.country),
            customers.latitude,
            customers.longitude,
            _lookup([country.currency for country in COUNTRIES], customers.country),
            _lookup(SEGMENTS, customers.segment),
        ]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=CUSTOMER_COLUMNS)

    def merchant_dimension(self) -> pa.Table:
        """Return the merchants as rows of core.dim_merchant (`MERCHANT_COLUMNS`)."""
        merchants = self.merchants
        trades = [CATEGORIES[category].trade for category in merchants.category.tolist()]
        columns = [
            uuid_column(merchants.ids),
            pa.array(shop_names(self.seed, merchants.country, trades), pa.string()),
            _lookup([category.code for category in CATEGORIES], merchants.category),
            _lookup([category.name for category in CATEGORIES], merchants.category),
            _lookup([country.code for country in COUNTRIES], merchants.country),
            merchants.latitude,
            merchants.longitude,
            _lookup([category.risk_tier for category in CATEGORIES], merchants.category),
        ]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=MERCHANT_COLUMNS)


def _lookup(values: list[str] | tuple[str, ...], indices: object) -> pa.StringArray:
    return pa.array(values, pa.string()).take(pa.array(indices))


def build_world(seed: int, customers: int = 10_000, merchants: int = 2_000) -> World:
    """Make a world of the given size from one seed."""
    return World(seed, build_customers(seed, customers), build_merchants(seed, merchants))
