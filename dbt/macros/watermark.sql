{#
  What an incremental model has processed: the highest ledger numbers among its own rows, so that it is
  committed, lost or restored together with them. Returns literals: the planner sees how little is new.
#}
{% macro watermark(columns=['ledger_seq', 'label_seq']) %}
    {% set seen = {} %}
    {% if is_incremental() and execute %}
        {% for column in columns %}
            {% set found = run_query('select coalesce(max(' ~ column ~ '), 0) from ' ~ this) %}
            {% do seen.update({column: found.columns[0].values()[0]}) %}
        {% endfor %}
    {% endif %}
    {% do return(seen) %}
{% endmacro %}
