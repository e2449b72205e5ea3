{# Each version of a key ends where the next begins, only the last is open, and no version is empty. #}
{% test versions_do_not_overlap(model, key) %}
select *
from (
    select
        {{ key }},
        dbt_valid_from,
        dbt_valid_to,
        lead(dbt_valid_from) over (partition by {{ key }} order by dbt_valid_from) as next_from
    from {{ model }}
) as versions
where dbt_valid_to is distinct from next_from or dbt_valid_from >= dbt_valid_to
{% endtest %}
