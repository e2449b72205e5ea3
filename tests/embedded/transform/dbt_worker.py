"""Runs in the environment of dbt: one process, many invocations, each a line of JSON in and one out."""

import json
import os
import sys
from pathlib import Path

from txwatch.errors import TxwatchError
from txwatch.settings import load_settings
from txwatch.transform.dbt import Dbt
from txwatch.transform.environment import dbt_variables


def serve(work_dir: Path, project_dir: Path) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever dbt may print is no answer
    dbt = Dbt(dbt_variables(load_settings()), work_dir, project_dir)
    for line in sys.stdin:
        try:
            answer = dbt.invoke(*json.loads(line)).as_json()
        except TxwatchError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
