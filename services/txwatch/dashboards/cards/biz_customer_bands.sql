/*
title: Customers by spend
question: How much of the revenue comes from the best customers?
dashboard: business
tab: Customers and merchants
place: {col: 12, row: 0, width: 12, height: 9}
chart: {kind: bar, x: spend_fifth, y: [percent_of_spend], unit: "%"}
*/
-- Bands are fifths of the customers by what they spent in all: 5 is the best fifth.
select
    monetary_band as spend_fifth,
    round(100.0 * sum(total_amount_reporting) / nullif(sum(sum(total_amount_reporting)) over (), 0), 2)
        as percent_of_spend,
    count(*) as customers
from marts.dim_customer_kpi
where monetary_band is not null
group by monetary_band
order by monetary_band
