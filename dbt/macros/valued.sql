{#
  Transactions with their amount in the reporting currency, rounded to the cent one by one so that every total
  adds up, and with what is known of them. An incremental run values few: `offset 0` makes it look their labels up
  by index, where a full one joins all.
#}
{% macro valued(transactions) -%}
    select
        transactions.*,
        rates.rate,
        round(transactions.amount * rates.rate, 2) as amount_reporting,
        chargebacks.is_confirmed_fraud,
        chargebacks.label_seq
    from {{ transactions }} as transactions
    left join {{ ref('int_fx_rate') }} as rates
        on transactions.occurred_on = rates.valid_on
        and transactions.currency = rates.currency
    left join lateral (
        select
            label.is_confirmed_fraud,
            label.label_seq
        from {{ ref('stg_chargeback') }} as label
        where label.transaction_id = transactions.transaction_id
        {% if is_incremental() %}offset 0{% endif %}
    ) as chargebacks on true
{%- endmacro %}
