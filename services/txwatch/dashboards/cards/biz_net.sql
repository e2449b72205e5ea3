/*
title: Net revenue, in the reporting currency
question: What is left of the payments without the suspicious ones?
dashboard: business
tab: Revenue
place: {col: 0, row: 0, width: 6, height: 4}
chart: {kind: number, y: [net_revenue]}
*/
select coalesce(sum(net_amount_reporting), 0) as net_revenue
from marts.fct_daily_revenue
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and currency = {{currency}}]]
