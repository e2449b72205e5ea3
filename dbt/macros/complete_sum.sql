{# A sum that is null as soon as one addend is: an amount without a rate breaks the contract, it does not vanish. #}
{% macro complete_sum(expression) -%}
    case when count({{ expression }}) = count(*) then sum({{ expression }}) end
{%- endmacro %}
