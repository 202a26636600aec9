"""The quick part of the lab: real servers on loopback, measured, and held against their hop tables.

`nox -s tests` installs them; a server that could not be installed is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubelint5xx.hops.table import products
from lab import results
from lab.__main__ import measured, quick
from lab.catalogue import Run, Server, catalogue
from lab.compare import Observed, container, disagreements, hop, kept
from lab.install import installed
from lab.measure import Closed, Idle, Kept, Stop
from lab.process import NotStarted
from tests.hops.launches import launch

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
def test_the_tables_know_what_the_lab_starts(server: Server, run: Run) -> None:
    if server.product not in products():
        pytest.skip(f"there is no table of {server.product} yet")
    assert hop(server, run, "1.2.3").inbound.read("keepalive").known
    assert container(server, run, "1.2.3").argv is not None


def observed(run: Run, idle: float | None = 5.0, **stop: object) -> Observed:
    what = {
        "idle": Closed(0.0), "completed": True, "kept": Kept(0, 0.0, 0, False, False), "serves": 0.0,
        "listens": 0.0, "exits": 2.5, **stop,
    }
    return Observed(run, "0.54.0", Idle(Closed(idle), 12.0, True, ""), Stop(**what))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "quantities"),
    [
        ({}, []),
        ({"idle": 5.4}, []),
        ({"idle": 4.0}, ["idle_timeout"]),
        ({"idle": 7.0}, ["idle_timeout"]),
        ({"idle": None}, ["idle_timeout"]),
        ({"idle": 0.0}, ["keepalive", "idle_timeout"]),
        ({"completed": False}, ["graceful"]),
        ({"serves": 2.2}, ["drain_delay"]),
    ],
)
def test_a_difference_from_the_table_is_named(change: dict[str, object], quantities: list[str]) -> None:
    (server,) = catalogue("uvicorn")
    wrong = disagreements(server, observed(server.runs[0], **change))  # type: ignore[arg-type]
    assert [one.quantity for one in wrong] == quantities


def test_a_drain_that_tells_clients_to_close_is_told_from_one_that_just_closes() -> None:
    (server,) = catalogue("uvicorn")
    told = observed(server.runs[0], **{"kept": Kept(1, 0.3, 200, True, False)})
    assert not list(disagreements(server, told))  # an idle connection was closed at once all the same
    stays = observed(server.runs[0], **{"kept": Kept(1, 0.3, 200, True, False), "listens": 2.5})
    lasting = Observed(stays.run, stays.version, stays.idle, Stop(Closed(2.5), True, stays.stop.kept, 0.0, 2.5, 2.5))
    assert [one.quantity for one in disagreements(server, lasting)] == ["closes_in_drain"]


def test_what_is_written_of_a_run_stays_while_it_is_measured_to_be_nearly_the_same(tmp_path: object) -> None:
    file = tmp_path / "measured.yaml"  # type: ignore[operator]
    (server,) = catalogue("uvicorn")
    first, near, far = (results.row(observed(server.runs[0], idle)) for idle in (5.0, 5.2, 9.0))
    for new, kept_time in ((first, 5.0), (near, 5.0), (far, 9.0)):
        results.write({"uvicorn": {"default": new}}, iter([server]), file)
        assert results.read(file)["uvicorn"]["default"]["idle_close"] == kept_time


def test_every_quick_run_is_in_the_written_table() -> None:
    rows = results.read()
    assert [run.key for _, run in QUICK if run.name not in rows.get(run.server, {})] == []
    assert kept(Idle(Closed(None), 9.0, True, "")) and launch("uvicorn app:app").argv is not None
