/*
title: Archive
question: Is everything that was scored also archived?
dashboard: operations
tab: Stream
place: {col: 0, row: 10, width: 24, height: 5}
chart: {kind: table}
*/
with archived as (
    select topic, kafka_partition, max(end_offset) as archived_to, max(archived_at) as archived_at, sum(bytes) as bytes
    from ops.archive_object
    group by topic, kafka_partition
),

scored as (
    select topic, kafka_partition, max(next_offset) as scored_to
    from ops.stream_offset
    where query <> 'labels'  -- they are entered as they come, and not archived
    group by topic, kafka_partition
)

select
    scored.topic,
    scored.kafka_partition as partition,
    scored.scored_to,
    coalesce(archived.archived_to, 0) as archived_to,
    greatest(scored.scored_to - coalesce(archived.archived_to, 0), 0) as behind,
    round(archived.bytes / 1e6, 1) as megabytes,
    date_trunc('second', archived.archived_at at time zone 'UTC') as archived_at
from scored
left join archived using (topic, kafka_partition)
order by topic, partition
