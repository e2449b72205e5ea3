{{ config(materialized='table') }}

-- Rebuilt whole, from one row per customer and day: a day's figures change when a segment is corrected later.
with customer_days as (
    select * from {{ ref('int_customer_day') }}
),

versions as (
    select * from {{ ref('int_customer_version') }}
),

final as (
    select
        customer_days.occurred_on,
        coalesce(versions.segment, 'unknown') as segment,
        count(*) as customers,
        sum(customer_days.transactions)::bigint as transactions,
        sum(customer_days.amount_reporting) as gross_amount_reporting,
        sum(customer_days.foreign_transactions)::bigint as foreign_transactions,
        sum(customer_days.suspected_transactions)::bigint as suspected_fraud_transactions,
        sum(customer_days.labelled_transactions)::bigint as labelled_transactions,
        sum(customer_days.confirmed_transactions)::bigint as confirmed_fraud_transactions,
        sum(customer_days.confirmed_amount_reporting) as confirmed_fraud_amount_reporting
    from customer_days
    left join versions
        on customer_days.customer_id = versions.customer_id
        and {{ is_valid_at_end_of('customer_days.occurred_on', 'versions') }}
    group by customer_days.occurred_on, coalesce(versions.segment, 'unknown')
)

select * from final
