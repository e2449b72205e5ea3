/*
title: Precision by rule
question: Of the alerts whose truth is known, how many were fraud?
dashboard: fraud
tab: Rules
place: {col: 0, row: 8, width: 12, height: 9}
chart: {kind: row, x: rule, y: [percent_confirmed], unit: "%"}
*/
select
    rule,
    round(100.0 * sum(confirmed_alerts) / sum(labelled_alerts), 1) as percent_confirmed,
    sum(labelled_alerts)::bigint as labelled_alerts
from marts.fct_alert_daily
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and rule = {{rule}}]]
group by rule
having sum(labelled_alerts) > 0
order by percent_confirmed desc, rule
