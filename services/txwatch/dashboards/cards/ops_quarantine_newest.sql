/*
title: Newest held records
question: What do they look like?
dashboard: operations
tab: Quarantine
place: {col: 9, row: 0, width: 15, height: 9}
chart: {kind: table}
*/
select
    date_trunc('second', appended_at at time zone 'UTC') as appended_at,
    reason,
    field,
    topic || '/' || kafka_partition || '@' || kafka_offset as record,
    encode(substring(raw for 160), 'escape') as raw
from ops.quarantine
where
    resolution is null
    [[and appended_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and appended_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
order by quarantine.appended_at desc, topic, kafka_partition, kafka_offset desc
limit 50
