{# Every model's transaction: pages are mostly in memory, and an aggregate may use what this role is worth. #}
{% macro planner_settings() -%}
    set local random_page_cost = 1.1; set local work_mem = '{{ var("work_mem") }}'; set local jit = off
{%- endmacro %}
