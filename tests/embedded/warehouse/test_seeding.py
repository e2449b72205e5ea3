from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg2
import pyarrow as pa
import pytest

from txwatch.errors import UsageError
from txwatch.postgres import Connection
from txwatch.settings import Role, Settings
from txwatch.warehouse.migrations import migrate
from txwatch.warehouse.seeding import CUSTOMER, MERCHANT, SeedCounts, seed

Fetch = Callable[[str], list[tuple[Any, ...]]]

ADA = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
BOB = UUID("11890a5d-ac96-774b-bcce-b302099a8057")
SHOP = UUID("21890a5d-ac96-774b-bcce-b302099a8057")


def customers(*rows: tuple[UUID, Any]) -> pa.Table:
    columns = {
        "customer_id": pa.array([key.bytes for key, _ in rows], pa.binary(16)),
        "name": pa.array([name for _, name in rows], pa.string()),
        "email": pa.array(["a@example.org"] * len(rows)),
        "home_country": pa.array(["DE"] * len(rows)),
        "home_latitude": pa.array([52.5200066] * len(rows)),
        "home_longitude": pa.array([13.404954] * len(rows)),
        "currency": pa.array(["EUR"] * len(rows)),
        "segment": pa.array([""] * len(rows)),
    }
    return pa.table(columns)


def merchants() -> pa.Table:
    row = [SHOP.bytes, 'Café "Zur, Ecke"\nBerlin', "5812", "restaurants", "DE", 52.5, 13.4, None]
    types = [pa.binary(16), *[pa.string()] * 4, *[pa.float64()] * 2, pa.string()]
    return pa.table(
        [pa.array([value], kind) for value, kind in zip(row, types, strict=True)], names=MERCHANT.columns
    )


@pytest.fixture
def owner(warehouse: Settings, admin: dict[str, Any], connect_as: Callable[[Role], Connection]) -> Connection:
    migrate(warehouse, admin)
    return connect_as("warehouse_owner")


@pytest.fixture
def fetch(owner: Connection) -> Fetch:
    def run(query: str) -> list[tuple[Any, ...]]:
        with owner, owner.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    return run


def test_rows_arrive_as_given(owner: Connection, fetch: Fetch) -> None:
    assert seed(owner, customers((ADA, "Ada"), (BOB, None)), merchants()) == SeedCounts(2, 1)
    columns = ", ".join(CUSTOMER.columns)
    assert fetch(f"select {columns}, is_inferred from core.dim_customer order by name") == [
        (str(ADA), "Ada", "a@example.org", "DE", 52.5200066, 13.404954, "EUR", "", False),
        (str(BOB), None, "a@example.org", "DE", 52.5200066, 13.404954, "EUR", "", False),
    ]
    assert fetch("select name, category_code, risk_tier from core.dim_merchant") == [
        ('Café "Zur, Ecke"\nBerlin', "5812", None)
    ]


def test_a_second_run_changes_nothing_and_a_third_only_what_differs(owner: Connection, fetch: Fetch) -> None:
    seed(owner, customers((ADA, "Ada"), (BOB, "Bob")), merchants())
    before = fetch("select * from core.dim_customer order by 1")
    assert seed(owner, customers((ADA, "Ada"), (BOB, "Bob")), merchants()) == SeedCounts(0, 0)
    assert fetch("select * from core.dim_customer order by 1") == before
    assert seed(owner, customers((ADA, "Ada"), (BOB, None)), merchants()) == SeedCounts(1, 0)
    assert fetch("select name from core.dim_customer order by customer_id") == [("Ada",), (None,)]


def test_an_inferred_row_is_completed(owner: Connection, warehouse: Settings, fetch: Fetch) -> None:
    stream = psycopg2.connect(**warehouse.postgres("stream_writer"))
    with stream, stream.cursor() as cursor:
        cursor.execute(
            "insert into core.dim_customer (customer_id, is_inferred) values (%s, true)", (str(ADA),)
        )
    stream.close()
    assert seed(owner, customers((ADA, "Ada")), merchants()) == SeedCounts(1, 1)
    assert fetch("select name, is_inferred from core.dim_customer") == [("Ada", False)]


def test_nothing_is_kept_when_one_table_is_bad(owner: Connection, fetch: Fetch) -> None:
    with pytest.raises(UsageError, match=r"core\.dim_merchant is seeded from .*risk_tier"):
        seed(owner, customers((ADA, "Ada")), merchants().drop_columns(["risk_tier"]))
    assert fetch("select count(*) from core.dim_customer") == [(0,)]
