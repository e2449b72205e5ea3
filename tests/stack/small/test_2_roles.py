"""Each role may do its work and nothing else."""

from contextlib import closing

import psycopg2
import pytest
from applied import Stack
from psycopg2 import errors

_FORBIDDEN = [
    ("stream_writer", "delete from core.fact_transaction"),
    ("stream_writer", "update core.fact_transaction set amount = 0"),
    ("stream_writer", "select email from core.dim_customer"),
    ("stream_writer", "create table core.mine (id int)"),
    ("stream_writer", "drop table core.fact_transaction"),
    ("archiver", "select * from core.fact_transaction"),
    ("archiver", "delete from ops.archive_object"),
    ("label_writer", "select * from core.fact_transaction"),
    ("transformer", "insert into core.fact_alert default values"),
    ("dashboard_reader", "select email from core.dim_customer"),
    ("dashboard_reader", "update ops.stream_offset set next_offset = 0"),
    ("operator", "select * from core.fact_transaction"),
    ("operator", "update core.fact_transaction set amount = 0"),
    ("operator", "select email from core.dim_customer"),
    ("reconciler", "select * from core.fact_transaction"),
    ("reconciler", "delete from ops.reconciliation"),
    ("analyst", "truncate ops.stream_ledger"),
    ("analyst", "create schema mine"),
    ("warehouse_owner", "create role mine"),
    ("warehouse_owner", "create database mine"),
]


@pytest.mark.parametrize(("role", "statement"), _FORBIDDEN)
def test_a_role_is_refused(stack: Stack, role: str, statement: str) -> None:
    options = stack.settings().postgres(role)  # type: ignore[arg-type]
    with closing(psycopg2.connect(**options)) as connection:
        connection.autocommit = True  # no database is made inside a transaction
        with connection.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)


@pytest.mark.parametrize("database", ["airflow", "metabase"])
def test_other_databases_are_closed(stack: Stack, database: str) -> None:
    options = stack.settings().postgres("analyst") | {"dbname": database}
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(**options)


@pytest.mark.parametrize("user", ["airflow", "metabase"])
def test_their_owners_may_not_enter_the_warehouse(stack: Stack, user: str) -> None:
    password = stack.outputs["secrets"][f"{user}_database"]
    options = stack.settings().postgres("analyst") | {"user": user, "password": password}
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(**options)


def test_a_wrong_password_opens_nothing(stack: Stack) -> None:
    options = stack.settings().postgres("analyst") | {"password": "guess"}
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(**options)
