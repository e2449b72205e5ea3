"""Writes .env.example and the settings table of README.md from the one definition of the settings.

usage: document-settings.py [--check]     --check writes nothing and fails when a file is out of date
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from txwatch.settings import PREFIX, SERVICES_DIR, Settings

REPOSITORY = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- settings: made by `make docs` -->", "<!-- end of settings -->"
LONGEST_CELL = 60


def variable(name: str, field: FieldInfo) -> str:
    """Return the environment variable of a setting."""
    return f"{'' if field.validation_alias else PREFIX}{name.upper()}"


def written(value: Any) -> str:
    """Write a setting's value as the environment would hold it."""
    if isinstance(value, frozenset):
        return json.dumps(sorted(value), separators=(",", ":"))
    if isinstance(value, Path) and value.is_relative_to(SERVICES_DIR):
        return str(value.relative_to(REPOSITORY))
    return str(value)


def env_example() -> str:
    """Return the content of .env.example: every setting, commented out."""

    def lines() -> Iterator[str]:
        yield "# Copy to .env and take away the # of what you change. Written by `make docs`."
        for name, field in Settings.model_fields.items():
            value = field.default if field.default is not None else next(iter(field.examples or []), "")
            yield f"\n# {field.description}\n#{variable(name, field)}={written(value)}"

    return "\n".join(lines()) + "\n"


def readme_table() -> str:
    """Return the settings as a Markdown table."""

    def rows() -> Iterator[str]:
        yield "| variable | default | meaning |\n| --- | --- | --- |"
        for name, field in Settings.model_fields.items():
            default = "" if field.default is None else f"`{shortened(written(field.default))}`"
            yield f"| `{variable(name, field)}` | {default} | {field.description} |"

    return "\n".join(rows())


def shortened(text: str) -> str:
    """Cut a value that would make the table unreadable."""
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 4]} ..."


def documents() -> dict[Path, str]:
    """Return what each file should hold."""
    readme = REPOSITORY / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        REPOSITORY / ".env.example": env_example(),
        readme: f"{before}{BEGIN}\n{readme_table()}\n{END}{after}",
    }


def main(check: bool) -> int:
    """Write the files, or name those that are out of date."""
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(REPOSITORY)} is out of date: run `make docs`")
        else:
            path.write_text(documents()[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
