/*
title: Net revenue by merchant country
question: Where is it earned?
dashboard: business
tab: Revenue
place: {col: 12, row: 8, width: 12, height: 9}
chart: {kind: row, x: country, y: [net]}
*/
select country, sum(net_amount_reporting) as net
from marts.fct_merchant_daily
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and country = {{country}}]]
group by country
order by net desc, country
limit 15
