"""Does what the rules accuse make 5xx, and does the fix end them? Real servers behind a real balancer, counted.

The balancer is nginx with kept upstream connections and `proxy_next_upstream off`, as an ALB does not send a request
again either. Between it and the server stands a relay in the place of the network: it delays each direction by 2 ms,
and like kube-proxy it decides for new connections only. Times are scaled down. All of it is on loopback, with a fixed
number of requests. `python -m lab.verdict --write` writes docs/evidence.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from typing import Any

from kubelint5xx.core.record import record, replace
from lab.__main__ import version
from lab.catalogue import ROOT, Run, Server, catalogue
from lab.install import install
from lab.measure import HOST, Connection
from lab.process import ended_by_signals, free_port, started
from lab.results import machine

DELAY = 0.002
_PAGE = ROOT / "docs" / "evidence.md"
_NGINX = """
daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 100000;
  upstream app {
    server 127.0.0.1:@UPSTREAM@ max_fails=0;
    keepalive 200;
    keepalive_timeout 60s;
    keepalive_requests 100000;
  }
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }
  }
}
"""


@record
class Load:
    """``clients`` send ``requests`` each, one after the other, ``gap`` seconds apart (at random between the two).

    ``together``: all at once, so that all connections of the balancer are used, and then idle for as long.
    """

    clients: int
    requests: int
    gap: tuple[float, float]
    together: bool = False


@record
class Counted:
    """What came of one setup."""

    setup: str
    requests: int
    statuses: Counter[int]

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500 or status == 0)


class Relay:
    """Passes bytes on, with a delay. New connections go to ``target``; what is established stays where it is."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Relay:
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    async def _listen(self) -> None:
        self.server = await asyncio.start_server(self._connected, HOST, self.port, backlog=1024)

    async def _end(self) -> None:
        self.server.close()
        open_now = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)

    async def _connected(self, inner: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            outer, forth = await asyncio.open_connection(HOST, self.target)
        except OSError:
            back.transport.abort()
            return
        # It is cancelled when the relay ends, and that is no error.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._pass(inner, forth), self._pass(outer, back))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        # Bytes, the end and a reset all arrive later by the same time, in their order.
        try:
            while data := await source.read(65536):
                self.loop.call_later(DELAY, _unless_closed(sink, lambda data=data: sink.write(data)))  # type: ignore[misc]
            self.loop.call_later(DELAY, _unless_closed(sink, sink.close))
        except OSError:
            self.loop.call_later(DELAY, sink.transport.abort)


def _unless_closed(sink: asyncio.StreamWriter, act: Callable[[], None]) -> Callable[[], None]:
    return lambda: None if sink.transport.is_closing() else act()


def balancer(upstream: int) -> contextlib.AbstractContextManager[Any]:
    """nginx in front of ``upstream``, as the balancer."""
    (server,) = catalogue("nginx")
    run = Run("nginx", "balancer", "nginx -e stderr -p @DIR@ -c nginx.conf", files={"nginx.conf": _NGINX})
    return started(server, run, upstream)


def counted(setup: str, port: int, load: Load, beside: Coroutine[Any, Any, None] | None = None) -> Counted:
    """Sends the load to ``port``, and does what is ``beside`` it meanwhile."""
    return Counted(setup, load.clients * load.requests, asyncio.run(_send(port, load, beside)))


async def _send(port: int, load: Load, beside: Coroutine[Any, Any, None] | None) -> Counter[int]:
    statuses: Counter[int] = Counter()
    chance = random.Random(5)
    gaps = [chance.uniform(*load.gap) for _ in range(load.requests)]
    meeting = asyncio.Barrier(load.clients)

    async def client() -> None:
        reader = writer = None
        for gap in gaps:
            try:
                if writer is None or reader is None or writer.is_closing() or reader.at_eof():
                    reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(b"GET / HTTP/1.1\r\nHost: lab.test\r\n\r\n")
                head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode("latin-1").lower()
                length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
                await reader.readexactly(int(length.partition(":")[2]))
                statuses[int(head.split()[1])] += 1
                if "connection: close" in head:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                statuses[0] += 1
                writer = None
            if load.together:
                await meeting.wait()
            await asyncio.sleep(gap if load.together else chance.uniform(*load.gap))
        if writer:
            writer.close()

    tasks = [client() for _ in range(load.clients)]
    await asyncio.gather(*tasks, *([beside] if beside else []))
    return statuses


_FLAGS = {
    "gunicorn": ("--keep-alive {}", "gunicorn -k gthread --threads 64 {} -b 127.0.0.1:@PORT@ wsgi:app"),
    "uvicorn": ("--timeout-keep-alive {}", "uvicorn {} --port @PORT@ asgi:app"),
    "hypercorn": ("--keep-alive {}", "hypercorn {} -b 127.0.0.1:@PORT@ asgi:app"),
}


def with_idle_time(server: Server, seconds: int) -> Run:
    """``server`` with an idle timeout of so many seconds; the run's name is the setting."""
    if server.product == "jetty":
        setting = f"jetty.http.idleTimeout={seconds}000"
        files = {**server.runs[0].files, "start.ini": "--module=deploy\n", "webapps/ROOT/index.html": "ok"}
        files = {path: text for path, text in files.items() if "jsp" not in path and "web.xml" not in path}
        files["start.d/http.ini"] = f"--module=http\n{setting}\n"
        return replace(server.runs[0], name=setting, files=files)
    flag, command = _FLAGS[server.name]
    setting = flag.format(seconds)
    return Run(server.name, setting, command.format(setting), cwd="python")


def idle_times() -> Iterator[tuple[str, str, list[Counted]]]:
    """keepalive/server-closes-first: the server's idle time against gaps of about as long, then a longer one."""
    load = Load(60, 20, (1.97, 2.03), together=True)
    for server in catalogue("jetty-9", *_FLAGS):

        def one(seconds: int, server: Server = server) -> Counted:
            run = with_idle_time(server, seconds)
            with started(server, run) as pod, Relay(pod.port) as relay, balancer(relay.port) as front:
                return counted(f"`{run.name}`", front.port, load)

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(one, (2, 75)))
        yield "server-closes-first", f"{server.product} {version(server)}", found


