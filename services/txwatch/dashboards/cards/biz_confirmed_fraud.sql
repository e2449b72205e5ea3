/*
title: Lost to fraud, in the reporting currency
question: What did fraud cost, as far as it is known?
dashboard: business
tab: Revenue
place: {col: 0, row: 4, width: 6, height: 4}
chart: {kind: number, y: [confirmed_fraud]}
*/
select coalesce(sum(confirmed_fraud_amount_reporting), 0) as confirmed_fraud
from marts.fct_daily_revenue
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and currency = {{currency}}]]
