"""Known books, and one run of the daily pipeline over them that breaks and is mended."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import known_books
import psycopg2
import pytest
from running_airflow import Api, Webhook, copy_of_code, running

from oracle.deadline import until
from oracle.feed import event
from txwatch.embedded.airflow import Airflow
from txwatch.embedded.runtime import Runtime
from txwatch.settings import PREFIX, Settings
from txwatch.transform.environment import dbt_variables
from txwatch.warehouse.migrations import migrate

REPOSITORY = Path(__file__).resolve().parents[3]
DBT = REPOSITORY / ".txwatch" / "venv-dbt" / "bin" / "python"
DAG = "warehouse_daily"
RETRIES = 1
EXPECTED_MESSAGES = 2
"""Of the task that failed, and of the run."""


@dataclass
class Story:
    """What was seen in the order in which it happened."""

    api: Api
    settings: Settings
    webhook: Webhook
    run: str
    failed_tasks: dict[str, dict[str, Any]]
    incidents_before: list[dict[str, Any]]
    told_before: list[dict[str, Any]]
    final_state: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.settings, query)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(**settings.postgres("analyst"))) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()


def incidents(settings: Settings) -> list[dict[str, Any]]:
    found = rows(settings, "select to_jsonb(i) from ops.pipeline_incident as i order by incident_id")
    return [row for (row,) in found]


@pytest.fixture(scope="module")
def books(runtime: Settings, shared_runtime: Runtime) -> Settings:
    """Return settings of a pipeline with known facts, which balances."""
    name = f"airflow-{uuid4().hex[:12]}"
    changes = {"kafka_transactions_topic": name, "postgres_database": name, "s3_bucket": name}
    settings = runtime.model_copy(update=changes)
    Runtime(settings).complete()
    migrate(settings, shared_runtime.superuser())
    with pytest.MonkeyPatch.context() as patch:
        # A currency that has rates: the marts refuse others.
        records = known_books.RECORDS[0].copy()
        records[8] = event(50, currency="SEK")
        patch.setattr(known_books, "FIXED_LATER", records[8])
        patch.setitem(known_books.RECORDS, 0, records)
        known_books.keep_books(settings)
    with closing(psycopg2.connect(**settings.postgres("warehouse_owner"))) as connection, connection:
        # As the stream makes them: the marts want attributes of customers and merchants that are known.
        connection.cursor().execute(
            "update core.dim_customer set is_inferred = true; update core.dim_merchant set is_inferred = true"
        )
    return settings


@pytest.fixture(scope="module")
def story(books: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    code = copy_of_code(tmp_path_factory.mktemp("code"))
    model = code / "dbt" / "models" / "marts" / "fct_daily_revenue.sql"
    sound = model.read_text()
    with Webhook(refusals=1) as webhook:
        names = ("kafka_transactions_topic", "postgres_database", "s3_bucket")
        variables = {
            **dbt_variables(books),
            **{f"{PREFIX}{name.upper()}": str(getattr(books, name)) for name in names},
            f"{PREFIX}INCIDENT_WEBHOOK_URL": webhook.url,
            f"{PREFIX}AIRFLOW_RETRIES": str(RETRIES),
            f"{PREFIX}AIRFLOW_RETRY_SECONDS": "1",
        }
        settings = books.model_copy(update={"airflow_environment": REPOSITORY / ".txwatch" / "venv-airflow"})
        with running(Airflow(settings, variables, DBT, code)) as api:
            model.write_text(sound.replace("sum(amount)", "sum(no_such_column)"))
            run = api.trigger(DAG)
            assert api.wait(DAG, run) == "failed"
            # The run's own callback comes from the DAG processor, a moment later.
            until(lambda: len(webhook.taken) >= EXPECTED_MESSAGES)
            tasks, before, told = api.tasks(DAG, run), incidents(books), list(webhook.taken)
            model.write_text(sound)
            (settings.state_dir / "dbt" / "airflow" / "partial_parse.msgpack").unlink()  # as a restart does
            api.clear_failed(DAG, run)
            state = api.wait(DAG, run)
            yield Story(api, books, webhook, run, tasks, before, told, state)
