"""How the console is started: Streamlit on 127.0.0.1, with the options that lie beside its app."""

import socket
import sys
from pathlib import Path

from txwatch.errors import UsageError

HOST = "127.0.0.1"


def choose_port(wanted: int) -> int:
    """Return `wanted`, or a free port when it is 0.

    Raises:
        UsageError: another process listens on `wanted`.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            raise UsageError(f"port {wanted} is taken: choose another, or --port 0 for a free one") from None
        port: int = probe.getsockname()[1]
        return port


def command(app: Path, port: int) -> list[str]:
    """Return the command line that serves the console on `port` until SIGTERM or SIGINT."""
    return [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
