{{ config(materialized='table') }}

-- Rebuilt whole, from the stream's rollups, which are as many as minutes: a second at 6 million facts.
with minutes as (
    select * from {{ source('core', 'rollup_minute') }}
),

final as (
    select
        (minute at time zone 'UTC')::date as occurred_on,
        date_part('hour', minute at time zone 'UTC')::integer as hour_utc,
        currency,
        sum(transactions)::bigint as transactions,
        sum(flagged)::bigint as suspected_fraud_transactions
    from minutes
    group by 1, 2, 3
)

select * from final
