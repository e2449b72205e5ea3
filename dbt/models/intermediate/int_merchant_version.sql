{{ config(materialized='view') }}

with versions as (
    select * from {{ ref('snap_merchant') }}
),

final as (
    {{ version_intervals('versions', 'merchant_id', ['category', 'country', 'risk_tier']) }}
)

select * from final
