/*
title: Customers with most alerts
question: Whose card should be blocked?
dashboard: fraud
tab: Rules
place: {col: 12, row: 8, width: 12, height: 9}
chart: {kind: table}
*/
with ranked as (
    select customer_id, count(*) as alerts, max(occurred_at) as last_alert_at
    from core.fact_alert
    where true
        [[and occurred_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
        [[and occurred_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
        [[and {{rule}} = any(rules)]]
    group by customer_id
    order by alerts desc, customer_id
    limit 20
)

select
    ranked.alerts,
    customer.name as customer,
    customer.home_country,
    customer.segment,
    date_trunc('second', ranked.last_alert_at at time zone 'UTC') as last_alert_at,
    ranked.customer_id::text as customer_id
from ranked
left join core.dim_customer as customer using (customer_id)
order by ranked.alerts desc, ranked.customer_id
