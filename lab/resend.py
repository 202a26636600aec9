"""Whether a proxy sends a request again when the connection that it reused for it is reset."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kubelint5xx.core.record import record
from lab.measure import HOST, Connection

_TRIES = 3


@record(eq=False)
class Fickle:
    """An app that answers one request on each connection and resets it at the next. ``resets``: how many it did."""

    port: int
    resets: list[None]


@contextlib.contextmanager
def fickle() -> Iterator[Fickle]:
    """Such an app, while the block runs."""
    resets: list[None] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        answered = False

        def do_GET(self) -> None:
            if self.answered:
                resets.append(None)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            self.answered = True
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: object) -> None:
            # Without a FIN before it, so that the close is a reset.
            self.close_request(request)  # type: ignore[arg-type]

        def handle_error(self, request: object, client_address: object) -> None:
            """Proxies cut connections, too."""

    server = Server((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Fickle(server.server_address[1], resets)
    finally:
        server.shutdown()
        server.server_close()


def resends(port: int, app: Fickle) -> bool | None:
    """Asks the proxy on ``port``, which sends requests to ``app``; None where it reuses no connection."""
    # On one connection, since some proxies reuse none for a client's first request.
    with Connection(port) as connection:
        try:
            answered = all(connection.get("/").status < 500 for _ in range(_TRIES))
        except OSError:
            # Some pass the reset on to their client, so that it sends again.
            answered = False
    return answered if app.resets else None
