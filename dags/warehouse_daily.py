"""# warehouse_daily: the business numbers, once a day.

**What it does.** Checks that facts are still arriving (`freshness`) and that what arrived is sound
(`source_tests`), builds each dbt model and tests it before the next one reads it (`marts`), compares the
marts with each other (`totals`), draws the balance from Kafka to the marts (`reconcile`), and has the
warehouse plan every dashboard card (`dashboards`). `report_success` says that all went well: it resolves
this pipeline's open incidents.

**When.** Daily at 02:15 UTC, from the first 02:15 after Airflow's first start. No catch-up: the models read
on from what has arrived, so the next run also does a missed day's work, and more runs would do nothing. One
run at a time; `txwatch transform` and the tasks wait for each other.

**When it fails.** A task is tried again after one minute, two, four (settings `TXWATCH_AIRFLOW_*`). After
that an incident is recorded in `ops.pipeline_incident`, shown on the console and sent to the webhook, if
there is one. Read the task's log, mend the cause, and clear the task: the run goes on from there. Rows that
failed a dbt test are in the schema `audit`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior, TestIndirectSelection

from txwatch.incidents.callbacks import record_failure
from txwatch.settings import SERVICES_DIR, load_settings

settings = load_settings()
project_dir = SERVICES_DIR.parent / "dbt"
dbt = SERVICES_DIR / "txwatch" / "transform" / "dbt-in-turn"
profile, target = "txwatch", "warehouse"
# Parsing the project is two thirds of what a start of dbt costs: the first task does it for all that follow.
# dbt takes what was parsed only where profile and target were named alike.
dbt_target = settings.state_dir.resolve() / "dbt" / "airflow"
parsed = {"DBT_PARTIAL_PARSE_FILE_PATH": str(dbt_target / "partial_parse.msgpack")}
dbt_options = (
    f"--project-dir {project_dir} --profiles-dir {project_dir} --profile {profile} --target {target} "
    f"--target-path {dbt_target} --log-path {dbt_target} --log-level-file none"
)

with DAG(
    "warehouse_daily",
    description="freshness, dbt models with their tests, reconciliation, dashboards",
    doc_md=__doc__,
    schedule="15 2 * * *",
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    on_failure_callback=record_failure,
    default_args={
        "owner": "warehouse",
        "retries": settings.airflow_retries,
        "retry_delay": timedelta(seconds=settings.airflow_retry_seconds),
        "retry_exponential_backoff": 2.0,  # each pause twice the one before
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": record_failure,
        "cwd": str(SERVICES_DIR.parent),  # where a .env file is looked for
    },
    tags=["txwatch"],
) as dag:
    freshness = BashOperator(task_id="freshness", bash_command=f"{dbt} source freshness {dbt_options}")
    source_tests = BashOperator(
        task_id="source_tests", bash_command=f"{dbt} test --select source:* {dbt_options}"
    )
    marts = DbtTaskGroup(
        group_id="marts",
        project_config=ProjectConfig(
            project_dir,
            manifest_path=settings.transform_manifest,
            project_name="txwatch",
            install_dbt_deps=False,
            env_vars=parsed,
        ),
        profile_config=ProfileConfig(
            profile_name=profile,
            target_name=target,
            profiles_yml_filepath=project_dir / "profiles.yml",
        ),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.LOCAL,
            invocation_mode=InvocationMode.SUBPROCESS,
            dbt_executable_path=dbt,
            # A test of two models waits until both are built: those of no line of descent are in `totals`.
            test_indirect_selection=TestIndirectSelection.BUILDABLE,
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            # One task builds a model and then tests it: each start of dbt costs seconds.
            test_behavior=TestBehavior.BUILD,
            # Unit tests judge the SQL, not the data: they run where the SQL is changed.
            exclude=["resource_type:unit_test"],
            emit_datasets=False,
        ),
    )
    totals = BashOperator(
        task_id="totals", bash_command=f"{dbt} test --select test_name:same_totals {dbt_options}"
    )
    reconcile = BashOperator(
        task_id="reconcile", bash_command="python -m txwatch.cli.main verify --live --record --json"
    )
    dashboards = BashOperator(
        task_id="dashboards", bash_command="python -m txwatch.cli.main dashboards check"
    )
    report_success = BashOperator(
        task_id="report_success",
        bash_command="python -m txwatch.cli.main incidents resolve {{ dag.dag_id }} --run '{{ run_id }}'",
    )
    freshness >> source_tests >> marts >> totals >> reconcile >> dashboards >> report_success
