"""# incident_watch: is everything that should run every day still running?

**What it does.** Records an incident for each daily pipeline that has not succeeded within
`TXWATCH_INCIDENT_LATE_HOURS` (26), and sends what the webhook has not taken yet. The next success of the
pipeline resolves it.

**When.** Every 15 minutes; missed runs are of no use. Airflow's own deadline alerts are experimental and
tell nobody when Airflow itself is down; the console works lateness out by itself from `ops.pipeline`, so it
shows that too.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from txwatch.incidents.callbacks import record_failure
from txwatch.settings import SERVICES_DIR

with DAG(
    "incident_watch",
    description="late pipelines become incidents; unsent messages are sent again",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    on_failure_callback=record_failure,
    default_args={
        "owner": "platform",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=5),
    },
    tags=["txwatch"],
) as dag:
    BashOperator(
        task_id="watch",
        bash_command="python -m txwatch.cli.main incidents watch warehouse_daily maintenance_daily"
        " && python -m txwatch.cli.main incidents resolve incident_watch --run '{{ run_id }}'",
        cwd=str(SERVICES_DIR.parent),
    )
