{# Every day and currency that occurs has a rate; names those that have none. #}
{% test has_rate(model, day, currency, rate) %}
select
    {{ day }},
    {{ currency }},
    count(*) as transactions
from {{ model }}
where {{ rate }} is null
group by {{ day }}, {{ currency }}
{% endtest %}
