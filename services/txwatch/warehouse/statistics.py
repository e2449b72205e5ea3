"""Keeps the planner's picture of the warehouse fresh: `vacuum (analyze)` of what a role may tend."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from psycopg2 import sql

from txwatch.postgres import connect

_TABLES = """
select schema.nspname, relation.relname
from pg_class as relation
join pg_namespace as schema on schema.oid = relation.relnamespace
where relation.relkind in ('r', 'p', 'm') and schema.nspname = any (%s)
    and has_table_privilege(relation.oid, 'MAINTAIN')
order by 1, 2
"""


def refresh_statistics(options: Mapping[str, Any], schemas: list[str]) -> int:
    """Vacuum and analyze the tables of the schemas, one by one; return how many there were.

    It takes no lock that keeps readers or writers waiting, and may be repeated at any time.

    Args:
        options: keyword arguments of `psycopg2.connect` for a role that owns the tables or may maintain them.
        schemas: names of schemas; one that is missing has no tables.

    Raises:
        UnavailableError: Postgres does not answer.
    """
    with closing(connect(options)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(_TABLES, (schemas,))
        tables = cursor.fetchall()
        for schema, table in tables:
            cursor.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(schema, table)))
    return len(tables)
