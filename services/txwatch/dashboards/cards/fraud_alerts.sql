/*
title: Alerts
question: How many transactions raised an alert?
dashboard: fraud
tab: Alerts
place: {col: 0, row: 0, width: 6, height: 4}
chart: {kind: number, y: [alerts]}
*/
select count(*) as alerts
from core.fact_alert
where true
    [[and occurred_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and occurred_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
    [[and {{rule}} = any(rules)]]
