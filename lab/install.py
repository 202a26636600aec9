"""Brings servers into ``.lab/`` with the ordinary clients of their package managers. Nothing else is changed.

Debian's packages are unpacked there and not installed, so that none starts a service, and no root is needed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.catalogue import CACHE, LAB, Server

_PROGRAMS = {"npm": "npm", "debian": "apt-get", "suites": "apt-get", "goapp": "go", "maven": "mvn", "cargo": "cargo"}
_LIMIT = 900.0


class NotInstalled(Exception):
    """A server that cannot be had here, with the reason."""


def installed(server: Server) -> bool:
    """Whether what ``server`` needs was installed, as the catalogue has it now."""
    kept = CACHE / "stamps" / server.name
    return kept.is_file() and kept.read_text("utf-8") == stamp(server)


def install(server: Server) -> None:
    """Installs what ``server`` needs and is not there. Raises NotInstalled."""
    if installed(server):
        return
    for kind, wanted in server.needs.items():
        bring(kind, wanted, CACHE / server.name)
    stamps = CACHE / "stamps"
    stamps.mkdir(exist_ok=True)
    (stamps / server.name).write_text(stamp(server), "utf-8")


def bring(kind: str, wanted: Any, folder: Path) -> None:
    """Brings into ``folder`` what is ``wanted`` of one kind of package manager. Raises NotInstalled."""
    if kind in _PROGRAMS and shutil.which(_PROGRAMS[kind]) is None:
        raise NotInstalled(f"{_PROGRAMS[kind]} is not on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    _KINDS[kind](folder, wanted)


def stamp(server: Server) -> str:
    """What is installed: what is needed, and the sources of what is built."""
    built = hashlib.sha256()
    for wanted in server.needs.values():
        if isinstance(wanted, dict) and "app" in wanted:
            for path in sorted((LAB / "apps" / wanted["app"]).rglob("*.*")):
                built.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
    return f"{json.dumps(server.needs, sort_keys=True)} {built.hexdigest()}"


def _run(command: list[str], cwd: Path) -> str:
    """What ``command`` prints. Raises NotInstalled where it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} took longer than {_LIMIT:g} s") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "no message"
        raise NotInstalled(f"{' '.join(command[:3])} failed: {said[-500:]}")
    return done.stdout


def _pip(_: Path, wanted: list[str]) -> None:
    # One environment for all, as the servers do not get in each other's way.
    home = CACHE / "python"
    if not (home / "bin" / "python").exists():
        venv.create(home, with_pip=True)
    _run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted], CACHE)


def _npm(folder: Path, wanted: list[str]) -> None:
    _run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", *wanted], folder)


def _debian(folder: Path, wanted: list[str]) -> None:
    archives = folder / "archives"
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir()
    try:
        _run(["apt-get", "download", "-qq", *wanted], archives)
    except NotInstalled:
        # The lists of packages may be missing or old, and only root can fetch them.
        _run(["apt-get", "update", "-qq"], archives)
        _run(["apt-get", "download", "-qq", *wanted], archives)
    _unpack(folder)


def _suites(folder: Path, wanted: dict[str, list[str]]) -> None:
    """Packages of another of Debian's suites than the machine's, with lists of their own."""
    archives, state = folder / "archives", folder / "apt"
    shutil.rmtree(archives, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)
    for path in (archives, state / "lists" / "partial", state / "cache" / "archives" / "partial"):
        path.mkdir(parents=True)
    listed = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    if not (places := _run(listed, folder).split()):
        _run(["apt-get", "update", "-qq"], folder)
        if not (places := _run(listed, folder).split()):
            raise NotInstalled("apt knows no archive of Debian")
    sources = state / "sources.list"
    sources.write_text("".join(f"deb {places[0]} {suite} main\n" for suite in wanted), "utf-8")
    own = {
        "Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-", "Dir::State::Status": "/dev/null",
        "Dir::State::Lists": state / "lists", "Dir::Cache": state / "cache",
    }
    apt = ["apt-get", "-qq", *(word for name, path in own.items() for word in ("-o", f"{name}={path}"))]
    _run([*apt, "update"], archives)
    _run([*apt, "download", *(f"{name}/{suite}" for suite, names in wanted.items() for name in names)], archives)
    shutil.rmtree(state)
    _unpack(folder)


def _unpack(folder: Path) -> None:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for archive in (folder / "archives").glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(root)], folder)


def _goapp(folder: Path, wanted: dict[str, Any]) -> None:
    """Builds ``package`` in a copy of the app; ``copies`` are modules that its own files are laid over."""
    app = folder / "app"
    shutil.rmtree(app, ignore_errors=True)
    for name, module in wanted.get("copies", {}).items():
        there = json.loads(_run(["go", "mod", "download", "-json", module], folder))["Dir"]
        app.mkdir(exist_ok=True)
        # The module cache is read-only, and what has its modes could not be replaced.
        _run(["cp", "-r", "--no-preserve=mode", there, str(app / name)], folder)
    shutil.copytree(LAB / "apps" / wanted["app"], app, dirs_exist_ok=True)
    package = wanted.get("package", ".")
    _run(["go", "build", "-mod=mod", "-o", f"{folder}/bin/{wanted['program']}", package], app)


def _cargo(folder: Path, wanted: dict[str, str]) -> None:
    source = LAB / "apps" / wanted["app"]
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
    "suites": _suites,
    "goapp": _goapp,
    "cargo": _cargo,
    "maven": _maven,
}

