"""The result files of the bench: one JSON document per run, with what made it."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

Result = dict[str, Any]


def write(kind: str, parameters: dict[str, Any], results: list[Result], output: Path | None) -> None:
    """Print a run's document, and keep it as `output`."""
    document = {
        "kind": kind,
        "command": " ".join([Path(sys.argv[0]).name, *_without_output(sys.argv[1:])]),
        "ended_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "processors": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "python": platform.python_version(),
            "load_average": [round(value, 2) for value in os.getloadavg()],
        },
        "parameters": parameters,
        "results": results,
    }
    text = json.dumps(document, indent=1)
    print(text)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n")


def read(folder: Path) -> list[Result]:
    """Return the documents of a folder, in the order of their files' names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def of_kind(documents: Iterable[Result], kind: str) -> list[Result]:
    """Return the results of all runs of a kind, each with the number of its run as `run`.

    A document may name systems as `superseded`, by hand: they were changed, and measured again, since. A
    single result may say so of itself.
    """
    found = [document for document in documents if document["kind"] == kind]
    return [
        result | {"run": number}
        for number, document in enumerate(found)
        for result in document["results"]
        if result.get("system") not in document.get("superseded", ()) and not result.get("superseded")
    ]


def _without_output(arguments: list[str]) -> list[str]:
    """The command as another machine would give it."""
    if "--output" in arguments:
        at = arguments.index("--output")
        return arguments[:at] + arguments[at + 2 :]
    return arguments
