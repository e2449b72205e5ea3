{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['customer_id', 'occurred_on'],
        indexes=[{'columns': ['ledger_seq']}, {'columns': ['label_seq']}, {'columns': ['occurred_on']}],
    )
}}

{% set seen = watermark() %}

with transactions as not materialized (
    select * from {{ ref('stg_transaction') }}
),

{% if is_incremental() %}
touched as (
    {{ touched('transactions', ['customer_id', 'occurred_on'], seen) }}
),

fetched as materialized (
    select of_day.*
    from touched
    cross join lateral (
        select transactions.*
        from transactions
        where
            transactions.customer_id = touched.customer_id
            and {{ is_on_day('transactions.occurred_at', 'touched.occurred_on') }}
        offset 0
    ) as of_day
),

rebuilt as (
    {{ valued('fetched') }}
),
{% else %}
rebuilt as (
    {{ valued('transactions') }}
),
{% endif %}

final as (
    select
        customer_id,
        occurred_on,
        count(*) as transactions,
        {{ complete_sum('amount_reporting') }}::numeric(20, 2) as amount_reporting,
        count(*) filter (where is_foreign) as foreign_transactions,
        count(*) filter (where is_suspected_fraud) as suspected_transactions,
        count(is_confirmed_fraud) as labelled_transactions,
        count(*) filter (where is_confirmed_fraud) as confirmed_transactions,
        coalesce(sum(amount_reporting) filter (where is_confirmed_fraud), 0)::numeric(20, 2)
            as confirmed_amount_reporting,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        max(ledger_seq) as ledger_seq,
        coalesce(max(label_seq), 0) as label_seq
    from rebuilt
    group by customer_id, occurred_on
)

select * from final
