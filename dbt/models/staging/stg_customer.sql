with customers as (
    select
        customer_id,
        home_country,
        currency,
        segment,
        is_inferred,
        updated_at
    from {{ source('core', 'dim_customer') }}
)

select * from customers
