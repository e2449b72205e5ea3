"""dbt's own command line, run while no `txwatch transform` is at work: what Airflow's tasks call.

Tasks of one DAG run hold the transformation lock together (shared), so they run beside each other; `txwatch
transform` holds it alone. Between two tasks a whole `transform` may come in: each model reads on from its own
watermark, so it does not matter who built its parents.
"""

import os
import sys
from pathlib import Path

from dbt.cli.main import cli

from txwatch.errors import TxwatchError
from txwatch.settings import load_settings
from txwatch.transform.lock import no_transformation

PATIENCE_SECONDS = 1800
_PARSED = "DBT_PARTIAL_PARSE_FILE_PATH"


def main() -> None:
    """Wait for the lock, run dbt with this process's arguments, exit as dbt does."""
    if not Path(os.environ.get(_PARSED, "")).is_file():
        os.environ.pop(_PARSED, None)  # dbt refuses a name of nothing; without one it parses the project
    try:
        with no_transformation(load_settings().postgres("transformer"), PATIENCE_SECONDS):
            cli()
    except TxwatchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
