/*
title: Alerts by rule
question: Which rules fire, and did one of them change its habits?
dashboard: fraud
tab: Rules
place: {col: 0, row: 0, width: 24, height: 8}
chart: {kind: bar, x: day, y: [alerts], series: rule, stacked: true}
*/
-- From the mart: counting the alerts themselves takes 0.4 s at 6 million facts.
select occurred_on as day, rule, sum(alerts)::bigint as alerts
from marts.fct_alert_daily
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and rule = {{rule}}]]
group by day, rule
order by day, rule
