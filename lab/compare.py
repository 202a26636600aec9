"""Where a hop table and a real server disagree. The table is asked as in a check: by the container's start."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kubelint5xx.core.record import record
from kubelint5xx.core.value import Confidence, Data, Subject
from kubelint5xx.hops.detect import Recognised, Unrecognised, hop_of, recognise
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.table import products
from kubelint5xx.model.topology import Hop
from lab.catalogue import LAB, Run, Server
from lab.measure import SLOW, Idle, Stop
from tests.hops.launches import launch

_AT_ONCE = 0.3
_TOLERANCE = 0.6
_LEFT = SLOW - 0.5
"""For how long the request in progress goes on when the signal comes."""


@record
class Observed:
    """What was measured of one server in one configuration. ``resends`` is None where it reuses no connection."""

    run: Run
    version: str
    idle: Idle
    stop: Stop
    resends: bool | None = None


@record
class Disagreement:
    run: str
    quantity: str
    table: str
    measured: str

    def __str__(self) -> str:
        return f"{self.run}: {self.quantity} is {self.table} by the table, and {self.measured} as measured"


def container(server: Server, run: Run, declared: str = "") -> Launch:
    """The container that would run the server so."""
    texts = {f"/app/{path}": text for path, text in run.files.items()}
    folder = LAB / "apps" / run.cwd
    sources = {path: (folder / path).read_text("utf-8") for path in run.sources} if run.sources else None
    return launch(
        _placed(run.command),
        env={name: _placed(value) for name, value in run.env.items()},
        files={path: _placed(text) for path, text in texts.items()},
        sources=sources,
        declared=declared or None,
        stop_signal=f"SIG{run.signal}",
    )


def _placed(text: str) -> str:
    for name, value in {"@PORT@": "8080", "@UPSTREAM@": "8000", "@DIR@": "/app", "@LAB@": "/opt"}.items():
        text = text.replace(name, value)
    return text


def product(server: Server, run: Run) -> str:
    """The product that the tables take it for, or why for none. Where they cannot know, what is declared."""
    found = recognise(container(server, run))
    if server.declared:
        return server.product
    return found.product if isinstance(found, Recognised) else found.reason


def hop(server: Server, run: Run, version: str) -> Hop:
    """The hop that the tables make of it, with what they say of this version. Raises ValueError for no hop."""
    made = hop_of(container(server, run, f"{server.product}@{version}"))
    if isinstance(made, Unrecognised):
        raise ValueError(made.reason)
    return made


def disagreements(server: Server, observed: Observed) -> Iterator[Disagreement]:
    """Every quantity that the table knows and that was measured to be something else."""
    if server.product not in products():
        return
    run, stop = observed.run, observed.stop
    if (taken := product(server, run)) != server.product:
        yield Disagreement(run.key, "product", taken, server.product)
    made = hop(server, run, observed.version)

    def said(quantity: str, face: Subject = made.inbound) -> Data:
        # What the program's own code may set is the table's word only where this code sets nothing.
        value = face.read(quantity)
        return value.data if value.confidence > Confidence.LOW or run.unset else None

    keeps = said("keepalive")
    if keeps is not None and keeps != (was := kept(observed.idle)):
        yield Disagreement(run.key, "keepalive", str(keeps), str(was))
    timeout = said("idle_timeout")
    if keeps is not False and isinstance(timeout, float) and not _holds(timeout, observed):
        yield Disagreement(run.key, "idle_timeout", f"{timeout:g} s", _shown(observed.idle))
    graceful, limit = said("graceful"), said("shutdown_timeout")
    ends = graceful and not (isinstance(limit, float) and limit < _LEFT)
    # What ignores the signal goes on listening, until it is killed in the middle of requests.
    ended = stop.completed and stop.listens is not None
    if graceful is not None and ends != ended:
        yield Disagreement(run.key, "graceful", str(bool(ends)), str(ended))
    closes = said("closes_in_drain")
    if closes is not None and closes != drains_by_closing(stop):
        yield Disagreement(run.key, "closes_in_drain", str(closes), str(drains_by_closing(stop)))
    delay = said("drain_delay")
    if isinstance(delay, float) and not _as_long(delay, stop) and delay < SLOW:
        yield Disagreement(run.key, "drain_delay", f"{delay:g} s", f"answered new connections for {stop.serves:.1f} s")
    resends = said("resends", made.outbound)
    if None not in (resends, observed.resends) and resends != observed.resends:
        yield Disagreement(run.key, "resends", str(resends), str(observed.resends))


def kept(seen: Idle) -> bool:
    """Whether a connection can be used again."""
    return seen.keeps and (seen.closed.after is None or seen.closed.after > _AT_ONCE)


def drains_by_closing(stop: Stop) -> bool:
    """Whether kept connections stay usable to the end of the drain, and are told to close with their next response."""
    usable = stop.idle.after is None or (stop.exits is not None and stop.idle.after >= stop.exits - 0.5)
    return stop.kept.closes and stop.kept.status < 500 and not stop.kept.lost and usable


def _as_long(delay: float, stop: Stop) -> bool:
    """Whether it served on for so long."""
    if stop.exits is None:
        return True
    # Some serve on while a request is in progress, and would have ended without it.
    busy = stop.listens is not None and stop.listens >= stop.exits and stop.exits <= _LEFT + _TOLERANCE
    return abs(delay - stop.serves) <= 1 or (delay < stop.serves and busy)


def _holds(timeout: float, observed: Observed) -> bool:
    after, waited = observed.idle.closed.after, observed.idle.waited
    if after is None:
        return timeout + _TOLERANCE >= waited
    return not math.isinf(timeout) and timeout - _TOLERANCE <= after <= timeout + observed.run.late + _TOLERANCE


def _shown(seen: Idle) -> str:
    return f"more than {seen.waited:g} s" if seen.closed.after is None else f"{seen.closed.after:.1f} s"
