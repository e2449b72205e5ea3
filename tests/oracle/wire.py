"""A port in front of a server, on which everything that can happen to a connection can be made to happen."""

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class _Link:
    """One client's connection and its continuation to the server."""

    client: socket.socket
    server: socket.socket
    open_directions: int = 2

    def reset(self) -> None:
        """End both with RST, as a crashed peer or a firewall does."""
        for end in (self.client, self.server):
            with suppress(OSError):  # gone already
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
            end.close()


class Wire:
    """Passes bytes on in both directions until told otherwise; outlives the server behind it."""

    def __init__(self, server_port: int = 0) -> None:
        self.server_port = server_port
        self.delay_seconds = 0.0
        """Added to every piece of data, in both directions."""
        self._flowing = threading.Event()
        self._flowing.set()
        self._break_in: bytes | None = None
        self.broken = threading.Event()
        """Set when `break_in` has struck."""
        self._links: list[_Link] = []
        self._ending = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones, for good."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    close = cut

    def reset(self) -> None:
        """End all connections with RST; new ones are welcome."""
        links, self._links = self._links, []
        for link in links:
            link.reset()

    def hold(self) -> None:
        """Let nothing through while both ends believe that they are connected (half-open)."""
        self._flowing.clear()

    def release(self) -> None:
        """Let everything through again, without delay."""
        self.delay_seconds = 0.0
        self._flowing.set()

    def break_in(self, content: bytes) -> None:
        """Reset the next connection on which a client sends this, when half of the piece has got through."""
        self.broken.clear()
        self._break_in = content

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:  # it is away: the client finds out as it would without the wire
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(client, server)
        self._links.append(link)
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pass_on, args=(link, source, target), daemon=True).start()

    def _pass_on(self, link: _Link, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(65536):
                self._flowing.wait()
                time.sleep(self.delay_seconds)
                if source is link.client and self._break_in is not None and self._break_in in content:
                    self._break_in = None
                    target.sendall(content[: len(content) // 2])
                    link.reset()
                    self.broken.set()
                    return
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # what one end has met with, the other one meets with
            link.reset()
        finally:
            self._end_direction(link)

    def _end_direction(self, link: _Link) -> None:
        with self._ending:
            link.open_directions -= 1
            if link.open_directions:
                return
        link.client.close()
        link.server.close()
        with suppress(ValueError):  # `reset` has taken it off the list
            self._links.remove(link)
