"""What verify asks of the warehouse. Findings come up to `limit`, the count of all as last column."""

TOTALS = """
select coalesce(sum(rows_in), 0)::bigint,
       coalesce(sum(facts), 0)::bigint,
       coalesce(sum(alerts), 0)::bigint,
       coalesce(sum(quarantined), 0)::bigint,
       coalesce(sum(duplicates), 0)::bigint
from ops.stream_ledger
where (query = %(query)s) = %(is_stream)s
"""

SPANS = """
select span.partition, span.start, span."end", ledger_seq
from ops.stream_ledger
cross join lateral jsonb_to_recordset(offset_ranges)
    as span (topic text, partition integer, start bigint, "end" bigint)
where query = %(query)s and span.topic = %(topic)s
order by span.partition, span.start
"""

NEXT_OFFSETS = """
select kafka_partition, next_offset
from ops.stream_offset
where query = %(query)s and topic = %(topic)s
"""

COUNTS = """
select (select count(*) from core.fact_transaction),
       (select count(*) from core.fact_transaction where is_fraud),
       (select count(*) from core.fact_alert),
       count(*),
       count(*) filter (where resolution = 'fact'),
       count(*) filter (where resolution = 'duplicate')
from ops.quarantine
where topic = %(topic)s
"""

BATCHES = """
with held as (
    select ledger_seq,
           sum(facts)::bigint as facts,
           sum(alerts)::bigint as alerts,
           sum(quarantined)::bigint as quarantined
    from (
        select ledger_seq, count(*) as facts, 0 as alerts, 0 as quarantined
        from core.fact_transaction
        group by 1
        union all
        select ledger_seq, 0, count(*), 0
        from core.fact_alert
        group by 1
        union all
        select ledger_seq, 0, 0, count(*)
        from ops.quarantine
        where topic = %(topic)s
        group by 1
    ) as counted
    group by 1
)
select ledger_seq,
       coalesce(ledger.facts, 0), coalesce(ledger.alerts, 0), coalesce(ledger.quarantined, 0),
       coalesce(held.facts, 0), coalesce(held.alerts, 0), coalesce(held.quarantined, 0),
       count(*) over ()
from ops.stream_ledger as ledger
full join held using (ledger_seq)
where (coalesce(ledger.facts, 0), coalesce(ledger.alerts, 0), coalesce(ledger.quarantined, 0))
    <> (coalesce(held.facts, 0), coalesce(held.alerts, 0), coalesce(held.quarantined, 0))
order by ledger_seq
limit %(limit)s
"""

ALERTS = """
select finding, count(*), min(transaction_id::text), count(*) over ()
from (
    select transaction_id,
           case
               when fact.customer_id is null then 'alerts without a flagged fact'
               when alert.customer_id is null then 'flagged facts without an alert'
               when cardinality(fact.rules) = 0 then 'flagged facts without a rule that fired'
               when (fact.rules, fact.ruleset_id, fact.ledger_seq, fact.customer_id, fact.occurred_at)
                   <> (alert.rules, alert.ruleset_id, alert.ledger_seq, alert.customer_id, alert.occurred_at)
                   then 'alerts that say other than their facts'
           end as finding
    from (select * from core.fact_transaction where is_fraud) as fact
    full join core.fact_alert as alert using (transaction_id)
    union all
    select transaction_id, 'facts with a rule that fired, yet not flagged'
    from core.fact_transaction
    where not is_fraud and cardinality(rules) > 0
) as compared
where finding is not null
group by finding
order by finding
limit %(limit)s
"""

ROLLUPS = """
with made as (
    select date_trunc('minute', occurred_at) as minute,
           currency,
           count(*) as transactions,
           sum(amount) as amount,
           count(*) filter (where is_fraud) as flagged,
           coalesce(sum(amount) filter (where is_fraud), 0) as flagged_amount
    from core.fact_transaction
    group by 1, 2
)
select minute at time zone 'UTC', currency,
       held.transactions, held.amount, held.flagged, held.flagged_amount,
       made.transactions, made.amount, made.flagged, made.flagged_amount,
       count(*) over ()
from core.rollup_minute as held
full join made using (minute, currency)
where (held.transactions, held.amount, held.flagged, held.flagged_amount)
    is distinct from (made.transactions, made.amount, made.flagged, made.flagged_amount)
order by minute, currency
limit %(limit)s
"""

REFERENCES = """
select finding, count(*), min(missing), count(*) over ()
from (
    select 'facts whose customer is in no dimension' as finding, fact.customer_id::text as missing
    from core.fact_transaction as fact
    left join core.dim_customer as customer using (customer_id)
    where customer.customer_id is null
    union all
    select 'facts whose merchant is in no dimension', fact.merchant_id::text
    from core.fact_transaction as fact
    left join core.dim_merchant as merchant using (merchant_id)
    where merchant.merchant_id is null
    union all
    select 'facts whose ruleset is not registered', fact.ruleset_id::text
    from core.fact_transaction as fact
    left join ops.ruleset as ruleset using (ruleset_id)
    where ruleset.ruleset_id is null
) as dangling
group by finding
order by finding
limit %(limit)s
"""

MONEY = """
select currency,
       (occurred_at at time zone 'UTC')::date,
       count(*),
       sum(amount),
       sum(('x' || right(transaction_id::text, 8))::bit(32)::bigint)::bigint
from core.fact_transaction
group by 1, 2
"""

