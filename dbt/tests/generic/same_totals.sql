{# Per value of `by`, the sum here equals the sum there: nothing was lost or doubled on the way. #}
{% test same_totals(model, by, total, other, other_total) %}
with here as (
    select
        {{ by }} as bucket,
        sum({{ total }}) as total
    from {{ model }}
    group by {{ by }}
),

there as (
    select
        {{ by }} as bucket,
        sum({{ other_total }}) as total
    from {{ other }}
    group by {{ by }}
)

select
    bucket,
    here.total as total_here,
    there.total as total_there
from here
full join there using (bucket)
where here.total is distinct from there.total
{% endtest %}
