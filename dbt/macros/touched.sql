{#
  The keys of the facts (transactions or alerts) that arrived, or whose label changed, since the watermark: what an
  incremental model has to rebuild. `offset 0` keeps the planner from reading every fact for the few new labels.
#}
{% macro touched(facts, keys, seen) -%}
    select {{ keys | join(', ') }}
    from {{ facts }}
    where ledger_seq > {{ seen.ledger_seq }}
    union
    select {{ keys | join(', ') }}
    from {{ ref('stg_chargeback') }} as chargebacks
    cross join lateral (
        select fact.*
        from {{ facts }} as fact
        where fact.transaction_id = chargebacks.transaction_id
        offset 0
    ) as labelled
    where chargebacks.label_seq > {{ seen.label_seq }}
{%- endmacro %}

{# The same for models built on another model, whose rows carry the numbers of what they were made from. #}
{% macro touched_rows(relation, keys, seen) -%}
    select distinct {{ keys | join(', ') }}
    from {{ relation }}
    where ledger_seq > {{ seen.ledger_seq }} or label_seq > {{ seen.label_seq }}
{%- endmacro %}
