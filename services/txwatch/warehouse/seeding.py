"""Fills the dimensions: what is known of customers and merchants, changing only what differs."""

from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - the class is spelled like a function
from pyarrow import csv

from txwatch.errors import UsageError
from txwatch.postgres import Connection


@dataclass(frozen=True)
class Dimension:
    """A dimension's table, its key first among its columns."""

    table: str
    columns: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name of the key column, a UUID."""
        return self.columns[0]


CUSTOMER = Dimension(
    "core.dim_customer",
    (
        "customer_id",
        "name",
        "email",
        "home_country",
        "home_latitude",
        "home_longitude",
        "currency",
        "segment",
    ),
)
MERCHANT = Dimension(
    "core.dim_merchant",
    ("merchant_id", "name", "category_code", "category", "country", "latitude", "longitude", "risk_tier"),
)


@dataclass(frozen=True)
class SeedCounts:
    """How many rows a seeding made or changed."""

    customers: int
    merchants: int


def seed(connection: Connection, customers: pa.Table, merchants: pa.Table) -> SeedCounts:
    """Bring both dimensions up to date in one transaction; rows that are not given stay as they are.

    A row that the stream had inferred is completed and no longer counts as inferred.

    Args:
        connection: of the role `warehouse_owner`, with no transaction open.
        customers: the columns of `CUSTOMER`, in any order; ids as fixed_size_binary(16), distinct.
        merchants: the same for `MERCHANT`.

    Returns:
        The rows made or changed: both 0 when nothing differs.

    Raises:
        UsageError: a table lacks a column or has one too many.
    """
    with connection, connection.cursor() as cursor:
        return SeedCounts(_upsert(cursor, CUSTOMER, customers), _upsert(cursor, MERCHANT, merchants))


def _upsert(cursor: Cursor, dimension: Dimension, rows: pa.Table) -> int:
    if set(rows.column_names) != set(dimension.columns):
        raise UsageError(
            f"{dimension.table} is seeded from the columns {', '.join(dimension.columns)}; "
            f"got {', '.join(rows.column_names)}"
        )
    columns = ", ".join(dimension.columns)
    given = ", ".join(f"excluded.{name}" for name in dimension.columns)
    held = ", ".join(f"held.{name}" for name in dimension.columns)
    staged = f"seed_{dimension.key}"
    cursor.execute(f"""
        create temporary table {staged} on commit drop as
        select {columns} from {dimension.table} with no data
    """)  # noqa: S608 - the names are the constants above
    cursor.copy_expert(f"copy {staged} ({columns}) from stdin with (format csv)", _as_csv(dimension, rows))
    # In the order of the key, as the stream infers rows: two writers never wait for each other crosswise.
    cursor.execute(f"""
        insert into {dimension.table} as held ({columns})
        select {columns} from {staged} order by {dimension.key}
        on conflict ({dimension.key}) do update
            set ({columns}, is_inferred, updated_at) = ({given}, false, now())
            where ({held}, held.is_inferred) is distinct from ({given}, false)
    """)  # noqa: S608 - as above
    return int(cursor.rowcount)


def _as_csv(dimension: Dimension, rows: pa.Table) -> BytesIO:
    """Write the rows as COPY reads them: null is an empty field, an empty text a quoted one."""
    ids = pa.array([key.hex() for key in rows[dimension.key].to_pylist()], pa.string())
    ordered = rows.select(dimension.columns).set_column(0, dimension.key, ids)
    buffer = BytesIO()
    csv.write_csv(ordered, buffer, csv.WriteOptions(include_header=False))
    buffer.seek(0)
    return buffer