OBJECTS = """
select kafka_partition, start_offset, end_offset, key, rows
from ops.archive_object
where topic = %(topic)s
order by kafka_partition, start_offset
"""

TRANSIT = "select key from ops.archive_transit where topic = %(topic)s"

QUARANTINE = """
select kafka_partition, kafka_offset,
       case when resolution is null then -1 else coalesce(resolved_ledger_seq, ledger_seq) end
from ops.quarantine
where topic = %(topic)s
order by kafka_partition, kafka_offset
"""

IS_READABLE = """
select exists (
    select
    from pg_class as relation
    inner join pg_namespace as schema on schema.oid = relation.relnamespace
    where schema.nspname = %(schema)s and relation.relname = %(table)s
        and has_schema_privilege(schema.oid, 'usage') and has_table_privilege(relation.oid, 'select')
)
"""

MART = """
select occurred_on, currency, transactions, gross_amount,
       suspected_fraud_transactions, suspected_fraud_amount,
       labelled_transactions, confirmed_fraud_transactions, confirmed_fraud_amount
from marts.fct_daily_revenue
"""

MART_BUILT_TO = (
    "select coalesce(max(ledger_seq), 0), coalesce(max(label_seq), 0) from marts.fct_daily_revenue"
)

MART_DUE_TO = """
select coalesce(max(fact.ledger_seq), 0)
from core.fact_transaction as fact
where fact.ledger_seq <= (select max(transaction_seq) from staging.stg_ledger_horizon)
"""

REVENUE = """
select (fact.occurred_at at time zone 'UTC')::date,
       fact.currency,
       count(*),
       sum(fact.amount),
       count(*) filter (where fact.is_fraud),
       coalesce(sum(fact.amount) filter (where fact.is_fraud), 0),
       count(label.transaction_id),
       count(*) filter (where label.is_fraud),
       coalesce(sum(fact.amount) filter (where label.is_fraud), 0)
from core.fact_transaction as fact
left join core.fact_chargeback as label
    on label.transaction_id = fact.transaction_id
    and label.label_seq <= %(label_seq)s
    and (label.superseded_seq is null or label.superseded_seq > %(label_seq)s)
where fact.ledger_seq <= %(ledger_seq)s
group by 1, 2
"""

LATER = """
select (select count(distinct ledger_seq) from core.fact_transaction where ledger_seq > %(ledger_seq)s),
       (select count(*) from core.fact_transaction where ledger_seq > %(ledger_seq)s),
       count(*)
from core.fact_chargeback as label
inner join core.fact_transaction as fact using (transaction_id)
where label.label_seq > %(label_seq)s and label.superseded_seq is null and fact.ledger_seq <= %(ledger_seq)s
"""

LABEL_SPANS = """
select span.partition, span.start, span."end"
from ops.label_ledger
cross join lateral jsonb_to_recordset(offset_ranges)
    as span (topic text, partition integer, start bigint, "end" bigint)
where span.topic = %(topic)s
"""

LABEL_TOTALS = """
select coalesce(sum(rows_in), 0)::bigint,
       coalesce(sum(first_labels + corrections + outdated), 0)::bigint,
       coalesce(sum(duplicates), 0)::bigint,
       coalesce(sum(quarantined), 0)::bigint
from ops.label_ledger
"""

LABEL_COUNTS = """
select (known_at at time zone 'UTC')::date,
       is_fraud,
       count(*),
       sum(('x' || left(md5(concat_ws(' ', transaction_id, to_char(known_at at time zone 'UTC',
           'YYYY-MM-DD HH24:MI:SS.US'), scenario)), 8))::bit(32)::bigint)::bigint
from core.fact_chargeback
group by 1, 2
"""

LABEL_QUARANTINE = "select kafka_partition, kafka_offset from ops.label_quarantine where topic = %(topic)s"

LABEL_BATCHES = """
with held as (
    select label_seq, sum(kept)::bigint as kept, sum(quarantined)::bigint as quarantined
    from (
        select label_seq, count(*) as kept, 0 as quarantined from core.fact_chargeback group by 1
        union all
        select label_seq, 0, count(*) from ops.label_quarantine group by 1
    ) as counted
    group by 1
),

written as (
    select label_seq, first_labels + corrections + outdated as kept, quarantined from ops.label_ledger
)

select label_seq,
       coalesce(written.kept, 0), coalesce(written.quarantined, 0),
       coalesce(held.kept, 0), coalesce(held.quarantined, 0),
       count(*) over ()
from written
full join held using (label_seq)
where (coalesce(written.kept, 0), coalesce(written.quarantined, 0))
    <> (coalesce(held.kept, 0), coalesce(held.quarantined, 0))
order by label_seq
limit %(limit)s
"""

LABELS_CURRENT = """
select finding, count(*), min(transaction_id::text), count(*) over ()
from (
    select transaction_id,
           case
               when count(*) filter (where superseded_seq is null) = 0
                   then 'labelled transactions without a current label'
               when max(known_at) > max(known_at) filter (where superseded_seq is null)
                   then 'transactions of which a later label is known than the current one'
           end as finding
    from core.fact_chargeback
    group by 1
) as judged
where finding is not null
group by finding
order by finding
limit %(limit)s
"""
