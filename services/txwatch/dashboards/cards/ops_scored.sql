/*
title: Transactions scored
question: How much has the stream carried?
dashboard: operations
tab: Stream
place: {col: 0, row: 0, width: 8, height: 3}
chart: {kind: number, y: [transactions]}
*/
select coalesce(sum(facts), 0)::bigint as transactions
from ops.stream_ledger
where true
    [[and committed_at >= cast({{day_from}} as timestamp) at time zone 'UTC']]
    [[and committed_at < (cast({{day_to}} as timestamp) + interval '1 day') at time zone 'UTC']]
