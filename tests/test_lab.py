"""The quick part of the lab: real servers on loopback, measured, and held against their hop tables.

`nox -s tests` installs them; a server that could not be installed is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kubelint5xx.core.record import replace
from kubelint5xx.hops.table import products
from lab import results
from lab.__main__ import measured, quick
from lab.catalogue import Run, Server, catalogue
from lab.compare import Observed, disagreements, product
from lab.install import installed
from lab.measure import Closed, Idle, Kept, Stop
from lab.process import NotStarted

QUICK = quick(catalogue())
Seen = Mapping[str, Observed | NotStarted]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """All runs of servers that are installed, measured at the same time."""
    pairs = [(server, run) for server, run in QUICK if installed(server)]
    # In the order of the pairs, so that a run that fails is still told by its name.
    return {run.key: one for (_, run), (_, one) in zip(pairs, measured(pairs), strict=True)}


@pytest.mark.parametrize(("server", "run"), QUICK, ids=[run.key for _, run in QUICK])
def test_a_real_server_does_what_its_hop_table_says(server: Server, run: Run, seen: Seen) -> None:
    if not installed(server):
        pytest.skip(f"{server.name} is not installed: python -m lab --install {server.name} tells why")
    found = seen[run.key]
    assert isinstance(found, Observed), found
    assert not list(map(str, disagreements(server, found)))


@pytest.mark.parametrize(("server", "run"), QUICK, ids=[run.key for _, run in QUICK])
def test_the_tables_recognise_what_the_lab_starts(server: Server, run: Run) -> None:
    assert server.product in products()
    assert product(server, run) == server.product


STOPPED = Stop(Closed(0.0), True, Kept(0, 0.0, 0, False, False), 0.0, 0.0, 2.5)
TOLD = Kept(1, 0.3, 200, True, False)


def observed(run: Run, idle: float | None = 5.0, stop: Stop = STOPPED) -> Observed:
    return Observed(run, "0.54.0", Idle(Closed(idle), 12.0, True, ""), stop)


@pytest.mark.parametrize(
    ("idle", "stop", "quantities"),
    [
        (5.0, STOPPED, []),
        (5.4, STOPPED, []),
        (4.0, STOPPED, ["idle_timeout"]),
        (7.0, STOPPED, ["idle_timeout"]),
        (None, STOPPED, ["idle_timeout"]),
        (0.0, STOPPED, ["keepalive", "idle_timeout"]),
        (5.0, replace(STOPPED, completed=False), ["graceful"]),
        # It ignored the signal: only SIGKILL ends it.
        (5.0, replace(STOPPED, listens=None, exits=None), ["graceful"]),
        (5.0, replace(STOPPED, serves=2.2), ["drain_delay"]),
        # Told to close, but an idle connection was closed all the same: a race, and no drain.
        (5.0, replace(STOPPED, kept=TOLD), []),
        (5.0, replace(STOPPED, kept=TOLD, idle=Closed(2.5)), ["closes_in_drain"]),
    ],
)
def test_a_difference_from_the_table_is_named(idle: float | None, stop: Stop, quantities: list[str]) -> None:
    (server,) = catalogue("uvicorn")
    wrong = disagreements(server, observed(server.runs[0], idle, stop))
    assert [one.quantity for one in wrong] == quantities


def test_what_is_written_of_a_run_stays_while_it_is_measured_to_be_nearly_the_same(tmp_path: Path) -> None:
    file = tmp_path / "measured.yaml"
    (server,) = catalogue("uvicorn")
    first, near, far = (results.row(observed(server.runs[0], idle)) for idle in (5.0, 5.2, 9.0))
    for new, kept_time in ((first, 5.0), (near, 5.0), (far, 9.0)):
        results.write({"uvicorn": {"default": new}}, iter([server]), file)
        assert results.read(file)["uvicorn"]["default"]["idle_close"] == kept_time


def test_every_quick_run_is_in_the_written_table() -> None:
    rows = results.read()
    assert [run.key for _, run in QUICK if run.name not in rows.get(run.server, {})] == []
