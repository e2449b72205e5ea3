{{ config(materialized='view') }}

with transactions as (
    select * from {{ ref('stg_transaction') }}
),

final as (
    {{ valued('transactions') }}
)

select * from final
