/*
title: Flagged share by hour of the day
question: When is it worst?
dashboard: fraud
tab: Alerts
place: {col: 6, row: 0, width: 18, height: 8}
chart: {kind: bar, x: hour_utc, y: [percent_flagged], unit: "%"}
*/
-- From the mart: counting the stream's minutes takes 0.4 s at 6 million facts.
select hour_utc, round(100.0 * sum(suspected_fraud_transactions) / sum(transactions), 3) as percent_flagged
from marts.fct_hourly
where true
    [[and occurred_on >= cast({{day_from}} as date)]]
    [[and occurred_on <= cast({{day_to}} as date)]]
    [[and currency = {{currency}}]]
group by hour_utc
order by hour_utc
