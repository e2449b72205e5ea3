/*
title: Latency, last three hours of work
question: How long does a transaction wait from Kafka to its commit?
dashboard: operations
tab: Stream
place: {col: 12, row: 3, width: 12, height: 7}
chart: {kind: line, x: minute, y: [p50_ms, p95_ms], unit: ms}
*/
-- Percentiles of a minute cannot be had from those of its batches: the typical and the worst batch are shown.
select
    date_trunc('minute', committed_at at time zone 'UTC') as minute,
    round((percentile_cont(0.5) within group (order by latency_p50_ms))::numeric, 1) as p50_ms,
    round(max(latency_p95_ms)::numeric, 1) as p95_ms
from ops.stream_ledger
where
    committed_at > (select max(committed_at) from ops.stream_ledger) - interval '3 hours'
    and latency_p50_ms is not null
group by minute
order by minute
