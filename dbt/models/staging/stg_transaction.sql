with transactions as (
    select * from {{ source('core', 'fact_transaction') }}
),

horizon as (
    select * from {{ ref('stg_ledger_horizon') }}
),

final as (
    select
        transaction_id,
        customer_id,
        merchant_id,
        occurred_at,
        (occurred_at at time zone 'UTC')::date as occurred_on,
        amount,
        currency,
        latitude,
        longitude,
        country,
        is_foreign,
        device_id,
        payment_method,
        is_fraud as is_suspected_fraud,
        ruleset_id,
        ledger_seq
    from transactions
    where ledger_seq <= (select transaction_seq from horizon)
)

select * from final
