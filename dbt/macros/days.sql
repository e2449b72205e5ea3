{# The moment a day begins, in UTC. #}
{% macro day_start(day) -%}
    ({{ day }})::timestamp at time zone 'UTC'
{%- endmacro %}

{# True of the moments of a day (UTC), put so that an index on the moment serves. #}
{% macro is_on_day(moment, day) -%}
    {{ moment }} >= {{ day_start(day) }} and {{ moment }} < {{ day_start(day ~ ' + 1') }}
{%- endmacro %}

{# True of the one version of a dimension that held when a day ended. #}
{% macro is_valid_at_end_of(day, versions) -%}
    {{ versions }}.valid_from < {{ day_start(day ~ ' + 1') }}
        and {{ versions }}.valid_to >= {{ day_start(day ~ ' + 1') }}
{%- endmacro %}
