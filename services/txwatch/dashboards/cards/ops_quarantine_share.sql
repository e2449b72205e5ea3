/*
title: Quarantined
question: Which share of what arrives is not a transaction?
dashboard: operations
tab: Stream
place: {col: 16, row: 0, width: 8, height: 3}
chart: {kind: number, y: [percent], unit: "%"}
*/
select round(100.0 * sum(quarantined) / nullif(sum(rows_in), 0), 3) as percent
from ops.stream_ledger
where true
    [[and committed_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and committed_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
