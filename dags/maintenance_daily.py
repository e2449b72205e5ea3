"""# maintenance_daily: housekeeping, once a day.

**What it does.** Merges small objects of the raw archive (`compact_archive`), removes what earlier starts
of the stream left of their checkpoints (`remove_checkpoints`), refreshes the planner's statistics
(`analyze`), and writes down what is held in quarantine and why (`report_quarantine`). `report_success` says
that all went well.

**When.** Daily at 03:45 UTC, after `warehouse_daily` has usually ended. No catch-up: it tidies what is
there now.

**Safe to run twice, and at any time.** `txwatch verify` balances before, during and after: an object that
was merged into another stays for readers for some hours, and the ledger of the archive knows each object on
its way in or out.

**When it fails.** As for `warehouse_daily`: retries, then an incident. Clear the task when the cause is
mended.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from txwatch.incidents.callbacks import record_failure
from txwatch.settings import SERVICES_DIR, load_settings

settings = load_settings()
txwatch = "python -m txwatch.cli.main"

with DAG(
    "maintenance_daily",
    description="archive compaction, old checkpoints, statistics, quarantine report",
    doc_md=__doc__,
    schedule="45 3 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    on_failure_callback=record_failure,
    default_args={
        "owner": "platform",
        "retries": settings.airflow_retries,
        "retry_delay": timedelta(seconds=settings.airflow_retry_seconds),
        "retry_exponential_backoff": 2.0,  # each pause twice the one before
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": record_failure,
        "cwd": str(SERVICES_DIR.parent),  # where a .env file is looked for
    },
    tags=["txwatch"],
) as dag:
    steps = [
        BashOperator(task_id="compact_archive", bash_command=f"{txwatch} maintain archive"),
        BashOperator(task_id="remove_checkpoints", bash_command=f"{txwatch} maintain checkpoints"),
        BashOperator(task_id="analyze", bash_command=f"{txwatch} maintain statistics"),
        BashOperator(task_id="report_quarantine", bash_command=f"{txwatch} quarantine list"),
    ]
    report_success = BashOperator(
        task_id="report_success",
        bash_command=f"{txwatch} incidents resolve {{{{ dag.dag_id }}}} --run '{{{{ run_id }}}}'",
    )
    steps >> report_success
