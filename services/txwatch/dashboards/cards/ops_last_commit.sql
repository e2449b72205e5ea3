/*
title: Since the last commit
question: Is the stream alive?
dashboard: operations
tab: Stream
place: {col: 8, row: 0, width: 8, height: 3}
chart: {kind: number, y: [seconds], unit: s}
*/
select round(extract(epoch from clock_timestamp() - max(committed_at)))::bigint as seconds
from ops.stream_ledger
