{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['occurred_on', 'currency'],
    )
}}

{% set seen = watermark() %}

with merchant_days as (
    select * from {{ ref('int_merchant_day') }}
),

rates as (
    select * from {{ ref('int_fx_rate') }}
),

{% if is_incremental() %}
touched as (
    {{ touched_rows(ref('int_merchant_day'), ['occurred_on', 'currency'], seen) }}
),

{% endif %}
totals as (
    select
        occurred_on,
        currency,
        sum(transactions)::bigint as transactions,
        sum(amount)::numeric(20, 2) as gross_amount,
        sum(amount_reporting)::numeric(20, 2) as gross_amount_reporting,
        sum(suspected_transactions)::bigint as suspected_fraud_transactions,
        sum(suspected_amount)::numeric(20, 2) as suspected_fraud_amount,
        sum(suspected_amount_reporting)::numeric(20, 2) as suspected_fraud_amount_reporting,
        sum(labelled_transactions)::bigint as labelled_transactions,
        sum(confirmed_transactions)::bigint as confirmed_fraud_transactions,
        sum(confirmed_amount)::numeric(20, 2) as confirmed_fraud_amount,
        sum(confirmed_amount_reporting)::numeric(20, 2) as confirmed_fraud_amount_reporting,
        sum(caught_transactions)::bigint as caught_fraud_transactions,
        max(ledger_seq) as ledger_seq,
        max(label_seq) as label_seq
    from merchant_days
    {% if is_incremental() %}
    inner join touched using (occurred_on, currency)
    {% endif %}
    group by occurred_on, currency
),

final as (
    select
        totals.occurred_on,
        totals.currency,
        totals.transactions,
        totals.gross_amount,
        totals.suspected_fraud_transactions,
        totals.suspected_fraud_amount,
        (totals.gross_amount - totals.suspected_fraud_amount)::numeric(20, 2) as net_amount,
        totals.labelled_transactions,
        totals.confirmed_fraud_transactions,
        totals.confirmed_fraud_amount,
        totals.caught_fraud_transactions,
        '{{ reporting_currency() }}'::text as reporting_currency,
        rates.rate::numeric(24, 12) as reporting_rate,
        totals.gross_amount_reporting,
        totals.suspected_fraud_amount_reporting,
        (totals.gross_amount_reporting - totals.suspected_fraud_amount_reporting)::numeric(20, 2)
            as net_amount_reporting,
        totals.confirmed_fraud_amount_reporting,
        totals.ledger_seq,
        totals.label_seq
    from totals
    left join rates
        on totals.occurred_on = rates.valid_on
        and totals.currency = rates.currency
)

select * from final
