{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['merchant_id', 'occurred_on', 'currency'],
        indexes=[{'columns': ['ledger_seq']}, {'columns': ['label_seq']}, {'columns': ['occurred_on', 'currency']}],
    )
}}

{% set seen = watermark() %}

with transactions as not materialized (
    select * from {{ ref('stg_transaction') }}
),

{% if is_incremental() %}
touched as materialized (
    {{ touched('transactions', ['merchant_id', 'occurred_on'], seen) }}
),

-- The facts have no index on the merchant: one pass over the touched span of days, each row looked up in a hash
-- (`is true` keeps the planner from turning it round and hashing the facts).
fetched as materialized (
    select *
    from transactions
    where
        occurred_at >= {{ day_start('(select min(occurred_on) from touched)') }}
        and occurred_at < {{ day_start('(select max(occurred_on) + 1 from touched)') }}
        and ((merchant_id, occurred_on) in (select merchant_id, occurred_on from touched)) is true
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
        merchant_id,
        occurred_on,
        currency,
        count(*) as transactions,
        sum(amount)::numeric(20, 2) as amount,
        {{ complete_sum('amount_reporting') }}::numeric(20, 2) as amount_reporting,
        count(*) filter (where is_suspected_fraud) as suspected_transactions,
        coalesce(sum(amount) filter (where is_suspected_fraud), 0)::numeric(20, 2) as suspected_amount,
        coalesce(sum(amount_reporting) filter (where is_suspected_fraud), 0)::numeric(20, 2)
            as suspected_amount_reporting,
        count(is_confirmed_fraud) as labelled_transactions,
        count(*) filter (where is_confirmed_fraud) as confirmed_transactions,
        coalesce(sum(amount) filter (where is_confirmed_fraud), 0)::numeric(20, 2) as confirmed_amount,
        coalesce(sum(amount_reporting) filter (where is_confirmed_fraud), 0)::numeric(20, 2)
            as confirmed_amount_reporting,
        count(*) filter (where is_confirmed_fraud and is_suspected_fraud) as caught_transactions,
        max(ledger_seq) as ledger_seq,
        coalesce(max(label_seq), 0) as label_seq
    from rebuilt
    group by merchant_id, occurred_on, currency
)

select * from final