def restarts() -> Iterator[tuple[str, str, list[Counted]]]:
    """Rolling restarts of uvicorn behind the relay, with and without a drain. What is new is ready before."""
    (server,) = catalogue("uvicorn")
    run = Run("uvicorn", "draining", "uvicorn --timeout-keep-alive 75 --port @PORT@ draining:app", cwd="python")
    setups = (
        ("SIGTERM at once; new connections go elsewhere 0.5 s later", 0.0, False),
        ("preStop sleep of 2 s", 2.0, False),
        ("2 s of serving with `Connection: close`, then SIGTERM", 2.0, True),
    )
    found = []
    for title, pause, tells in setups:
        with contextlib.ExitStack() as stack:
            pods = [stack.enter_context(started(server, run)) for _ in range(5)]
            relay = stack.enter_context(Relay(pods[0].port))
            front = stack.enter_context(balancer(relay.port))

            def roll(
                pods: list[Any] = pods, relay: Relay = relay, pause: float = pause, tells: bool = tells
            ) -> None:
                for old, new in pairwise(pods):
                    time.sleep(1.5)
                    if tells:
                        with Connection(old.port) as connection:
                            connection.get("/drain")
                    threading.Timer(0.5, lambda port=new.port: setattr(relay, "target", port)).start()
                    time.sleep(pause)
                    old.signal("TERM")
                    time.sleep(2.5 - pause)

            load = Load(40, 90, (0.05, 0.3))
            found.append(counted(title, front.port, load, asyncio.to_thread(roll)))
    yield "kept-connections-survive-drain", f"uvicorn {version(server)}, 4 restarts", found


def page(groups: list[tuple[str, str, list[Counted]]], nginx: str) -> str:
    """docs/evidence.md."""
    lines = [
        "<!-- Written by `python -m lab.verdict --write`. -->\n",
        "# What the faults cost\n",
        f"Counted with real servers behind nginx {nginx} as the balancer, with kept upstream connections and",
        "`proxy_next_upstream off`, on one machine. A relay in the place of the network delays each direction by",
        f"{DELAY * 1000:g} ms, and decides for new connections only, as kube-proxy does. The clients' gaps lie around",
        "the shorter idle time. How many requests fail differs from run to run; whether any fail is the point.",
        f"\nMachine: {machine()}.\n",
        "| rule | server | configuration | requests | 5xx |\n|---|---|---|---|---|",
    ]
    lines += [
        f"| {rule} | {server} | {one.setup} | {one.requests:,} | {one.failed} |"
        for rule, server, found in groups
        for one in found
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Count; 1 where the accused configuration did not fail, or the fix did."""
    parser = argparse.ArgumentParser(prog="python -m lab.verdict", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/evidence.md")
    write = parser.parse_args().write
    needed: tuple[Server, ...] = catalogue("nginx", "jetty-9", *_FLAGS)
    for server in needed:
        install(server)
    groups = []
    for group in chain(idle_times(), restarts()):
        groups.append(group)
        for one in group[2]:
            came = f"{one.failed} of {one.requests} ({dict(one.statuses)})"
            print(f"{group[0]}, {group[1]}, {one.setup}: {came}", flush=True)
    if write:
        _PAGE.write_text(page(groups, version(needed[0])), "utf-8")
    return int(any(not found[0].failed or found[-1].failed for _, _, found in groups))


if __name__ == "__main__":
    with ended_by_signals():
        sys.exit(main())
