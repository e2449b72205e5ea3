"""Each role can do its work, and what it must not do fails."""

import psycopg2
import pytest

from txwatch.settings import Role, Settings
from txwatch.warehouse.roles import ROLES

ID = "'01890a5d-ac96-774b-bcce-b302099a8057'"
FACT = f"""insert into core.fact_transaction (
        transaction_id, customer_id, merchant_id, occurred_at, latitude, longitude, ledger_seq, ruleset_id,
        is_foreign, is_fraud, amount, currency, country, payment_method, device_id, rules)
    values ({ID}, {ID}, {ID}, now(), 0, 0, 1, 1, false, false, 9.99, 'EUR', 'DE', 'chip', 'd', '{{}}')"""
CUSTOMER = f"insert into core.dim_customer (customer_id, is_inferred) values ({ID}, true)"
MERCHANT = f"insert into core.dim_merchant (merchant_id, is_inferred) values ({ID}, true)"
ROLLUP = """insert into core.rollup_minute values (now(), 'EUR', 1, 9.99, 0, 0)
    on conflict (minute, currency) do update set amount = rollup_minute.amount + excluded.amount"""
STAGED = f"insert into ops.stage_attempt values ({ID}, 'transactions', 1, 0, 0, 0, 0, 0)"
OBJECT = "insert into ops.archive_object values ('t', 0, 0, 5, 'k', 5, 99)"

ALLOWED: list[tuple[Role, str]] = [
    ("stream_writer", f"{FACT} on conflict (transaction_id) do nothing returning transaction_id"),
    ("stream_writer", ROLLUP),
    ("stream_writer", f"{CUSTOMER} on conflict (customer_id) do nothing"),
    ("stream_writer", f"{MERCHANT} on conflict (merchant_id) do nothing"),
    ("stream_writer", "create temporary table batch (transaction_id uuid) on commit drop"),
    ("stream_writer", "select key, raw from ops.quarantine where resolution is null for update"),
    ("stream_writer", "update ops.quarantine set resolution = 'fact', resolved_at = now()"),
    ("stream_writer", STAGED),
    ("stream_writer", "select amount from ops.stage_fact"),
    ("stream_writer", "truncate ops.stage_attempt, ops.stage_fact, ops.stage_alert"),
    ("archiver", OBJECT),
    ("archiver", "update ops.archive_object set rows = 5, bytes = 99"),
    ("transformer", "create table marts.rpt_day as select sum(amount) from core.fact_transaction"),
    ("transformer", "create temporary table delta as select customer_id, segment from core.dim_customer"),
    ("dashboard_reader", "select sum(amount) from core.fact_transaction"),
    ("dashboard_reader", "select raw from ops.quarantine"),
    ("analyst", "select max(end_offset) from ops.archive_object"),
    ("operator", "insert into ops.pipeline_incident (pipeline, kind, detail) values ('p', 'late', 'd')"),
    ("operator", "update ops.pipeline_incident set resolved_at = now()"),
    ("operator", "insert into ops.pipeline (pipeline, late_after) values ('p', '26 hours')"),
    ("operator", "delete from ops.archive_object"),
    ("operator", "insert into ops.archive_transit (key, topic, state) values ('k', 't', 'arriving')"),
    ("operator", "analyze core.fact_transaction"),
    ("archiver", "select key from ops.archive_transit"),
    ("dashboard_reader", "select detail from ops.pipeline_incident, ops.pipeline"),
]

RECONCILIATION = f"""insert into ops.reconciliation
    values ({ID}, now(), 1, 'c', 1, 1, true, '{{}}', '', '')"""
LABEL = f"""insert into core.fact_chargeback (transaction_id, known_at, label_seq, is_fraud)
    values ({ID}, now(), 1, true)"""
ALLOWED += [
    ("reconciler", RECONCILIATION),
    ("analyst", "select check_name from ops.reconciliation where not ok"),
    ("dashboard_reader", "select findings from ops.reconciliation"),
    ("label_writer", LABEL),
    ("label_writer", "update core.fact_chargeback set superseded_seq = 2"),
]

