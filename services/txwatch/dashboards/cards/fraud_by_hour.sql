/*
title: Flagged share by hour of the day
question: When is it worst?
dashboard: fraud
tab: Alerts
place: {col: 6, row: 0, width: 18, height: 8}
chart: {kind: bar, x: hour_utc, y: [percent_flagged], unit: "%"}
*/
select
    date_part('hour', minute at time zone 'UTC')::integer as hour_utc,  -- extract would count in exact numbers
    round(100.0 * sum(flagged) / sum(transactions), 3) as percent_flagged
from core.rollup_minute
where true
    [[and minute >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and minute < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
    [[and currency = {{currency}}]]
group by hour_utc
order by hour_utc
