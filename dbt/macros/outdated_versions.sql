{#
  Key and day of the rows of this model whose dimension version is no longer the one that held that day.
#}
{% macro outdated_versions(versions, key, version_column) -%}
    select
        this.{{ key }},
        this.occurred_on
    from {{ this }} as this
    inner join {{ versions }} as versions
        on this.{{ key }} = versions.{{ key }}
        and {{ is_valid_at_end_of('this.occurred_on', 'versions') }}
    where this.{{ version_column }} <> versions.version_id
{%- endmacro %}
