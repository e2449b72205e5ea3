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
