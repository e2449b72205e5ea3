from pathlib import Path

import pytest

from txwatch.errors import SettingError, UsageError
from txwatch.settings import load_settings
from txwatch.transform.environment import PROJECT_DIR, dbt_variables, other_python

PASSWORDS = {"transformer_password": "t", "warehouse_owner_password": "o"}


def test_dbt_gets_the_address_and_its_own_password_only(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path, postgres_host="db", reporting_currency="USD", **PASSWORDS)
    assert dbt_variables(settings) == {
        "TXWATCH_POSTGRES_HOST": "db",
        "TXWATCH_POSTGRES_PORT": "5432",
        "TXWATCH_POSTGRES_DATABASE": "warehouse",
        "TXWATCH_TRANSFORMER_PASSWORD": "t",
        "TXWATCH_TRANSFORM_THREADS": "4",
        "TXWATCH_REPORTING_CURRENCY": "USD",
    }


def test_the_profile_reads_no_variable_that_it_is_not_given(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path, postgres_host="db", **PASSWORDS)
    files = [PROJECT_DIR / "profiles.yml", *PROJECT_DIR.glob("macros/*.sql")]
    read = {part.split("'")[1] for file in files for part in file.read_text().split("env_var(")[1:]}
    assert read == set(dbt_variables(settings))


def test_a_missing_password_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="TXWATCH_TRANSFORMER_PASSWORD"):
        dbt_variables(load_settings(state_dir=tmp_path, postgres_host="db"))


def test_without_dbt_the_way_to_get_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txwatch.transform.environment.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="`make dbt`"):
        other_python(load_settings(transform_environment=tmp_path))


def test_dbt_is_run_by_the_interpreter_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txwatch.transform.environment.find_spec", lambda _: None)
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    assert other_python(load_settings(transform_environment=tmp_path)) == python
