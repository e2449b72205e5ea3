"""`txwatch jars`: fetch what Java needs before it is needed."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import typer

from txwatch.settings import load_settings


def jars() -> None:
    """Fetch the jars of Kafka and Spark where they are missing, and print the folders as JSON."""
    from txwatch.embedded.jars import JarSet, resolve

    settings = load_settings()
    names = get_args(JarSet)
    with ThreadPoolExecutor() as pool:
        folders = pool.map(lambda name: str(resolve(name, settings)), names)
        typer.echo(json.dumps(dict(zip(names, folders, strict=True)), indent=2))
