"""Chooses the ports that the embedded parts listen on."""

import random
import socket
import time

from txwatch.errors import UsageError

HOST = "127.0.0.1"
# Below the range that kernels take outgoing ports from: a client that keeps knocking at a dead server's
# port in that range may be connected to itself, and so keep the server from coming back.
_FREE_PORTS = range(15_000, 32_000)
_TRIES = 100
_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.1


def choose_port(wanted: int, recorded: int | None, name: str) -> int:
    """Return the port to listen on: the one asked for, else the one used before, else a free one.

    A taken one is waited for: a killed server holds its port until the last of its threads has ended.

    Args:
        wanted: the setting; 0 means any.
        recorded: the port of the last run, which clients may still know.
        name: what listens there, as in the setting `embedded_<name>_port`.

    Raises:
        UsageError: the port asked for is taken.
    """
    if wanted:
        if not _becomes_free(wanted):
            raise UsageError(
                f"port {wanted} is taken: end what listens there, or set "
                f"TXWATCH_EMBEDDED_{name.upper()}_PORT=0 to use a free port"
            )
        return wanted
    if recorded and _becomes_free(recorded):
        return recorded
    return free_port()


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    for port in random.sample(_FREE_PORTS, _TRIES):
        if is_free(port):
            return port
    raise UsageError(f"no free port found on {HOST}: set the TXWATCH_EMBEDDED_*_PORT settings")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a killed one that linger in TIME_WAIT are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
