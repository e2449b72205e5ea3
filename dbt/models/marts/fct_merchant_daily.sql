{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['merchant_id', 'occurred_on'],
        indexes=[{'columns': ['ledger_seq']}, {'columns': ['label_seq']}, {'columns': ['occurred_on']}],
    )
}}

{% set seen = watermark() %}

with merchant_days as (
    select * from {{ ref('int_merchant_day') }}
),

versions as (
    select * from {{ ref('int_merchant_version') }}
),

{% if is_incremental() %}
touched as (
    {{ touched_rows(ref('int_merchant_day'), ['merchant_id', 'occurred_on'], seen) }}
    union
    {{ outdated_versions('versions', 'merchant_id', 'merchant_version_id') }}
),

{% endif %}
totals as (
    select
        merchant_id,
        occurred_on,
        sum(transactions)::bigint as transactions,
        sum(amount_reporting)::numeric(20, 2) as gross_amount_reporting,
        sum(suspected_transactions)::bigint as suspected_fraud_transactions,
        sum(suspected_amount_reporting)::numeric(20, 2) as suspected_fraud_amount_reporting,
        sum(labelled_transactions)::bigint as labelled_transactions,
        sum(confirmed_transactions)::bigint as confirmed_fraud_transactions,
        sum(confirmed_amount_reporting)::numeric(20, 2) as confirmed_fraud_amount_reporting,
        max(ledger_seq) as ledger_seq,
        max(label_seq) as label_seq
    from merchant_days
    {% if is_incremental() %}
    inner join touched using (merchant_id, occurred_on)
    {% endif %}
    group by merchant_id, occurred_on
),

final as (
    select
        totals.merchant_id,
        totals.occurred_on,
        coalesce(versions.category, 'unknown') as category,
        coalesce(versions.country, 'unknown') as country,
        coalesce(versions.risk_tier, 'unknown') as risk_tier,
        versions.version_id as merchant_version_id,
        totals.transactions,
        totals.gross_amount_reporting,
        totals.suspected_fraud_transactions,
        totals.suspected_fraud_amount_reporting,
        (totals.gross_amount_reporting - totals.suspected_fraud_amount_reporting)::numeric(20, 2)
            as net_amount_reporting,
        totals.labelled_transactions,
        totals.confirmed_fraud_transactions,
        totals.confirmed_fraud_amount_reporting,
        totals.ledger_seq,
        totals.label_seq
    from totals
    left join versions
        on totals.merchant_id = versions.merchant_id
        and {{ is_valid_at_end_of('totals.occurred_on', 'versions') }}
)

select * from final
