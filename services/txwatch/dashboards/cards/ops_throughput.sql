/*
title: Throughput, last three hours of work
question: How many rows does the stream commit per minute, and what becomes of them?
dashboard: operations
tab: Stream
place: {col: 0, row: 3, width: 12, height: 7}
chart: {kind: area, x: minute, y: [scored, quarantined, duplicates], stacked: true, unit: rows}
*/
select
    date_trunc('minute', committed_at at time zone 'UTC') as minute,
    sum(facts)::bigint as scored,
    sum(quarantined)::bigint as quarantined,
    sum(duplicates)::bigint as duplicates
from ops.stream_ledger
where committed_at > (select max(committed_at) from ops.stream_ledger) - interval '3 hours'
group by minute
order by minute
