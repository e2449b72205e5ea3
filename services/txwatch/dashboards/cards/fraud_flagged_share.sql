/*
title: Flagged
question: Which share of the transactions is suspicious?
dashboard: fraud
tab: Alerts
place: {col: 0, row: 4, width: 6, height: 4}
chart: {kind: number, y: [percent], unit: "%"}
*/
select round(100.0 * sum(flagged) / nullif(sum(transactions), 0), 3) as percent
from core.rollup_minute
where true
    [[and minute >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and minute < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
    [[and currency = {{currency}}]]
