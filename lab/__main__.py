"""`python -m lab [SERVER…]`: measures real servers and fails where a hop table says something else of them."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

from lab import results
from lab.catalogue import CACHE, Run, Server, catalogue
from lab.compare import Disagreement, Observed, disagreements
from lab.install import NotInstalled, install, installed
from lab.measure import Idle, Stop, idle, stop
from lab.process import NotStarted, app, ended_by_signals, started
from lab.resend import fickle, resends

_STOP_WAIT = 12.0


def version(server: Server) -> str:
    """What the program says of itself; ``pip:NAME`` and ``deb:NAME`` ask the package."""
    kind, _, name = server.version.partition(":")
    if kind == "pip":
        path = [str(folder) for folder in (CACHE / "python" / "lib").glob("python*/site-packages")]
        return next(one.version for one in metadata.distributions(name=name, path=path))
    if kind == "deb":
        archive = next((CACHE / server.name / "archives").glob(f"{name}_*.deb"))
        return re.split("[+~-]", archive.name.removeprefix(f"{name}_"))[0]
    if kind == "is":
        return name
    done = subprocess.run(
        server.version.split(), env=server.environment, capture_output=True, text=True, timeout=60, check=False
    )
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    if found is None:
        raise NotStarted(f"{server.name} tells no version: {done.stdout + done.stderr}")
    return found[0]


def observe(server: Server, run: Run, number: str, upstream: int) -> Observed:
    """The observations of one run, each with a process of its own, at the same time. Raises NotStarted."""

    def resting() -> Idle:
        with started(server, run, upstream) as one:
            return idle(one.port, run.wait)

    def stopping() -> Stop:
        with started(server, run, upstream) as one:
            return stop(one.port, lambda: one.signal(run.signal), one.exited, _STOP_WAIT)

    def resending() -> bool | None:
        if not run.forwards:
            return None
        with fickle() as app, started(server, run, app.port) as one:
            return resends(one.port, app)

    with ThreadPoolExecutor(3) as pool:
        first, second, third = pool.submit(resting), pool.submit(stopping), pool.submit(resending)
        return Observed(run, number, first.result(), second.result(), third.result())


def measured(pairs: Iterable[tuple[Server, Run]]) -> Iterator[tuple[Server, Observed | NotStarted]]:
    """All runs at once, since nearly all of the time is waiting. A run that does not start gives its error."""
    pairs = list(pairs)

    def one(pair: tuple[Server, Run], upstream: int) -> Observed | NotStarted:
        try:
            return observe(*pair, version(pair[0]), upstream)
        except (NotStarted, OSError, StopIteration) as error:
            return NotStarted(f"{pair[1].key}: {error}")

    with app() as upstream, ThreadPoolExecutor(max(1, len(pairs))) as pool:
        waiting = [pool.submit(one, pair, upstream) for pair in pairs]
        for (server, _), future in zip(pairs, waiting, strict=True):
            yield server, future.result()


def quick(servers: Iterable[Server]) -> list[tuple[Server, Run]]:
    """The runs that are part of the tests."""
    return [(server, run) for server in servers for run in server.runs if run.quick]


def main() -> int:
    """Install, measure, compare; 1 where something disagrees or did not run."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("servers", nargs="*", metavar="SERVER", help="names of servers.yaml; all where none is given")
    parser.add_argument("--quick", action="store_true", help="only the runs that are part of the tests")
    parser.add_argument("--install", action="store_true", help="install and stop")
    parser.add_argument("--write", action="store_true", help="write lab/measured.yaml")
    chosen = parser.parse_args()
    try:
        servers = catalogue(*chosen.servers)
    except KeyError as error:
        parser.error(f"servers.yaml has no server {error}")
    if chosen.quick:
        servers = tuple(server for server in servers if any(run.quick for run in server.runs))
    failed = False
    for server in servers:
        try:
            install(server)
        except NotInstalled as error:
            failed = True
            print(f"{server.name} is left out: {error}", file=sys.stderr)
    if chosen.install:
        return 0
    ready = [server for server in servers if installed(server)]
    pairs = quick(ready) if chosen.quick else [(server, run) for server in ready for run in server.runs]
    rows: dict[str, dict[str, results.Row]] = {}
    wrong: list[Disagreement | NotStarted] = []
    compared: list[tuple[Server, Observed]] = []
    for server, seen in measured(pairs):
        if isinstance(seen, NotStarted):
            wrong.append(seen)
            continue
        compared.append((server, seen))
        rows.setdefault(server.name, {})[seen.run.name] = found = results.row(seen)
        print(f"{seen.run.key} ({seen.version})")
        print("".join(f"    {name}: {value}\n" for name, value in found.items() if name not in ("version", "command")))
    # Written before any table is asked, so that a table with a mistake costs no measurement.
    if chosen.write:
        results.write(rows, iter(catalogue()))
    for one in [*wrong, *(one for server, seen in compared for one in disagreements(server, seen))]:
        print(one)
        failed = True
    return int(failed)


if __name__ == "__main__":
    with ended_by_signals():
        sys.exit(main())
