{{ config(materialized='view') }}

with versions as (
    select * from {{ ref('snap_customer') }}
),

final as (
    {{ version_intervals('versions', 'customer_id', ['segment', 'home_country']) }}
)

select * from final
