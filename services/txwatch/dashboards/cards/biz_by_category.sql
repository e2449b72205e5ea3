/*
title: Net revenue by category
question: What is bought?
dashboard: business
tab: Customers and merchants
place: {col: 0, row: 0, width: 12, height: 9}
chart: {kind: row, x: category, y: [net]}
*/
select category, sum(net_amount_reporting) as net
from marts.fct_merchant_daily
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and country = {{country}}]]
group by category
order by net desc, category
limit 15
