"""A warehouse with millions of facts, made by Postgres itself in a minute or two.

What the generator sends takes its way through Kafka and Spark; here one insert makes rows of the same shape:
few busy customers and merchants and many quiet ones, amounts log-normal around 40, 9 of 10 payments in the
customer's own country, 4 % with a rule that fired, a label for 1 of 16. Ids are in the order of time, as the
generator's are; facts lie in the order in which they occurred, as they do when they arrive.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from txwatch.cli.prepare import fill_dimensions
from txwatch.embedded.postgres import Postgres
from txwatch.embedded.runtime import Runtime
from txwatch.postgres import connect
from txwatch.settings import Settings, load_settings
from txwatch.warehouse.migrations import migrate

DAYS = 90
BATCH = 20_000

_PREPARE = """
create table if not exists public.bench_customer as
select row_number() over (order by customer_id) - 1 as n, customer_id, currency, home_country
from core.dim_customer;
create table if not exists public.bench_merchant as
select row_number() over (order by merchant_id) - 1 as n, merchant_id, country from core.dim_merchant;
create unique index if not exists bench_customer_n on public.bench_customer (n);
create unique index if not exists bench_merchant_n on public.bench_merchant (n);
insert into ops.ruleset (name, version, hash, body) values ('bench', 1, 'h', '{}') on conflict do nothing;
"""
_LEDGER = """
insert into ops.stream_ledger (
    query, epoch, batch_id, offset_ranges, rows_in, facts, alerts, quarantined, duplicates, latency_p50_ms,
    latency_p95_ms, committed_at
)
select 'transactions', 1, n, '[]', %(batch)s, %(batch)s, 0, 0, 0, 400 + n %% 100, 900 + n %% 300, now()
from generate_series(
    (select count(*) + 1 from ops.stream_ledger), (select count(*) from ops.stream_ledger) + %(batches)s
) as n
"""
_FACTS = """
insert into core.fact_transaction (
    transaction_id, customer_id, merchant_id, occurred_at, latitude, longitude, ledger_seq, ruleset_id,
    is_foreign, is_fraud, amount, currency, country, payment_method, device_id, rules
)
select
    (lpad(to_hex((extract(epoch from drawn.occurred_at) * 1000)::bigint), 12, '0') || '7'
        || lpad(to_hex(drawn.n), 19, '0'))::uuid,
    customer.customer_id,
    merchant.merchant_id,
    drawn.occurred_at,
    50 + drawn.chance, 10 + drawn.chance,
    %(first_seq)s + (drawn.n - %(start)s) / %(batch)s,
    1,
    drawn.chance > 0.9,
    drawn.chance < 0.04,
    drawn.amount,
    customer.currency,
    case when drawn.chance > 0.9 then merchant.country else customer.home_country end,
    (array['chip', 'contactless', 'swipe', 'online', 'wallet'])[1 + floor(drawn.chance * 5)::int],
    'device-' || customer.n,
    case
        when drawn.chance < 0.01 then array['amount_over_threshold', 'foreign_transaction']
        when drawn.chance < 0.04 then array['foreign_transaction']
        else '{}'::text[]
    end
