{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['occurred_on', 'rule', 'severity'],
    )
}}

{% set seen = watermark() %}

with alerts as not materialized (
    select * from {{ ref('stg_alert') }}
),

{% if is_incremental() %}
touched as (
    {{ touched('alerts', ['occurred_on'], seen) }}
),

{% endif %}
rebuilt as (
    select alerts.*
    from alerts
    {% if is_incremental() %}
    inner join touched on {{ is_on_day('alerts.occurred_at', 'touched.occurred_on') }}
    {% endif %}
),

labelled as (
    select
        rebuilt.*,
        chargebacks.is_confirmed_fraud,
        chargebacks.label_seq
    from rebuilt
    left join {{ ref('stg_chargeback') }} as chargebacks on rebuilt.transaction_id = chargebacks.transaction_id
),

-- An alert counts once for each rule that fired.
by_rule as (
    select
        labelled.*,
        fired.rule
    from labelled
    cross join lateral unnest(labelled.rules) as fired (rule)
),

totals as (
    select
        occurred_on,
        rule,
        severity,
        count(*) as alerts,
        count(is_confirmed_fraud) as labelled_alerts,
        count(*) filter (where is_confirmed_fraud) as confirmed_alerts,
        max(ledger_seq) as ledger_seq,
        coalesce(max(label_seq), 0) as label_seq
    from by_rule
    group by occurred_on, rule, severity
),

final as (
    select
        occurred_on,
        rule,
        severity,
        alerts,
        labelled_alerts,
        confirmed_alerts,
        case
            when labelled_alerts > 0 then confirmed_alerts::numeric / labelled_alerts
        end::numeric(7, 6) as precision_share,
        ledger_seq,
        label_seq
    from totals
)

select * from final
