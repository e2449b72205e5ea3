"""Each kind of dbt test fails on broken data, by its name: one thing is corrupted, one test says so.

Mutations that do not touch each other share one invocation; the tests of a layer that fail must be exactly
those that the mutations name.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from dbt_process import Dbt, running_dbt
from known_payments import Known, load
from psycopg2 import sql

from txwatch.embedded.runtime import Runtime
from txwatch.postgres import connect
from txwatch.settings import Settings
from txwatch.transform.environment import PROJECT_DIR


@dataclass(frozen=True)
class Mutation:
    """What is corrupted, and the test that has to fail."""

    kind: str
    statement: str
    failing: str
    also: str | None = None
    """Another test that says the same of it."""


WITHOUT_KEY = """
do $$
declare name text;
begin
    for name in select conname from pg_constraint where conrelid = '{0}'::regclass and contype = 'p' loop
        execute format('alter table {0} drop constraint %I', name);
    end loop;
    for name in
        select indexrelid::regclass::text from pg_index where indrelid = '{0}'::regclass and indisunique
    loop
        execute format('drop index %s', name);
    end loop;
end $$;
"""
"""dbt names keys and indexes as it likes."""

QUIET_FACT = (
    "(select transaction_id from core.fact_transaction where not is_fraud order by 1 offset {} limit 1)"
)


def fact(number: int, change: str) -> str:
    """Corrupt one transaction that no rule had fired on."""
    return f"update core.fact_transaction set {change} where transaction_id = {QUIET_FACT.format(number)}"


OF_SOURCES = (
    Mutation(
        "unique",
        "alter table core.dim_merchant drop constraint dim_merchant_pkey;"
        "insert into core.dim_merchant select * from core.dim_merchant limit 1",
        "source_unique_core_dim_merchant_merchant_id",
    ),
    Mutation(
        "not null",
        "alter table ops.quarantine alter reason drop not null;"
        "update ops.quarantine set reason = null where kafka_offset = 3",
        "source_not_null_ops_quarantine_reason",
    ),
    Mutation(
        "relationships",
        fact(0, "customer_id = gen_random_uuid()"),
        "source_relationships_core_fact_transaction_customer_id__customer_id__source_core_dim_customer_",
    ),
    Mutation(
        "range: amount",
        fact(1, "amount = 0"),
        "source_in_range_core_fact_transaction_0_01__99999999_99__amount",
    ),
    Mutation(
        "range: latitude (a warning: scored, not refused)",
        fact(2, "latitude = 91"),
        "source_in_range_core_fact_transaction__90__90__latitude",
    ),
    Mutation(
        "range: longitude",
        "update core.dim_customer set home_longitude = 181 where name = 'Customer 1'",
        "source_in_range_core_dim_customer__180__180__home_longitude",
    ),
    Mutation(
        "accepted values: payment method",
        fact(3, "payment_method = 'cheque'"),
        "source_accepted_values_core_fact_transaction_payment_method__chip__contactless__swipe__online__wallet",
    ),
    Mutation(
        "accepted values: currency",
        fact(4, "currency = 'XXX'"),
        "source_accepted_values_core_fact_transaction_currency__",
    ),
    Mutation(
        "is_fraud: the verdict is missing",
        "alter table core.fact_chargeback alter is_fraud drop not null;"
        "update core.fact_chargeback set is_fraud = null where chargeback_id = 1",
        "source_not_null_core_fact_chargeback_is_fraud",
    ),
    Mutation("expression holds", fact(5, "rules = '{foreign}'"), "verdict_matches_rules"),
    Mutation(
        "expression holds: the ledger",
        "alter table ops.stream_ledger drop constraint stream_ledger_check;"
        "update ops.stream_ledger set rows_in = rows_in + 1 where ledger_seq = 1",
        "batches_account_for_every_record",
    ),
    Mutation(
        "unique together",
        "alter table core.rollup_minute drop constraint rollup_minute_pkey;"
        "insert into core.rollup_minute select * from core.rollup_minute limit 1",
        "source_unique_together_core_rollup_minute_minute__currency",
    ),
    Mutation(
        "unique where: one current label",
        "drop index core.fact_chargeback_current;"
        "insert into core.fact_chargeback (transaction_id, known_at, label_seq, is_fraud)"
        " select transaction_id, now(), 1, true from core.fact_chargeback limit 1",
        "one_current_label_per_transaction",
    ),
)
OF_MODELS = (
    Mutation(
        "unique",
        WITHOUT_KEY.format("marts.dim_customer_kpi")
        + "insert into marts.dim_customer_kpi select * from marts.dim_customer_kpi limit 1",
        "unique_dim_customer_kpi_customer_id",
    ),
    Mutation(
        "not null",
        "update marts.fct_segment_daily set transactions = null where segment = 'retail'",
        "not_null_fct_segment_daily_transactions",
    ),
    Mutation(
        "relationships",
        "update marts.rpt_merchant_analytics set merchant_id = gen_random_uuid()"
        " where merchant_name = 'Merchant 1'",
        "relationships_rpt_merchant_analytics_merchant_id__merchant_id__ref_stg_merchant_",
    ),
    Mutation(
        "range: a share",
        "update marts.rpt_merchant_analytics set share_of_category = 1.5 where merchant_name = 'Merchant 2'",
        "in_range_rpt_merchant_analytics_0__1__share_of_category",
    ),
    Mutation(
        "accepted values",
        "update marts.fct_alert_daily set severity = 'grave' where rule = 'foreign' and severity = 'low'"
        " and occurred_on = '2026-03-03'",
        "accepted_values_fct_alert_daily_severity__low__medium__high__critical",
    ),
    Mutation(
        "expression holds",
        "update marts.fct_daily_revenue set net_amount = net_amount + 0.01 where currency = 'JPY'",
        "parts_of_revenue_are_no_larger_than_the_whole",
    ),
    Mutation(
        "same totals: one transaction",
        "update marts.fct_daily_revenue set transactions = transactions + 1"
        " where currency = 'USD' and occurred_on = '2026-03-02'",
        "revenue_holds_every_transaction",
    ),
    Mutation(
        "same totals: one cent",
        "update marts.fct_daily_revenue set gross_amount = gross_amount - 0.01,"
        " net_amount = net_amount - 0.01 where currency = 'USD' and occurred_on = '2026-03-02'",
        "revenue_holds_every_cent_by_currency",
    ),
    Mutation(
        "versions do not overlap",
        "insert into history.snap_customer select customer_id, home_country, currency, segment, is_inferred,"
        " updated_at, 'overlapping', dbt_updated_at, dbt_valid_from + interval '1 day', null"
        " from history.snap_customer limit 1",
        "versions_do_not_overlap_snap_customer_customer_id",
    ),
    Mutation(
        "has rate",
        "delete from staging.int_fx_rate where valid_on = '2026-03-04' and currency = 'USD'",
        "every_transaction_has_a_rate",
        also="revenue_used_the_rate_that_is_published",
    ),
    Mutation(
        "unique together",
        WITHOUT_KEY.format("staging.int_fx_rate")
        + "insert into staging.int_fx_rate select * from staging.int_fx_rate where valid_on = '2019-03-04'"
        " and currency = 'USD'",
        "unique_together_int_fx_rate_valid_on__currency",
    ),
    Mutation(
        "range: the seed",
        "update staging.fx_rate set usd = -1 where rate_on = '2019-03-05'",
        "in_range_stg_fx_rate_1e_06__units_per_euro",
    ),
)
CORRUPTED_SQL = {
    # file: (text, what is put in its place, the unit test that fails)
    "models/staging/stg_transaction.sql": (
        "at time zone 'UTC')::date",
        "at time zone 'Asia/Tokyo')::date",
        "a_day_is_a_day_in_utc_and_the_horizon_holds",
    ),
    "models/staging/stg_chargeback.sql": (
        "superseded_seq is null or superseded_seq >",
        "superseded_seq is null or superseded_seq >= 0 +",
        "the_label_that_was_current_at_the_horizon_counts",
    ),
    "models/intermediate/int_fx_rate.sql": (
        "order by published.rate_on) - 1",
        "order by published.rate_on)",
        "a_rate_holds_until_the_next_one_but_not_for_ever",
    ),
    "macros/version_intervals.sql": (
        "= 1 then '-infinity'",
        "= 2 then '-infinity'",
        "versions_fill_all_time_and_inferred_ones_give_way",
    ),
    "models/marts/fct_alert_daily.sql": (
        "when labelled_alerts > 0",
        "when labelled_alerts > 2",
        "an_alert_counts_for_each_rule_and_precision_needs_labels",
    ),
    "models/marts/dim_customer_kpi.sql": (
        "order by recency_days desc",
        "order by recency_days",
        "customers_are_summed_compared_and_banded",
    ),
    "models/marts/rpt_merchant_analytics.sql": (
        "when labelled_transactions > 0",
        "when labelled_transactions > 2",
        "merchants_are_ranked_within_category_and_country",
    ),
    "models/marts/fct_segment_daily.sql": (
        "coalesce(versions.segment, 'unknown') as segment",
        "coalesce(versions.segment, 'none') as segment",
        "a_customer_counts_in_the_segment_that_held",
    ),
    "models/staging/stg_minute.sql": (
        "date_part('hour', minute at time zone 'UTC')",
        "date_part('hour', minute at time zone 'UTC' + interval '30 minutes')",
        "minutes_lie_in_their_hour_of_utc",
    ),
    "models/marts/fct_hourly.sql": (
        "group by occurred_on, hour_utc, currency",
        "group by occurred_on, hour_utc, currency having sum(flagged) > 0",
        "an_hour_is_the_sum_of_its_minutes",
    ),
}


@pytest.fixture(scope="module")
def clean(
    warehouse: Settings, empty_warehouse: Callable[[], None], dbt: Dbt, server: Runtime
) -> Iterator[str]:
    """Fill the warehouse and build it, tests and all; yield the name of a copy that stays as it is."""
    empty_warehouse()
    with closing(psycopg2.connect(**warehouse.postgres("warehouse_owner"))) as owner, owner:
        cursor = owner.cursor()
        load(cursor, Known())
        cursor.execute("update ops.stream_ledger set committed_at = now()")  # tests look at what is new
    outcome = dbt.invoke("build")
    assert outcome["succeeded"], [node for node in outcome["nodes"] if node["status"] in ("error", "fail")]
    copy = f"{warehouse.postgres_database}-clean"
    copy_database(server, warehouse.postgres_database, copy)
    return copy


@pytest.fixture
def built(warehouse: Settings, clean: str, server: Runtime) -> None:
    """Put the warehouse back to what was built."""
    copy_database(server, clean, warehouse.postgres_database)


def copy_database(server: Runtime, source: str, target: str) -> None:
    names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    with closing(connect(server.superuser())) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql.SQL("drop database if exists {target} with (force)").format(**names))
        cursor.execute(
            sql.SQL("create database {target} template {source} owner warehouse_owner").format(**names)
        )


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("mutations", "layer"),
    [
        pytest.param(OF_SOURCES, ("--select", "source:*"), id="sources"),
        pytest.param(OF_MODELS, ("--exclude", "source:*", "test_type:unit"), id="models"),
    ],
)
def test_exactly_the_tests_of_what_is_corrupted_fail(
    warehouse: Settings, server: Runtime, dbt: Dbt, mutations: tuple[Mutation, ...], layer: tuple[str, ...]
) -> None:
    superuser = server.superuser() | {"dbname": warehouse.postgres_database}
    with closing(psycopg2.connect(**superuser)) as connection, connection:
        for mutation in mutations:
            cursor = connection.cursor()
            cursor.execute(mutation.statement)
            assert cursor.rowcount, f"{mutation.kind}: nothing was corrupted"
    failing = dbt.failing("test", *layer)
    told = {name for mutation in mutations for name in (mutation.failing, mutation.also) if name}
    named = {name: next((one for one in told if name.startswith(one)), name) for name in failing}
    assert set(named.values()) == told, "other tests fail, or one does not"
    assert [name for name, status in failing.items() if status == "warn"] == [
        name for name in failing if name.endswith("_fact_transaction__90__90__latitude")
    ], "which of them only warns"


@pytest.mark.usefixtures("built")
def test_the_failing_rows_can_be_seen(warehouse: Settings, server: Runtime, dbt: Dbt) -> None:
    superuser = server.superuser() | {"dbname": warehouse.postgres_database}
    with closing(psycopg2.connect(**superuser)) as connection, connection:
        connection.cursor().execute(fact(1, "amount = 0"))
    name = "source_in_range_core_fact_transaction_0_01__99999999_99__amount"
    (outcome,) = dbt.invoke("test", "--select", name)["nodes"]
    assert (outcome["status"], outcome["failures"]) == ("fail", 1)
    with closing(psycopg2.connect(**warehouse.postgres("analyst"))) as analyst, analyst.cursor() as cursor:
        cursor.execute(f"select amount from {outcome['failing_rows']}")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.usefixtures("built")
def test_a_source_that_nothing_arrives_in_is_stale(warehouse: Settings, dbt: Dbt) -> None:
    def status_after(age: str) -> dict[str, str]:
        with closing(psycopg2.connect(**warehouse.postgres("warehouse_owner"))) as owner, owner:
            owner.cursor().execute(f"update ops.stream_ledger set committed_at = now() - interval '{age}'")
        nodes = dbt.invoke("source", "freshness")["nodes"]
        return {node["name"]: node["status"] for node in nodes}

    assert status_after("5 hours")["fact_transaction"] == "pass"
    assert status_after("7 hours")["fact_transaction"] == "warn"
    assert status_after("3 days") == {
        "fact_transaction": "error",
        "fact_alert": "error",
        "rollup_minute": "error",
        "stream_ledger": "error",
        "fact_chargeback": "pass",  # labels come when they come
    }


@pytest.mark.usefixtures("built")
def test_exactly_the_unit_tests_of_what_is_corrupted_fail(warehouse: Settings, tmp_path: Path) -> None:
    project = tmp_path / "dbt"
    shutil.copytree(PROJECT_DIR, project)
    for name, (text, corrupted, _) in CORRUPTED_SQL.items():
        file = project / name
        assert text in file.read_text(), f"{name} reads otherwise now"
        file.write_text(file.read_text().replace(text, corrupted))
    with running_dbt(warehouse, tmp_path, project) as dbt:
        failing = dbt.failing("test", "--select", "test_type:unit")
    assert set(failing) == {test for _, _, test in CORRUPTED_SQL.values()}
