"""Writes dbt's manifest, from which Airflow makes one task per model.

`python -m txwatch.transform.manifest FOLDER` runs in the environment that has dbt, and asks the warehouse
nothing.
"""

import sys
from pathlib import Path

from txwatch.errors import TxwatchError
from txwatch.transform.dbt import Dbt


def write_manifest(folder: Path) -> Path:
    """Parse the project and return the manifest's path.

    Args:
        folder: gets the manifest, and dbt's log.

    Raises:
        TxwatchError: the project is at fault; the sentence is dbt's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    Dbt({}, folder).parse()
    made = folder / "target" / "manifest.json"
    # Moved into place: a reader never sees half of it.
    return made.replace(folder / "manifest.json")


if __name__ == "__main__":
    try:
        write_manifest(Path(sys.argv[1]).absolute())
    except TxwatchError as error:
        sys.exit(f"error: {error}")
