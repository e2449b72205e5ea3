with alerts as (
    select * from {{ source('core', 'fact_alert') }}
),

horizon as (
    select * from {{ ref('stg_ledger_horizon') }}
),

final as (
    select
        transaction_id,
        customer_id,
        occurred_at,
        (occurred_at at time zone 'UTC')::date as occurred_on,
        raised_at,
        severity,
        rules,
        ruleset_id,
        ledger_seq
    from alerts
    where ledger_seq <= (select transaction_seq from horizon)
)

select * from final
