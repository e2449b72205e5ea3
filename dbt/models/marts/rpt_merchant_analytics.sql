{{ config(materialized='table') }}

with merchants as (
    select * from {{ ref('stg_merchant') }}
),

merchant_days as (
    select * from {{ ref('fct_merchant_daily') }}
),

totals as (
    select
        merchant_id,
        sum(transactions)::bigint as transactions,
        count(*) as active_days,
        sum(gross_amount_reporting) as gross_amount_reporting,
        sum(suspected_fraud_transactions)::bigint as suspected_fraud_transactions,
        sum(suspected_fraud_amount_reporting) as suspected_fraud_amount_reporting,
        sum(labelled_transactions)::bigint as labelled_transactions,
        sum(confirmed_fraud_transactions)::bigint as confirmed_fraud_transactions,
        sum(confirmed_fraud_amount_reporting) as confirmed_fraud_amount_reporting
    from merchant_days
    group by merchant_id
),

described as (
    select
        totals.*,
        merchants.merchant_name,
        coalesce(merchants.category, 'unknown') as category,
        coalesce(merchants.country, 'unknown') as country,
        coalesce(merchants.risk_tier, 'unknown') as risk_tier
    from totals
    inner join merchants on totals.merchant_id = merchants.merchant_id
),

final as (
    select
        merchant_id,
        merchant_name,
        category,
        country,
        risk_tier,
        transactions,
        active_days,
        gross_amount_reporting,
        rank() over (partition by category order by gross_amount_reporting desc) as rank_in_category,
        rank() over (partition by country order by gross_amount_reporting desc) as rank_in_country,
        round(gross_amount_reporting / sum(gross_amount_reporting) over (partition by category), 6)
            as share_of_category,
        suspected_fraud_transactions,
        suspected_fraud_amount_reporting,
        round(suspected_fraud_transactions::numeric / transactions, 6) as suspected_fraud_share,
        round(
            sum(suspected_fraud_transactions) over (partition by category)
            / sum(transactions) over (partition by category),
            6
        ) as category_suspected_fraud_share,
        labelled_transactions,
        confirmed_fraud_transactions,
        confirmed_fraud_amount_reporting,
        case
            when labelled_transactions > 0
                then round(confirmed_fraud_transactions::numeric / labelled_transactions, 6)
        end as confirmed_fraud_share
    from described
)

select * from final
