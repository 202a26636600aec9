"""Brings servers into ``.lab/`` with the ordinary clients of their package managers. Nothing else is changed.

Debian's packages are unpacked there and not installed, so that none starts a service, and no root is needed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.catalogue import CACHE, LAB, Server

_PROGRAMS = {"npm": "npm", "debian": "apt-get", "go": "go", "goapp": "go", "maven": "mvn", "cargo": "cargo"}
_LIMIT = 900.0


class NotInstalled(Exception):
    """A server that cannot be had here, with the reason."""


def installed(server: Server) -> bool:
    """Whether what ``server`` needs was installed, as the catalogue has it now."""
    stamp = CACHE / "stamps" / server.name
    return stamp.is_file() and stamp.read_text("utf-8") == _stamp(server)


def install(server: Server) -> None:
    """Installs what ``server`` needs and is not there. Raises NotInstalled."""
    if installed(server):
        return
    for kind, wanted in server.needs.items():
        if kind in _PROGRAMS and shutil.which(_PROGRAMS[kind]) is None:
            raise NotInstalled(f"{_PROGRAMS[kind]} is not on this machine")
        folder = CACHE / server.name
        folder.mkdir(parents=True, exist_ok=True)
        _KINDS[kind](folder, wanted)
    stamps = CACHE / "stamps"
    stamps.mkdir(exist_ok=True)
    (stamps / server.name).write_text(_stamp(server), "utf-8")


def _stamp(server: Server) -> str:
    return json.dumps(server.needs, sort_keys=True)


def _run(command: list[str], cwd: Path) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} took longer than {_LIMIT:g} s") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "no message"
        raise NotInstalled(f"{' '.join(command[:3])} failed: {said[-500:]}")


def _pip(_: Path, wanted: list[str]) -> None:
    # One environment for all, as the servers do not get in each other's way.
    home = CACHE / "python"
    if not (home / "bin" / "python").exists():
        venv.create(home, with_pip=True)
    _run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted], CACHE)


def _npm(folder: Path, wanted: list[str]) -> None:
    _run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", *wanted], folder)


def _debian(folder: Path, wanted: list[str]) -> None:
    archives, root = folder / "archives", folder / "root"
    archives.mkdir(exist_ok=True)
    try:
        _run(["apt-get", "download", "-qq", *wanted], archives)
    except NotInstalled:
        # The lists of packages may be missing or old, and only root can fetch them.
        _run(["apt-get", "update", "-qq"], archives)
        _run(["apt-get", "download", "-qq", *wanted], archives)
    for archive in archives.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(root)], folder)


def _goapp(folder: Path, wanted: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    _run(["go", "build", "-o", str(folder / "bin" / f"lab-{wanted}"), "."], LAB / "apps" / wanted)


def _go(folder: Path, wanted: str) -> None:
    _run(["env", f"GOBIN={folder / 'bin'}", "go", "install", wanted], folder)


def _cargo(folder: Path, wanted: str) -> None:
    source = LAB / "apps" / wanted
    shutil.copytree(source, folder / "app", dirs_exist_ok=True)
    _run(["cargo", "install", "-q", "--debug", "--path", str(folder / "app"), "--root", str(folder)], folder)


def _maven(folder: Path, wanted: dict[str, str]) -> None:
    """``app``: builds a project of ``apps``; ``zip``: unpacks an artifact as ``home``."""
    if "app" in wanted:
        target = folder / "app"
        shutil.copytree(LAB / "apps" / wanted["app"], target, dirs_exist_ok=True)
        _run(["mvn", "-q", "-B", "package", "-DskipTests", "-f", f"{wanted.get('pom', '.')}/pom.xml"], target)
    if "zip" in wanted:
        copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={wanted['zip']}", f"-DoutputDirectory={folder}"]
        _run(copy, folder)
        archive = next(folder.glob("*.zip"))
        shutil.unpack_archive(archive, folder)
        home = folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        next(path for path in folder.iterdir() if path.is_dir() and path.name not in ("app", "home")).rename(home)


_KINDS: dict[str, Callable[[Path, Any], None]] = {
    "pip": _pip,
    "npm": _npm,
    "debian": _debian,
    "go": _go,
    "goapp": _goapp,
    "cargo": _cargo,
    "maven": _maven,
}


def main(servers: tuple[Server, ...]) -> int:
    """Installs all that can be installed and says what cannot."""
    for server in servers:
        try:
            install(server)
        except NotInstalled as error:
            print(f"{server.name}: {error}", file=sys.stderr)
    return 0
