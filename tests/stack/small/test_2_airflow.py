"""The daily pipeline, asked for over Airflow's REST API, brings the marts up to the day."""

import json
from types import SimpleNamespace

import pytest
from applied import Stack
from running_airflow import Api

DAG = "warehouse_daily"


@pytest.mark.timeout(1500)
def test_the_daily_run_brings_the_marts_up_to_the_day(stack: Stack) -> None:
    stack.wait_for_facts()
    url = f"http://127.0.0.1:{stack.variables['ports']['airflow']}"
    api = Api(SimpleNamespace(url=url, password=stack.outputs["secrets"]["airflow_admin"]))  # type: ignore[arg-type]
    with stack.generator_stopped():  # the run's own reconciliation wants a pipeline that has drained
        stack.wait(lambda: stack.verify().returncode == 0)
        run = api.trigger(DAG)
        state = api.wait(DAG, run)
    tasks = api.tasks(DAG, run)
    unsuccessful = [name for name, task in tasks.items() if task["state"] != "success"]
    logs = {name: api.log(DAG, run, name, tasks[name]["try_number"]) for name in unsuccessful[:2]}
    assert (state, unsuccessful) == ("success", []), json.dumps(logs)[-8000:]
    days = "select array_agg(distinct occurred_on order by occurred_on) from"
    facts = (
        "select array_agg(distinct occurred_at::date order by occurred_at::date) from core.fact_transaction"
    )
    assert stack.rows(f"{days} marts.fct_daily_revenue") == stack.rows(facts)
    assert stack.rows("select sum(transactions) from marts.fct_daily_revenue") == stack.rows(
        "select count(*) from core.fact_transaction"
    )
