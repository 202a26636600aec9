"""What a client sees of a server: when it closes an idle connection, and what it does on the signal that stops it.

A raw socket client, since HTTP libraries hide what is measured here. All waits are bounded.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from kubelint5xx.core.record import record

HOST = "127.0.0.1"
SLOW = 3.0
"""How long the apps take to answer /slow, in seconds."""

_CLOSED = (ConnectionError, BrokenPipeError)


@record
class Response:
    status: int
    headers: Mapping[str, str]

    @property
    def closes(self) -> bool:
        """Whether the server says that it closes the connection."""
        return self.headers.get("connection", "").lower() == "close"


@record
class Closed:
    """How a connection ended: ``after`` seconds, by a reset or in an orderly way. ``after`` None: not while waited."""

    after: float | None
    reset: bool = False


@record
class Idle:
    """A connection that was left alone after one response. ``keeps``: the response did not say that it closes."""

    closed: Closed
    waited: float
    keeps: bool
    keep_alive: str


@record
class Kept:
    """New requests on a connection that was idle when the signal came. ``answered``: how many were, until when."""

    answered: int
    until: float
    status: int
    closes: bool
    lost: bool


@record
class Stop:
    """What happened after the signal; all times in seconds since then.

    ``idle``: the end of an idle connection. ``completed``: the request in progress got its response. ``serves``: the
    last time that a new connection's request was answered, 0 if none. ``listens``: when connections were first
    refused, ``exits`` when the process was gone; None: not while waited.
    """

    idle: Closed
    completed: bool
    kept: Kept
    serves: float
    listens: float | None
    exits: float | None


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port: int, timeout: float = 10.0) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=timeout)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def get(self, path: str, timeout: float = 10.0) -> Response:
        """The response to one request, its body read. Raises OSError where there is none."""
        self.socket.settimeout(timeout)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: lab.test\r\nAccept: */*\r\n\r\n".encode())
        read = b""
        while b"\r\n\r\n" not in read:
            read += self.more()
        head, _, body = read.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        if "content-length" in headers:
            while len(body) < int(headers["content-length"]):
                body += self.more()
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            while not re.search(rb"(^|\r\n)0\r\n\r\n\Z", body):
                body += self.more()
        return Response(int(first.split()[1]), headers)

    def more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("closed before the response was complete")
        return data

    def end(self, wait: float, since: float) -> Closed:
        """Waits up to ``wait`` seconds for the server to close; its time counts from ``since``."""
        until = time.monotonic() + wait
        while self.socket.fileno() >= 0 and (left := until - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            try:
                if self.socket.recv(65536):
                    continue
                reset = False
            except _CLOSED:
                reset = True
            self.socket.close()
            return Closed(time.monotonic() - since, reset)
        return Closed(None) if self.socket.fileno() >= 0 else Closed(0.0)

    def use(self, path: str, timeout: float = 10.0) -> Response:
        """The same as ``get``, and closes where the server says so, as clients do.

        Some servers wait for that, and one with a single worker would do nothing else until then.
        """
        response = self.get(path, timeout)
        if response.closes:
            self.socket.close()
        return response


def ready(port: int, wait: float, alive: Callable[[], bool]) -> bool:
    """Whether the server answers within ``wait`` seconds, while its process is ``alive``."""
    until = time.monotonic() + wait
    while time.monotonic() < until and alive():
        with contextlib.suppress(OSError), Connection(port, 1.0) as connection:
            if connection.get("/", 2.0).status == 200:
                return True
        time.sleep(0.1)
    return False


def idle(port: int, wait: float) -> Idle:
    """What the server on ``port`` does with a connection after one request."""
    with Connection(port) as connection:
        response = connection.get("/")
        closed = connection.end(wait, time.monotonic())
    return Idle(closed, wait, not response.closes, response.headers.get("keep-alive", ""))


def stop(port: int, signal: Callable[[], None], exited: Callable[[float], bool], wait: float) -> Stop:
    """Sends the ``signal`` 0.5 s into a request that takes 3 s, beside connections that are idle, and watches.

    ``exited`` waits up to so many seconds for the process and says whether it is gone.
    """
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(5) as pool:
        resting, used = (stack.enter_context(Connection(port)) for _ in range(2))
        slow = stack.enter_context(Connection(port))
        for connection in (resting, used):
            connection.use("/")
        in_progress = pool.submit(_completes, slow)
        time.sleep(0.5)
        since = time.monotonic()
        signal()
        ended = pool.submit(resting.end, wait, since)
        kept = pool.submit(_kept, used, since, wait)
        new = pool.submit(_new, port, since, wait)
        gone = pool.submit(lambda: time.monotonic() - since if exited(wait) else None)
        serves, listens = new.result()
        return Stop(ended.result(), in_progress.result(), kept.result(), serves, listens, gone.result())


def _completes(connection: Connection) -> bool:
    try:
        return connection.use("/slow", SLOW + 12).status == 200
    except OSError:
        return False


def _kept(connection: Connection, since: float, wait: float) -> Kept:
    """Requests on a kept connection, one after each half second, from 0.3 s after the signal on."""
    answered, until, lost = 0, 0.0, False
    first: Response | None = None
    time.sleep(0.3)
    while time.monotonic() - since < wait:
        if connection.end(0.001, since).after is not None:
            break
        try:
            response = connection.use("/", 5.0)
        except OSError:
            lost = True
            break
        answered, until, first = answered + 1, time.monotonic() - since, first or response
        if response.closes:
            break
        time.sleep(0.5)
    return Kept(answered, until, first.status if first else 0, bool(first and first.closes), lost)


def _new(port: int, since: float, wait: float) -> tuple[float, float | None]:
    """When a new connection was last answered, and when one was first refused."""
    serves = 0.0
    while (now := time.monotonic() - since) < wait:
        try:
            with Connection(port, 1.0) as connection:
                if connection.get("/", 1.0).status == 200:
                    serves = now
        except ConnectionRefusedError:
            return serves, now
        except OSError:
            pass
        time.sleep(0.2)
    return serves, None
