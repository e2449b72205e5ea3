"""dbt's own command line, run while no `txwatch transform` is at work: what Airflow's tasks call.

Tasks of one DAG run hold the transformation lock together (shared), so they run beside each other; `txwatch
transform` holds it alone. Between two tasks a whole `transform` may come in: each model reads on from its own
watermark, so it does not matter who built its parents.
"""

import sys

from dbt.cli.main import cli

from txwatch.errors import TxwatchError
from txwatch.settings import load_settings
from txwatch.transform.lock import no_transformation

PATIENCE_SECONDS = 1800


def main() -> None:
    """Wait for the lock, run dbt with this process's arguments, exit as dbt does."""
    try:
        with no_transformation(load_settings().postgres("transformer"), PATIENCE_SECONDS):
            cli()
    except TxwatchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
