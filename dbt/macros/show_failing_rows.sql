{#
  Lets analysts read the rows that failed a test, whose tables dbt makes anew each time. Asked at the start of every
  run and done once: runs side by side would change the same catalogue row.
#}
{% macro show_failing_rows() %}
    {% if execute %}
        {% set granted %}
            select 1 from pg_default_acl as acl
            where acl.defaclnamespace = 'audit'::regnamespace and acl.defaclrole = current_user::regrole
        {% endset %}
        {% if run_query(granted).rows | length == 0 %}
            {{ return('alter default privileges in schema audit grant select on tables to analyst') }}
        {% endif %}
    {% endif %}
{% endmacro %}