from (
    select
        n,
        random() as chance,
        floor(power(random(), 1.5) * %(customers)s)::bigint as customer_n,
        floor(power(random(), 2) * %(merchants)s)::bigint as merchant_n,
        round(exp(3.7 + 1.1 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::numeric + 0.01, 2)
            as amount,
        %(first_day)s::timestamptz
            + make_interval(secs => 86400.0 * %(days)s * (n - %(start)s) / %(rows)s)
            - make_interval(days => case when random() < %(late)s then floor(random() * 30)::int else 0 end)
            as occurred_at
    from generate_series(%(start)s::bigint, %(start)s::bigint + %(rows)s - 1) as n
) as drawn
inner join public.bench_customer as customer on drawn.customer_n = customer.n
inner join public.bench_merchant as merchant on drawn.merchant_n = merchant.n
"""
_ALERTS = """
insert into core.fact_alert
    (transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id, severity, rules, evidence)
select
    transaction_id, customer_id, occurred_at, ledger_seq, ruleset_id,
    case when cardinality(rules) > 1 then 'high' else 'low' end, rules,
    '{"foreign_transaction": {"country": "US"}}'
from core.fact_transaction
where ledger_seq >= %(first_seq)s and is_fraud
"""
_ROLLUPS = """
insert into core.rollup_minute as kept
select
    date_trunc('minute', occurred_at), currency, count(*), sum(amount), count(*) filter (where is_fraud),
    coalesce(sum(amount) filter (where is_fraud), 0)
from core.fact_transaction
where ledger_seq >= %(first_seq)s
group by 1, 2
on conflict (minute, currency) do update set
    transactions = kept.transactions + excluded.transactions, amount = kept.amount + excluded.amount,
    flagged = kept.flagged + excluded.flagged, flagged_amount = kept.flagged_amount + excluded.flagged_amount
"""
_LABELS = """
with batch as (
    insert into ops.label_ledger (query, epoch, offset_ranges, rows_in, first_labels, corrections, outdated,
        duplicates, quarantined, committed_at)
    values ('labels', 1, '[]', 0, 0, 0, 0, 0, 0, now()) returning label_seq
)
insert into core.fact_chargeback (transaction_id, known_at, label_seq, is_fraud)
select transaction_id, occurred_at + interval '3 days', batch.label_seq, random() < 0.2
from core.fact_transaction cross join batch
where ledger_seq >= %(first_seq)s and ('x' || right(transaction_id::text, 1))::bit(4)::int = 0
"""
_QUARANTINE = """
insert into ops.quarantine (topic, kafka_partition, kafka_offset, appended_at, raw, reason, ledger_seq)
select 'transactions', n %% 4, n, now() - n * interval '10 seconds', '{oops',
    (array['not_json', 'missing_field', 'unknown_currency'])[1 + n %% 3], 1
from generate_series(1, %(rows)s) as n
"""


@dataclass
class ManyFacts:
    """A warehouse that grows by as many facts as it is told."""

    settings: Settings
    runtime: Runtime
    rows: int = 0

    def grow_to(self, rows: int) -> None:
        """Insert facts over `DAYS` days, their alerts, rollups and labels, until there are so many."""
        self._insert(rows - self.rows, first_day="2026-06-01", days=DAYS, late=0.0)

    def arrive(self, rows: int = BATCH) -> None:
        """Insert what a few minutes of the last day bring; 1 in 100 rows is up to 30 days late."""
        self._insert(rows, first_day="2026-08-29 12:00+00", days=0.1, late=0.01)

    def quarantine(self, rows: int) -> None:
        """Hold so many records."""
        self._run((_QUARANTINE, {"rows": rows}))

    def _insert(self, rows: int, first_day: str, days: float, late: float) -> None:
        with closing(
            connect(self.runtime.superuser() | {"dbname": self.settings.postgres_database})
        ) as opened:
            cursor = opened.cursor()
            cursor.execute(_PREPARE)
            cursor.execute("select coalesce(max(ledger_seq), 0) + 1 from ops.stream_ledger")
            (first_seq,) = cursor.fetchone() or (1,)
            values = {
                "start": self.rows, "rows": rows, "first_day": first_day, "days": days, "late": late,
                "batch": BATCH, "batches": -(-rows // BATCH), "first_seq": first_seq,
                "customers": self.settings.world_customers, "merchants": self.settings.world_merchants,
            }  # fmt: skip
            for statement in (_LEDGER, _FACTS, _ALERTS, _ROLLUPS, _LABELS):
                cursor.execute(statement, values)
            opened.commit()
        self.rows += rows
        self._run(("analyze", {}))

    def _run(self, *statements: tuple[str, dict[str, object]]) -> None:
        with closing(
            connect(self.runtime.superuser() | {"dbname": self.settings.postgres_database})
        ) as opened:
            opened.autocommit = True
            for statement, values in statements:
                opened.cursor().execute(statement, values)


@contextmanager
def many_facts() -> Iterator[ManyFacts]:
    """Start a Postgres in a folder of its own with dimensions in it; leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="txwatch-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        settings = load_settings(state_dir=Path(folder))
        runtime = Runtime(settings, [Postgres(settings)])
        try:
            runtime.up()
            settings = load_settings(state_dir=Path(folder))
            migrate(settings, runtime.superuser())
            fill_dimensions(settings)
            yield ManyFacts(settings, runtime)
        finally:
            runtime.down()
            runtime.remove_data()
