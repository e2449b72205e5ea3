"""The DAG files as Airflow loads them: without errors, light, and each task with what operating it needs."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
AIRFLOW = REPOSITORY / ".txwatch" / "venv-airflow" / "bin" / "python"
DBT = REPOSITORY / ".txwatch" / "venv-dbt" / "bin" / "python"
DAILY = ("warehouse_daily", "maintenance_daily")
DAGS = (*DAILY, "incident_watch")
DBT_VARIABLES = {"TXWATCH_POSTGRES_HOST": "none", "TXWATCH_TRANSFORMER_PASSWORD": "none"}


def run(*command: str | Path, **variables: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "services"), **variables}
    done = subprocess.run(
        [str(part) for part in command], env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert DBT.is_file(), "dbt's environment is missing: `make test` makes it"
    folder = tmp_path_factory.mktemp("manifest")
    run(DBT, "-m", "txwatch.transform.manifest", folder, **DBT_VARIABLES)
    return folder / "manifest.json"


@pytest.fixture(scope="module")
def facts(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert AIRFLOW.is_file(), "Airflow's environment is missing: `make test` makes it"
    printed = run(
        AIRFLOW,
        Path(__file__).with_name("dag_facts.py"),
        AIRFLOW_HOME=str(tmp_path_factory.mktemp("airflow")),
        AIRFLOW_CONFIG=str(REPOSITORY / "services" / "airflow.cfg"),
        AIRFLOW__CORE__DAGS_FOLDER=str(REPOSITORY / "dags"),
        TXWATCH_TRANSFORM_MANIFEST=str(manifest),
    )
    (line,) = (line for line in printed.splitlines() if line.startswith("FACTS "))
    found: dict[str, Any] = json.loads(line.removeprefix("FACTS "))
    return found


def tasks(facts: dict[str, Any], dag: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = facts["dags"][dag]["tasks"]
    return found


def ancestors(tasks: dict[str, dict[str, Any]], task: str) -> set[str]:
    above = set(tasks[task]["upstream"])
    return above.union(*(ancestors(tasks, one) for one in above))


def test_every_file_loads_within_the_import_timeout_and_makes_its_dag(facts: dict[str, Any]) -> None:
    assert facts["errors"] == {}
    assert set(facts["dags"]) == set(DAGS) == {path.stem for path in (REPOSITORY / "dags").glob("*.py")}


def test_loading_the_files_imports_nothing_heavy(facts: dict[str, Any]) -> None:
    assert facts["heavy"] == []


@pytest.mark.parametrize("dag", DAGS)
def test_a_dag_has_a_page_and_never_overlaps_or_catches_up(facts: dict[str, Any], dag: str) -> None:
    found = facts["dags"][dag]
    assert found["doc"].startswith(f"# {dag}")
    assert "**When.**" in found["doc"]
    assert found["description"]
    assert found["tags"] == ["txwatch"]
    assert (found["max_active_runs"], found["catchup"]) == (1, False)
    assert found["timeout_seconds"]
    assert found["records_failure"]


@pytest.mark.parametrize("dag", DAILY)
def test_every_daily_task_is_owned_retried_with_growing_pauses_bounded_and_watched(
    facts: dict[str, Any], dag: str
) -> None:
    for name, task in tasks(facts, dag).items():
        assert task["owner"] not in ("", "airflow"), name
        assert task["retries"] >= 1, name
        assert task["backs_off"], name
        assert task["retry_seconds"] <= task["longest_retry_seconds"], name
        assert 0 < task["timeout_seconds"] <= facts["dags"][dag]["timeout_seconds"], name
        assert task["records_failure"] == ["record_failure"], name


def test_every_model_snapshot_and_seed_is_one_task_after_those_it_reads(
    facts: dict[str, Any], manifest: Path
) -> None:
    nodes = json.loads(manifest.read_text())["nodes"]
    built = {
        key: node for key, node in nodes.items() if node["resource_type"] in ("model", "snapshot", "seed")
    }
    by_name = {
        match[1]: name
        for name in tasks(facts, "warehouse_daily")
        if (match := re.fullmatch(r"marts\.(\w+)_(?:model|snapshot|seed)_build", name))
    }
    assert set(by_name) == {node["name"] for node in built.values()}
    for node in built.values():
        read = {by_name[built[key]["name"]] for key in node["depends_on"].get("nodes", []) if key in built}
        assert read <= set(tasks(facts, "warehouse_daily")[by_name[node["name"]]]["upstream"])


def test_freshness_comes_first_and_the_balance_after_every_mart(facts: dict[str, Any]) -> None:
    found = tasks(facts, "warehouse_daily")
    marts = {name for name in found if name.startswith("marts.")}
    assert all({"freshness", "source_tests"} <= ancestors(found, mart) for mart in marts)
    assert marts | {"totals"} <= ancestors(found, "reconcile")
    assert set(found) - {"report_success"} == ancestors(found, "report_success")


def test_each_pipeline_reports_its_own_success(facts: dict[str, Any]) -> None:
    for dag in DAILY:
        assert "incidents resolve {{ dag.dag_id }}" in tasks(facts, dag)["report_success"]["command"]
    watched = tasks(facts, "incident_watch")["watch"]["command"]
    assert all(dag in watched for dag in DAILY)
