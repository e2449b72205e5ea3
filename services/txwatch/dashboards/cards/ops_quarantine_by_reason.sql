/*
title: Quarantine by reason
question: Why are records held back?
dashboard: operations
tab: Quarantine
place: {col: 0, row: 0, width: 9, height: 9}
chart: {kind: row, x: reason, y: [held], unit: records}
*/
select reason, count(*) as held
from ops.quarantine
where
    resolution is null
    [[and appended_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and appended_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
group by reason
order by held desc, reason
