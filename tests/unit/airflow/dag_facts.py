"""Run by Airflow's interpreter: loads the DAG files as its DAG processor does, prints what it finds."""

import json
import sys
from typing import Any

HEAVY = set("pandas pyarrow pyspark dbt boto3 confluent_kafka streamlit faker moto numpy".split())


def facts_of(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "retries": task.retries,
        "retry_seconds": task.retry_delay.total_seconds(),
        "backs_off": task.retry_exponential_backoff > 1,
        "longest_retry_seconds": task.max_retry_delay and task.max_retry_delay.total_seconds(),
        "timeout_seconds": task.execution_timeout and task.execution_timeout.total_seconds(),
        "records_failure": [callback.__name__ for callback in task.on_failure_callback or []],
        "upstream": sorted(task.upstream_task_ids),
        "command": getattr(task, "bash_command", None),
        "select": getattr(task, "select", None),
    }


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 - its own imports do not count

    before = set(sys.modules)
    bag = DagBag()
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
    dags = {
        dag.dag_id: {
            "doc": dag.doc_md,
            "description": dag.description,
            "tags": sorted(dag.tags),
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "timeout_seconds": dag.dagrun_timeout and dag.dagrun_timeout.total_seconds(),
            "records_failure": bool(dag.on_failure_callback),
            "tasks": {task.task_id: facts_of(task) for task in dag.tasks},
        }
        for dag in bag.dags.values()
    }
    print(  # noqa: T201 - read by test_dags.py
        "FACTS",
        json.dumps({"errors": bag.import_errors, "heavy": sorted(loaded & HEAVY), "dags": dags}),
    )


main()
