/*
title: Flagged share by merchant country
question: Where is it worst?
dashboard: fraud
tab: Rules
place: {col: 0, row: 17, width: 24, height: 8}
chart: {kind: bar, x: country, y: [percent_flagged], unit: "%"}
*/
-- A country with next to no payments would lead by chance: the twenty largest are compared.
with countries as (
    select
        country,
        sum(transactions) as transactions,
        sum(suspected_fraud_transactions) as flagged
    from marts.fct_merchant_daily
    where true
        [[and occurred_on >= cast({{day_from}} as date)]]
        [[and occurred_on <= cast({{day_to}} as date)]]
        [[and country = {{country}}]]
    group by country
    order by transactions desc, country
    limit 20
)

select country, round(100.0 * flagged / transactions, 3) as percent_flagged, transactions::bigint as transactions
from countries
order by percent_flagged desc, country
