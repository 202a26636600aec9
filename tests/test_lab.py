"""The quick part of the lab: real servers on loopback, measured, and held against their hop tables.

`nox -s tests` installs them; a server that could not be installed is skipped, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubelint5xx.core.record import replace
from kubelint5xx.hops.table import products
from lab import install, results
from lab.__main__ import measured, quick
from lab.catalogue import ROOT, Run, Server, catalogue
from lab.compare import Observed, disagreements, drains_by_closing, kept, product
from lab.install import installed
from lab.measure import Closed, Idle, Kept, Stop
from lab.process import NotStarted, app
from lab.resend import fickle, resends

QUICK = quick(catalogue())
TABLES = ROOT / "kubelint5xx" / "hops"
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
        # It took new connections as long as a request was in progress.
        (5.0, replace(STOPPED, serves=2.2, listens=2.6), []),
        (5.0, replace(STOPPED, serves=6.2, listens=6.6, exits=6.5), ["drain_delay"]),
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


@pytest.mark.parametrize(
    ("idle", "stop"),
    [
        (5.0, STOPPED),
        (0.0, replace(STOPPED, completed=False)),
        (None, replace(STOPPED, listens=None, exits=None)),
        (5.0, replace(STOPPED, kept=TOLD, idle=Closed(2.5))),
        (5.0, replace(STOPPED, kept=TOLD, idle=Closed(1.5))),
        (5.0, replace(STOPPED, kept=TOLD, idle=Closed(None))),
        (5.0, replace(STOPPED, kept=TOLD, idle=Closed(2.5), exits=None)),
        (5.0, replace(STOPPED, kept=replace(TOLD, status=503), idle=Closed(2.5))),
        (5.0, replace(STOPPED, kept=replace(TOLD, closes=False), idle=Closed(2.5))),
        (5.0, replace(STOPPED, serves=2.2)),
    ],
)
def test_a_written_row_says_what_was_seen(idle: float | None, stop: Stop) -> None:
    seen = observed(catalogue("uvicorn")[0].runs[0], idle, stop)
    row = results.row(seen)
    assert {name: results.quantity(row, name) for name in results.QUANTITIES} == {
        "keepalive": kept(seen.idle),
        "idle_timeout": math.inf if idle is None else idle,
        "graceful": stop.completed and stop.listens is not None,
        "closes_in_drain": drains_by_closing(stop),
        "drain_delay": stop.serves,
        "resends": None,
    }


@pytest.mark.parametrize("sent_again", [True, False, None])
def test_a_written_row_says_whether_a_request_was_sent_again(sent_again: bool | None) -> None:
    seen = replace(observed(catalogue("nginx")[0].runs[0]), resends=sent_again)
    assert results.quantity(results.row(seen), "resends") is sent_again


def test_who_passes_a_reset_on_does_not_send_again_and_without_a_reset_nothing_is_known() -> None:
    # Without a proxy in between, the app's own reset arrives.
    with fickle() as one, app() as steady:
        assert resends(one.port, one) is False
        assert resends(steady, replace(one, resets=[])) is None


def test_what_is_built_is_built_anew_when_its_sources_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "LAB", tmp_path)
    source = tmp_path / "apps" / "one" / "src" / "main.go"
    source.parent.mkdir(parents=True)
    stamps = set()
    for text in ("a", "b", "b"):
        source.write_text(text, "utf-8")
        stamps.add(install.stamp(Server("one", "is:1", "", {"goapp": {"app": "one"}})))
    assert len(stamps) == 2


MEASURED = [
    pytest.param(product, name, seen, id=f"{product} {name} {seen.get('run', seen['version'])}")
    for product in products()
    for name, row in yaml.safe_load((TABLES / f"{product}.yaml").read_text("utf-8"))["knobs"].items()
    for seen in ([row["measured"]] if isinstance(row.get("measured"), dict) else row.get("measured", ()))
]


@pytest.mark.parametrize(("product", "name", "seen"), MEASURED)
def test_what_a_hop_table_calls_measured_the_lab_measured(product: str, name: str, seen: dict[str, Any]) -> None:
    face, _, quantity = name.rpartition(".")
    of_the_lab = quantity in results.QUANTITIES and (face != "outbound" or quantity == "resends")
    assert ("run" in seen) == of_the_lab, "the lab measures this quantity" if of_the_lab else "the lab does not"
    if not of_the_lab:
        return
    name, _, configuration = seen["run"].partition(" ")
    (server,), row = catalogue(name), results.read()[name][configuration]
    value = math.inf if seen["value"] == "unlimited" else seen["value"]
    assert (server.product, row["version"]) == (product, seen["version"])
    assert results.quantity(row, quantity) == value


def test_every_quick_run_is_in_the_written_table() -> None:
    rows = results.read()
    assert [run.key for _, run in QUICK if run.name not in rows.get(run.server, {})] == []
