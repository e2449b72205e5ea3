with chargebacks as (
    select * from {{ source('core', 'fact_chargeback') }}
),

horizon as (
    select * from {{ ref('stg_ledger_horizon') }}
),

final as (
    select
        chargeback_id,
        transaction_id,
        is_fraud as is_confirmed_fraud,
        scenario,
        known_at,
        label_seq
    from chargebacks
    where
        label_seq <= (select label_seq from horizon)
        and (superseded_seq is null or superseded_seq > (select label_seq from horizon))
)

select * from final
