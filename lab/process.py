"""One server's process: started in a folder of its own, and always ended."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep

from kubelint5xx.core.record import record
from lab.catalogue import LAB, Run, Server
from lab.measure import HOST, SLOW, ready

NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--")
"""Starts a program as process 1, as it is in a container."""

_START = threading.Semaphore(2)
_PORTS = threading.Lock()
_taken: set[int] = set()
# What runs now, as the lab itself may be ended by a signal.
_running: set[subprocess.Popen[bytes]] = set()


class NotStarted(Exception):
    """A server that does not run, with the end of what it printed."""


@record(eq=False)
class Started:
    """A running server. ``pid`` is the process that gets signals."""

    process: subprocess.Popen[bytes]
    pid: int
    port: int
    folder: Path

    def signal(self, name: str) -> None:
        os.kill(self.pid, signal.Signals[f"SIG{name}"])

    def kill(self) -> None:
        """SIGKILL for it and those that it started, as a container runtime does it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def exited(self, wait: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(wait)
        return self.process.poll() is not None


@contextlib.contextmanager
def started(server: Server, run: Run, upstream: int = 0, port: int = 0) -> Iterator[Started]:
    """Runs the server until the block ends, on ``port`` or on a free one. Raises NotStarted."""
    if run.as_pid_1 and not namespaces():
        raise NotStarted("this user may not make a process namespace")
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        folder, port = Path(name), port or free_port()
        for path, text in run.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(filled(text, port, upstream, folder), "utf-8")
        # Some servers leave files in the user's home.
        environment = server.environment | {"HOME": name}
        words = shlex.split(filled(run.command, port, upstream, folder).replace("@LAB@", environment["LAB"]))
        if (program := shutil.which(words[0], path=environment["PATH"])) is None:
            raise NotStarted(f"{words[0]} is not installed")
        for key, value in run.env.items():
            environment[key] = filled(value, port, upstream, folder).replace("@LAB@", environment["LAB"])
        command = [*(NAMESPACE if run.as_pid_1 else ()), program, *words[1:]]
        cwd = LAB / "apps" / run.cwd if run.cwd else folder
        with (folder / "output").open("wb") as output, _START:
            process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )
            _running.add(process)
            try:
                up = ready(port, 60.0, lambda: process.poll() is None)
            except BaseException:
                end(process)
                raise
        try:
            if not up:
                printed = (folder / "output").read_text("utf-8", "replace").strip()
                raise NotStarted(f"{run.key} does not answer: {printed[-400:] or 'it printed nothing'}")
            yield Started(process, _first_child(process.pid) if run.as_pid_1 else process.pid, port, folder)
        finally:
            end(process)


def filled(text: str, port: int, upstream: int, folder: Path) -> str:
    """``text`` with its placeholders replaced."""
    return text.replace("@PORT@", str(port)).replace("@UPSTREAM@", str(upstream)).replace("@DIR@", str(folder))


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and those that it started, which are in a session of their own."""
    for sign, wait in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(wait)
    # Workers outlive a master that ended by itself, and the group still has its name then.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _running.discard(process)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """While the block runs, SIGTERM and SIGINT end all servers and then this process."""

    def all_ended(number: int, _: object) -> None:
        # Other threads start no more, unless this one holds a place itself.
        for _place in range(2):
            _START.acquire(timeout=3)
        for process in tuple(_running):
            end(process)
        os._exit(128 + number)

    before = {sign: signal.signal(sign, all_ended) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def free_port() -> int:
    """A port on loopback that nobody else was given in this run."""
    with _PORTS:
        while True:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = int(probe.getsockname()[1])
            if port not in _taken:
                _taken.add(port)
                return port


def namespaces() -> bool:
    """Whether a program can be started as process 1 of a namespace."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def _first_child(pid: int) -> int:
    until = monotonic() + 5
    while monotonic() < until:
        if children := Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            return int(children[0])
        sleep(0.05)
    raise NotStarted("the process in the namespace is not seen")


class _App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            sleep(SLOW)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Proxies that are stopped cut their connections; that is what is looked at, and no error."""


@contextlib.contextmanager
def app() -> Iterator[int]:
    """An app behind proxies: its port, while the block runs."""
    server = _Upstream((HOST, 0), _App)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