FORBIDDEN: list[tuple[Role, str]] = [
    ("stream_writer", "select email from core.dim_customer"),
    ("stream_writer", "select name from core.dim_customer"),
    ("stream_writer", "select sum(amount) from core.fact_transaction"),
    ("stream_writer", "select * from core.fact_alert"),
    ("stream_writer", "update core.fact_transaction set is_fraud = false"),
    ("stream_writer", "delete from core.fact_transaction"),
    ("stream_writer", "delete from ops.stream_ledger"),
    ("stream_writer", "update ops.quarantine set raw = null"),
    ("stream_writer", f"insert into core.dim_customer (customer_id, email) values ({ID}, 'a@example.org')"),
    ("stream_writer", OBJECT),
    ("stream_writer", "create table ops.mine (id int)"),
    ("stream_writer", "update ops.stage_fact set is_fraud = false"),
    ("stream_writer", "delete from ops.stage_alert"),
    ("archiver", STAGED),
    ("dashboard_reader", "select amount from ops.stage_fact"),
    ("analyst", "truncate ops.stage_fact"),
    ("archiver", "delete from ops.archive_object"),
    ("archiver", "update ops.archive_object set end_offset = 6"),
    ("archiver", "select from core.fact_transaction"),
    ("archiver", "select from ops.stream_ledger"),
    ("archiver", "create temporary table t (id int)"),
    ("transformer", "update core.fact_transaction set is_fraud = true"),
    ("transformer", "select email from core.dim_customer"),
    ("dashboard_reader", FACT),
    ("dashboard_reader", "update ops.quarantine set resolution = null"),
    ("dashboard_reader", "delete from core.fact_alert"),
    ("dashboard_reader", "create table marts.mine (id int)"),
    ("dashboard_reader", "create table public.mine (id int)"),
    ("dashboard_reader", "select email from core.dim_customer"),
    ("dashboard_reader", "update ops.pipeline_incident set resolved_at = now()"),
    ("operator", FACT),
    ("operator", "select from core.fact_transaction"),
    ("operator", "delete from ops.pipeline_incident"),
    ("operator", "update ops.pipeline_incident set pipeline = 'other'"),
    ("operator", "delete from ops.stream_ledger"),
    ("operator", "delete from ops.quarantine"),
    ("operator", "update ops.archive_object set end_offset = 6"),
    ("operator", "create table ops.mine (id int)"),
    ("archiver", "delete from ops.archive_transit"),
    ("analyst", FACT),
    ("analyst", "truncate core.fact_alert"),
    ("analyst", "create temporary table t (id int)"),
    ("analyst", "select email from core.dim_customer"),
]


def attempt(settings: Settings, role: Role, statement: str) -> None:
    connection = psycopg2.connect(**settings.postgres(role))
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()  # rolls back


FORBIDDEN += [
    ("reconciler", "select ok from ops.reconciliation"),
    ("reconciler", "update ops.reconciliation set ok = true"),
    ("reconciler", "select from core.fact_transaction"),
    ("analyst", RECONCILIATION),
    ("transformer", RECONCILIATION),
    ("stream_writer", "select is_fraud from core.fact_chargeback"),
    ("label_writer", "update core.fact_chargeback set is_fraud = false"),
    ("label_writer", "delete from ops.label_ledger"),
    ("label_writer", "select from core.fact_transaction"),
]


@pytest.mark.parametrize(("role", "statement"), ALLOWED)
def test_a_role_can_do_its_work(runtime: Settings, role: Role, statement: str) -> None:
    attempt(runtime, role, statement)


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_a_role_can_do_nothing_else(runtime: Settings, role: Role, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        attempt(runtime, role, statement)


def test_no_role_is_a_superuser_or_may_make_roles(runtime: Settings) -> None:
    connection = psycopg2.connect(**runtime.postgres("analyst"))
    with connection.cursor() as cursor:
        cursor.execute(
            "select rolname from pg_roles where rolname = any (%s) "
            "and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication)",
            (list(ROLES),),
        )
        assert cursor.fetchall() == []
    connection.close()
