with published as (
    select * from {{ ref('fx_rate') }}
),

by_currency as (
    select
        published.rate_on,
        upper(quoted.currency) as currency,
        quoted.units::numeric as units_per_euro
    from published
    cross join lateral jsonb_each_text(to_jsonb(published) - 'rate_on') as quoted (currency, units)
    where quoted.units is not null
),

final as (
    select * from by_currency
    union all
    select
        rate_on,
        'EUR' as currency,
        1 as units_per_euro
    from published
)

select * from final
