/*
title: Revenue by currency
question: What do customers pay in?
dashboard: business
tab: Revenue
place: {col: 0, row: 8, width: 12, height: 9}
chart: {kind: table}
*/
select
    currency,
    sum(transactions)::bigint as transactions,
    sum(gross_amount) as gross,
    sum(suspected_fraud_amount) as suspicious,
    sum(net_amount) as net,
    sum(net_amount_reporting) as net_reporting
from marts.fct_daily_revenue
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and currency = {{currency}}]]
group by currency
order by net_reporting desc, currency
