"""`txwatch console`: the live pages in a browser."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from txwatch.settings import load_settings

APP = Path(__file__).parent / "web" / "app.py"
"""Beside no folder `pages`, which Streamlit would take for pages of its own."""


def console(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: a free one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Show throughput, alerts, quarantine and health in a browser, live."""
    from txwatch.console import launch

    settings = load_settings(console_port=port)
    chosen = launch.choose_port(settings.console_port)
    url = f"http://{launch.HOST}:{chosen}"
    typer.echo(json.dumps({"url": url}) if as_json else f"console: {url} (Ctrl-C stops it)")
    command = launch.command(APP, chosen)
    # This process becomes the server: signals reach it directly, and nothing is left when it ends.
    os.execv(command[0], command)  # noqa: S606 - a list of our own making
