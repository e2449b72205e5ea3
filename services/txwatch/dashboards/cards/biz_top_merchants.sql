/*
title: Largest merchants
question: With whom is it earned, and which of them draw fraud?
dashboard: business
tab: Customers and merchants
place: {col: 0, row: 9, width: 24, height: 9}
chart: {kind: table}
*/
with largest as (
    select
        merchant_id,
        sum(transactions)::bigint as transactions,
        sum(net_amount_reporting) as net,
        round(100.0 * sum(suspected_fraud_transactions) / sum(transactions), 2) as percent_flagged
    from marts.fct_merchant_daily
    where true
        [[and occurred_on >= cast({{day_from}} as date)]]
        [[and occurred_on <= cast({{day_to}} as date)]]
        [[and country = {{country}}]]
    group by merchant_id
    order by net desc, merchant_id
    limit 20
)

select
    report.merchant_name as merchant,
    report.category,
    report.country,
    report.risk_tier,
    largest.transactions,
    largest.net,
    largest.percent_flagged,
    report.rank_in_category
from largest
inner join marts.rpt_merchant_analytics as report using (merchant_id)
order by largest.net desc, largest.merchant_id
