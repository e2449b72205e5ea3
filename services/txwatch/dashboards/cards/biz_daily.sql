/*
title: Revenue by day, in the reporting currency
question: How does business develop, and how much of it is suspicious?
dashboard: business
tab: Revenue
place: {col: 6, row: 0, width: 18, height: 8}
chart: {kind: area, x: day, y: [net, suspicious], stacked: true}
*/
select
    occurred_on as day,
    sum(net_amount_reporting) as net,
    sum(suspected_fraud_amount_reporting) as suspicious
from marts.fct_daily_revenue
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and currency = {{currency}}]]
group by day
order by day
