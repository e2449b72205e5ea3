{#
  The versions of a snapshotted dimension as intervals without gap or overlap: the first known version also holds
  for all time before it, and what was merely inferred gives way to what is known.
#}
{% macro version_intervals(versions, key, attributes) -%}
    select
        dbt_scd_id as version_id,
        {{ key }},
        {{ attributes | join(', ') }},
        case
            when row_number() over (partition by {{ key }} order by dbt_valid_from) = 1 then '-infinity'
            else dbt_valid_from
        end as valid_from,
        coalesce(
            lead(dbt_valid_from) over (partition by {{ key }} order by dbt_valid_from), 'infinity'
        ) as valid_to
    from (
        select
            *,
            bool_and(is_inferred) over (partition by {{ key }}) as is_only_inferred
        from {{ versions }}
    ) as ranked
    where is_only_inferred or not is_inferred
{%- endmacro %}
