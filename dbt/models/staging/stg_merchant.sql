with merchants as (
    select
        merchant_id,
        name as merchant_name,
        category_code,
        category,
        country,
        risk_tier,
        is_inferred,
        updated_at
    from {{ source('core', 'dim_merchant') }}
)

select * from merchants
