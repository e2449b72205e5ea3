/*
title: Newest alerts
question: What should be looked at first?
dashboard: fraud
tab: Alerts
place: {col: 0, row: 8, width: 24, height: 9}
chart: {kind: table}
*/
select
    date_trunc('second', alert.occurred_at at time zone 'UTC') as occurred_at,
    alert.severity,
    array_to_string(alert.rules, ', ') as rules,
    fact.amount,
    fact.currency,
    fact.country,
    fact.payment_method,
    merchant.name as merchant,
    alert.evidence::text as evidence,
    alert.transaction_id::text as transaction_id
from core.fact_alert as alert
inner join core.fact_transaction as fact using (transaction_id)
left join core.dim_merchant as merchant using (merchant_id)
where true
    [[and alert.occurred_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and alert.occurred_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
    [[and fact.currency = {{currency}}]]
    [[and fact.country = {{country}}]]
    [[and {{rule}} = any(alert.rules)]]
order by alert.occurred_at desc, alert.transaction_id
limit 50
