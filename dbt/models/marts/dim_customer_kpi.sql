{{ config(materialized='table') }}

-- Rebuilt whole, from one row per customer and day: bands and recency compare each customer with all the others.
with customers as (
    select * from {{ ref('stg_customer') }}
),

customer_days as (
    select * from {{ ref('int_customer_day') }}
),

merchants_paid as (
    select
        customer_id,
        count(*) as distinct_merchants
    from {{ ref('int_customer_merchant') }}
    group by customer_id
),

totals as (
    select
        customer_id,
        sum(transactions)::bigint as transactions,
        sum(amount_reporting) as total_amount_reporting,
        sum(foreign_transactions)::bigint as foreign_transactions,
        sum(suspected_transactions)::bigint as suspected_fraud_transactions,
        sum(labelled_transactions)::bigint as labelled_transactions,
        sum(confirmed_transactions)::bigint as confirmed_fraud_transactions,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        max(max(occurred_on)) over () - max(occurred_on) as recency_days
    from customer_days
    group by customer_id
),

-- Bands by share of customers, so that equals share a band: 5 is the best fifth.
banded as (
    select
        *,
        ceil(5 * cume_dist() over (order by recency_days desc))::integer as recency_band,
        ceil(5 * cume_dist() over (order by transactions))::integer as frequency_band,
        ceil(5 * cume_dist() over (order by total_amount_reporting))::integer as monetary_band
    from totals
),

final as (
    select
        customers.customer_id,
        customers.segment,
        customers.home_country,
        coalesce(banded.transactions, 0) as transactions,
        coalesce(banded.total_amount_reporting, 0) as total_amount_reporting,
        round(banded.total_amount_reporting / banded.transactions, 2) as average_amount_reporting,
        coalesce(merchants_paid.distinct_merchants, 0) as distinct_merchants,
        banded.first_seen_at,
        banded.last_seen_at,
        coalesce(banded.suspected_fraud_transactions, 0) as suspected_fraud_transactions,
        coalesce(banded.labelled_transactions, 0) as labelled_transactions,
        coalesce(banded.confirmed_fraud_transactions, 0) as confirmed_fraud_transactions,
        round(banded.suspected_fraud_transactions::numeric / banded.transactions, 6) as suspected_fraud_share,
        round(banded.confirmed_fraud_transactions::numeric / nullif(banded.labelled_transactions, 0), 6)
            as confirmed_fraud_share,
        round(banded.foreign_transactions::numeric / banded.transactions, 6) as foreign_share,
        banded.recency_days,
        banded.recency_band,
        banded.frequency_band,
        banded.monetary_band
    from customers
    left join banded on customers.customer_id = banded.customer_id
    left join merchants_paid on customers.customer_id = merchants_paid.customer_id
)

select * from final
