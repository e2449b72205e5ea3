{{ config(materialized='table', indexes=[{'columns': ['valid_on', 'currency'], 'unique': true}]) }}

with published as (
    select * from {{ ref('stg_fx_rate') }}
),

reporting as (
    select
        rate_on,
        units_per_euro
    from published
    where currency = '{{ reporting_currency() }}'
),

valid as (
    select
        published.rate_on,
        published.currency,
        round(reporting.units_per_euro / published.units_per_euro, 12) as rate,
        least(
            lead(published.rate_on) over (partition by published.currency order by published.rate_on) - 1,
            published.rate_on + {{ var('fx_carry_days') }}
        ) as last_valid_on
    from published
    inner join reporting on published.rate_on = reporting.rate_on
),

final as (
    select
        each_day::date as valid_on,
        valid.currency,
        valid.rate,
        valid.rate_on
    from valid
    cross join lateral generate_series(valid.rate_on, valid.last_valid_on, interval '1 day') as each_day
)

select * from final
