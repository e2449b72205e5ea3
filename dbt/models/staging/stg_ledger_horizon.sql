{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='horizon_id',
        full_refresh=false,
        grants={'select': ['analyst']},
    )
}}

with settled as (
    select * from ops.settled_horizon()
),

final as (
    select
        1 as horizon_id,
        transaction_seq,
        label_seq,
        clock_timestamp() as taken_at
    from settled
)

select * from final
