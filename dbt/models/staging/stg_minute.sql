with rollups as (
    select * from {{ source('core', 'rollup_minute') }}
),

final as (
    select
        minute,
        (minute at time zone 'UTC')::date as occurred_on,
        date_part('hour', minute at time zone 'UTC')::integer as hour_utc,
        currency,
        transactions,
        amount,
        flagged,
        flagged_amount
    from rollups
)

select * from final
