/*
title: Alerts by rule
question: Which rules fire, and did one of them change its habits?
dashboard: fraud
tab: Rules
place: {col: 0, row: 0, width: 24, height: 8}
chart: {kind: bar, x: day, y: [alerts], series: rule, stacked: true}
*/
select
    date_trunc('day', alert.occurred_at at time zone 'UTC')::date as day,
    fired.rule,
    count(*) as alerts
from core.fact_alert as alert
cross join lateral unnest(alert.rules) as fired (rule)
where true
    [[and alert.occurred_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and alert.occurred_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
    [[and fired.rule = {{rule}}]]
group by day, fired.rule
order by day, fired.rule
