{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['customer_id', 'merchant_id'],
        indexes=[{'columns': ['ledger_seq']}],
    )
}}

{% set seen = watermark(['ledger_seq']) %}

with transactions as (
    select * from {{ ref('stg_transaction') }}
    {% if is_incremental() %}
    where ledger_seq > {{ seen.ledger_seq }}
    {% endif %}
),

-- That a pair exists, and the last batch that brought one, only ever grows: no old fact need be read again.
final as (
    select
        customer_id,
        merchant_id,
        max(ledger_seq) as ledger_seq
    from transactions
    group by customer_id, merchant_id
)

select * from final
