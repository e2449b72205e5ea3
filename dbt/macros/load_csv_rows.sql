{#
  How a seed's rows get into its table, in place of dbt's own way, which makes a statement of as many placeholders as
  there are cells and takes longer than all models together: one binding, taken apart by Postgres. Needs the type of
  every column (`column_types`), so that what the file says arrives as text, unrounded.
#}
{% macro postgres__load_csv_rows(model, agate_table) %}
    {% set types = model['config']['column_types'] %}
    {% set values = [] %}
    {% set rows = [] %}
    {% for column in agate_table.column_names %}
        {% if column not in types %}
            {{ exceptions.raise_compiler_error('seed ' ~ model['name'] ~ ': column_types has no type for ' ~ column) }}
        {% endif %}
        {% do values.append('(cells.line ->> ' ~ loop.index0 ~ ')::' ~ types[column]) %}
    {% endfor %}
    {% for row in agate_table.rows %}
        {% do rows.append(row.values() | list) %}
    {% endfor %}
    {% set sql %}
        insert into {{ this.render() }} ({{ get_seed_column_quoted_csv(model, agate_table.column_names) }})
        select {{ values | join(', ') }}
        from jsonb_array_elements(%s::jsonb) as cells (line)
    {% endset %}
    {% do adapter.add_query(sql, bindings=[tojson(rows)], abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}
