"""What the dbt project says in files, against what other parts of the repository say of the same."""

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from txwatch.events import CURRENCIES, PaymentMethod
from txwatch.settings import SERVICES_DIR
from txwatch.transform.environment import PROJECT_DIR

CARDS = SERVICES_DIR / "txwatch" / "dashboards" / "cards"


@cache
def documents() -> list[dict[str, Any]]:
    paths = [
        path for folder in ("models", "seeds", "snapshots") for path in (PROJECT_DIR / folder).rglob("*.yml")
    ]
    return [yaml.safe_load(path.read_text()) for path in paths]


def described(kind: str) -> dict[str, dict[str, Any]]:
    found = [node for document in documents() for node in document.get(kind, [])]
    return {node["name"]: node for node in found}


def source_tables() -> dict[str, dict[str, Any]]:
    return {
        f"{source['name']}.{table['name']}": table
        for source in described("sources").values()
        for table in source["tables"]
    }


@pytest.mark.parametrize("path", sorted(PROJECT_DIR.glob("models/*/*.sql")), ids=lambda path: path.stem)
def test_each_model_has_an_owner_a_grain_and_described_columns(path: Path) -> None:
    model = described("models")[path.stem]
    owners = {group["name"] for document in documents() for group in document.get("groups", [])}
    assert model["config"]["group"] in owners
    assert model["description"].strip()
    assert all(column["description"].strip() for column in model["columns"])


@pytest.mark.parametrize("path", sorted(PROJECT_DIR.glob("models/marts/*.sql")), ids=lambda path: path.stem)
def test_each_mart_enforces_its_contract_and_has_a_key(path: Path) -> None:
    mart = described("models")[path.stem]
    assert mart["config"]["contract"] == {"enforced": True}
    assert [constraint["type"] for constraint in mart["constraints"]] == ["primary_key"]
    assert all("data_type" in column for column in mart["columns"])


def test_only_staging_reads_sources() -> None:
    others = [path for path in PROJECT_DIR.glob("models/*/*.sql") if path.parent.name != "staging"]
    assert others
    assert not [path.stem for path in others if "source(" in path.read_text()]


@pytest.mark.parametrize("model", [path.stem for path in sorted(PROJECT_DIR.glob("models/*/*.sql"))])
def test_a_model_that_decides_or_compares_rows_has_a_unit_test(model: str) -> None:
    text = next(PROJECT_DIR.glob(f"models/*/{model}.sql")).read_text()
    tested = {test["model"] for test in described("unit_tests").values()}
    if re.search(r"\bcase\b|\bover \(", text):
        assert model in tested


def test_the_seed_has_every_accepted_currency() -> None:
    with (PROJECT_DIR / "seeds" / "fx_rate.csv").open() as file:
        header = next(csv.reader(file))
    assert {name.upper() for name in header[1:]} | {"EUR"} == CURRENCIES


@pytest.mark.parametrize(
    ("column", "accepted"), [("currency", CURRENCIES), ("payment_method", frozenset(PaymentMethod))]
)
def test_accepted_values_are_those_of_the_event(column: str, accepted: frozenset[str]) -> None:
    columns = {each["name"]: each for each in source_tables()["core.fact_transaction"]["columns"]}
    tests = {name: test for each in columns[column]["data_tests"] for name, test in each.items()}
    assert set(tests["accepted_values"]["arguments"]["values"]) == accepted


def tables_of(dashboard: str) -> set[str]:
    """What the cards of a dashboard read, as they name it: schema.table."""
    cards = [path.read_text() for path in CARDS.glob("*.sql")]
    read = [card for card in cards if re.search(rf"^dashboard: {dashboard}$", card, re.MULTILINE)]
    return {name for card in read for name in re.findall(r"\b(?:core|ops|marts)\.[a-z_]+", card)}


@pytest.mark.parametrize("dashboard", ["operations", "fraud", "business"])
def test_an_exposure_names_what_its_dashboards_cards_read(dashboard: str) -> None:
    exposed = set()
    for node in described("exposures")[dashboard]["depends_on"]:
        names = re.findall(r"'([a-z_]+)'", node)
        exposed.add(".".join(names) if node.startswith("source") else f"marts.{names[0]}")
    assert exposed == tables_of(dashboard)


def test_every_dashboard_of_the_cards_has_an_exposure() -> None:
    named = {
        name
        for path in CARDS.glob("*.sql")
        for name in re.findall(r"^dashboard: (\w+)$", path.read_text(), re.MULTILINE)
    }
    assert named == set(described("exposures"))
