"""Where dbt finds its project, its interpreter and the warehouse."""

import sys
from importlib.util import find_spec
from pathlib import Path

from txwatch.errors import UsageError
from txwatch.settings import PREFIX, SERVICES_DIR, Settings

PROJECT_DIR = SERVICES_DIR.parent / "dbt"
_DBT_SETTINGS = (
    "postgres_host",
    "postgres_port",
    "postgres_database",
    "transformer_password",
    "transform_threads",
    "reporting_currency",
)


def dbt_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables that the dbt project and its profile read.

    Raises:
        SettingError: one of the settings is missing.
    """
    return {f"{PREFIX}{name.upper()}": str(settings.require(name)) for name in _DBT_SETTINGS}


def other_python(settings: Settings) -> Path | None:
    """Return the interpreter that has dbt, or `None` where this one has it.

    dbt holds back libraries that others have newer (protobuf, mypy's): it has an environment of its own.

    Raises:
        UsageError: neither has it.
    """
    if find_spec("dbt") is not None:
        return None
    python = settings.transform_environment.absolute() / "bin" / "python"
    if not python.is_file() or python == Path(sys.executable):
        raise UsageError(
            f"dbt is not installed: `make dbt` makes its environment in {settings.transform_environment}; "
            f"{PREFIX}TRANSFORM_ENVIRONMENT names another one"
        )
    return python
