"""The table of what was measured (``measured.yaml``): what it says of a run, and how it is written.

A time that is measured again is not the same to the last digit, so a written one stays while the new one is near.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kubelint5xx.core.value import Data
from lab.catalogue import LAB, Server
from lab.compare import Observed, kept
from lab.measure import Closed

FILE = LAB / "measured.yaml"
_NEAR = 0.3
_AT_THE_END = 0.5
_SENT_AGAIN, _LOST = "sent again", "lost"
_HEAD = "# What the lab measured: `nox -s lab -- --write` writes it. Times are in seconds.\n"

Row = Mapping[str, Any]


def row(observed: Observed) -> Row:
    """One run, as the file has it. Only what was seen: None where a time was not reached while waited."""
    idle, stop = observed.idle, observed.stop
    made: dict[str, Any] = {"version": observed.version, "command": observed.run.command}
    if observed.run.as_pid_1:
        made["process"] = 1
    made["keeps_connections"] = kept(idle)
    made["idle_close"] = f"more than {idle.waited:g}" if idle.closed.after is None else _second(idle.closed.after)
    if idle.keep_alive:
        made["keep_alive_header"] = idle.keep_alive
    made["signal"] = observed.run.signal
    made["request_in_progress"] = "completed" if stop.completed else _LOST
    made["idle_connection"] = _end(stop.idle)
    kept_requests = stop.kept
    made["request_on_kept_connection"] = (
        f"{kept_requests.status}, {'with' if kept_requests.closes else 'without'} Connection: close"
        if kept_requests.answered
        else _LOST
        if kept_requests.lost
        else "none: closed before"
    )
    made["answers_new_connections"] = _second(stop.serves)
    made["refuses_new_connections"] = "never" if stop.listens is None else _second(stop.listens)
    made["exits"] = "never" if stop.exits is None else _second(stop.exits)
    if observed.resends is not None:
        made["request_that_its_target_reset"] = _SENT_AGAIN if observed.resends else _LOST
    return made


QUANTITIES = ("keepalive", "idle_timeout", "graceful", "closes_in_drain", "drain_delay", "resends")
"""Of the vocabulary, what a row tells. All but the last are of the inbound face."""


def quantity(row: Row, name: str) -> Data:
    """What a written row says of a quantity of the vocabulary; None for one that it says nothing of."""
    exits, rests, answer = row["exits"], row["idle_connection"], str(row["request_on_kept_connection"])
    usable = rests == "stays open" or (isinstance(rests, float) and exits != "never" and rests >= exits - _AT_THE_END)
    return {
        "keepalive": row["keeps_connections"],
        "idle_timeout": math.inf if isinstance(row["idle_close"], str) else row["idle_close"],
        "graceful": row["request_in_progress"] == "completed" and row["refuses_new_connections"] != "never",
        "closes_in_drain": usable and answer < "5" and answer.endswith(", with Connection: close"),
        "drain_delay": row["answers_new_connections"],
        "resends": {_SENT_AGAIN: True, _LOST: False}.get(row.get("request_that_its_target_reset", "")),
    }.get(name)


def _second(time: float) -> float:
    return round(time, 1)


def _end(closed: Closed) -> str | float:
    if closed.after is None:
        return "stays open"
    return f"reset after {closed.after:.1f}" if closed.reset else _second(closed.after)


def read(file: Path = FILE) -> dict[str, dict[str, Row]]:
    """Rows by server and configuration; empty where nothing was written yet."""
    return (yaml.safe_load(file.read_text("utf-8")) or {}).get("servers", {}) if file.is_file() else {}


def write(measured: Mapping[str, Mapping[str, Row]], order: Iterator[Server], file: Path = FILE) -> None:
    """Puts new rows in the place of the old ones of the same run, and keeps all others."""
    before = read(file)
    rows: dict[str, dict[str, Row]] = {}
    for server in order:
        for run in server.runs:
            old, new = before.get(server.name, {}).get(run.name), measured.get(server.name, {}).get(run.name)
            if kept_row := (_settled(old, new) if old and new else new or old):
                rows.setdefault(server.name, {})[run.name] = kept_row
    content = {"machine": machine(), "servers": rows}
    file.write_text(_HEAD + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True), "utf-8")


def _settled(old: Row, new: Row) -> Row:
    def near(name: str) -> bool:
        pair = old.get(name), new[name]
        return all(isinstance(one, float) for one in pair) and abs(pair[0] - pair[1]) <= _NEAR

    return {name: old[name] if near(name) else value for name, value in new.items()}


def machine() -> str:
    """The operating system and the processor's kind."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        name = platform.system()
    return f"{name}, {platform.machine()}"
