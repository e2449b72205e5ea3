{# The currency in which every amount is also reported; a setting of txwatch. After a change of it: --full-refresh. #}
{% macro reporting_currency() -%}
    {{ env_var('TXWATCH_REPORTING_CURRENCY', 'EUR') }}
{%- endmacro %}
