"""The packages that the manifests of Node, Python, Go, Ruby, .NET, Elixir and Rust programs name.

A name has its ecosystem before it (``npm:fastify``, ``pypi:uvicorn``). A version is as far as the manifest fixes it:
``^5.1`` is 5, ``~> 1.5.3`` is 1.5, a range is none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from kubelint5xx import formats
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, child, entries, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span

_REQUIREMENT = pattern(r"^[ \t]*([A-Za-z0-9][\w.-]*)[ \t]*(?:\[[^\]]*\])?[ \t]*([^;#\n@]*)", re.MULTILINE)
_GO = pattern(r"^[ \t]*(?:require[ \t]+)?([\w.-]+\.[\w./~-]+)[ \t]+(v\d\S*)[ \t]*(//[ \t]*indirect)?", re.MULTILINE)
_GO_VERSION = pattern(r"^go[ \t]+(\d\S*)", re.MULTILINE)
_GEM = pattern(r"^[ \t]*gem[ (]+['\"]([\w.-]+)['\"](?:[ \t]*,[ \t]*['\"]([^'\"]*)['\"])?", re.MULTILINE)
_GEM_SPEC = pattern(r"^    ([\w.-]+) \(([^)\s]+)\)", re.MULTILINE)
_GEM_DIRECT = pattern(r"^  ([\w.-]+)(?: \([^)]*\))?!?[ \t]*$", re.MULTILINE)
_HEX = pattern(r"\{[ \t]*:(\w+)[ \t]*,[ \t]*\"([^\"]*)\"")
_HEX_LOCKED = pattern(r"^[ \t]*\"(\w+)\": \{:hex, :\w+, \"([^\"]+)\"", re.MULTILINE)
_LOCKED = pattern(r"^\[\[package\]\]\r?\nname = \"([^\"\n]+)\"\r?\nversion = \"([^\"\n]+)\"", re.MULTILINE)
_DASHES = pattern(r"[-_.]+")
_NUMBER = r"v?(\d+(?:\.\d+)*)"
_EXACT = pattern(rf"(?:===?|=)?\s*{_NUMBER}(?:[-+.]?[A-Za-z][\w.+-]*|[-+][\w.+-]+)?\Z")
_CARET = pattern(rf"\^\s*{_NUMBER}\Z")
_TILDE = pattern(rf"~\s*{_NUMBER}\Z")
_COMPATIBLE = pattern(rf"(?:~>|~=)\s*{_NUMBER}\Z")
_WILDCARD = pattern(r"(?:==|=)?\s*v?(\d+(?:\.\d+)*)(?:\.[xX*])+\Z")
_FRAMEWORK = pattern(r"net(?:coreapp)?(\d+\.\d+)")


def fixed(written: str, bare_is_caret: bool = False) -> str:
    """The part of a version that a requirement fixes; empty where it is a range or none is given."""
    written = written.strip(" \t\r\\")
    if bare_is_caret and written[:1].isdigit() and "," not in written:
        written = "^" + written
    if exact := _EXACT.match(written):
        return exact[1]
    if found := _WILDCARD.match(written):
        return found[1]
    if found := _CARET.match(written):
        parts = found[1].split(".")
        kept = next((at for at, part in enumerate(parts) if part.strip("0")), len(parts) - 1) + 1
        return ".".join(parts[:kept])
    if found := _TILDE.match(written):
        return ".".join(found[1].split(".")[:2])
    if found := _COMPATIBLE.match(written):
        return found[1].rpartition(".")[0]
    return ""


def package_json(source: Source) -> Iterator[Entry]:
    for document in formats.reader("json").read(source).documents:
        for entry in entries(child(document.root, "dependencies")):
            yield _entry(entry.key.span, f"npm:{entry.key.value}", _span(entry.value), fixed(text(entry.value) or ""))


def requirements(source: Source) -> Iterator[Entry]:
    for found in _REQUIREMENT.finditer(source.text):
        yield _pypi(source, found[1], found.span(1), found[2], found.span(2))


def pyproject(source: Source) -> Iterator[Entry]:
    raw = _toml(source)
    project = _table(raw.get("project"))
    for written in _list(project.get("dependencies")):
        if isinstance(written, str) and (found := _REQUIREMENT.match(written)):
            start = max(0, source.text.find(written))
            place = (start, start + len(written))
            yield _pypi(source, found[1], place, found[2], place)
    tables = [_table(_table(_table(raw.get("tool")).get("poetry")).get("dependencies")), _table(raw.get("packages"))]
    for name, given in (pair for table in tables for pair in table.items()):
        version = given if isinstance(given, str) else str(_table(given).get("version", ""))
        place = _key_place(source, name)
        yield _pypi(source, name, place, version, place)


def locked_pypi(source: Source) -> Iterator[Entry]:
    return _locked(source, "pypi")


def locked_crates(source: Source) -> Iterator[Entry]:
    return _locked(source, "crates")


def go_mod(source: Source) -> Iterator[Entry]:
    """Direct requirements; ``go:go`` is the version of the language."""
    for found in _GO.finditer(source.text):
        if not found[3]:
            yield _matched(source, "go", found, found[2].removeprefix("v"))
    if language := _GO_VERSION.search(source.text):
        place = Span(source, *language.span(1))
        yield _entry(place, "go:go", place, language[1])


def gemfile(source: Source) -> Iterator[Entry]:
    for found in _GEM.finditer(source.text):
        yield _matched(source, "gem", found, fixed(found[2] or ""))


def gemfile_lock(source: Source) -> Iterator[Entry]:
    """Versions of all gems, direct or not."""
    for found in _GEM_SPEC.finditer(source.text):
        yield _matched(source, "gem", found, found[2])


def gemfile_lock_direct(source: Source) -> Iterator[Entry]:
    """What the ``DEPENDENCIES`` of a ``Gemfile.lock`` name."""
    start = source.text.find("\nDEPENDENCIES")
    for found in _GEM_DIRECT.finditer(source.text, start + 13) if start >= 0 else ():
        place = Span(source, *found.span(1))
        yield _entry(place, f"gem:{found[1]}", place, "")


def csproj(source: Source) -> Iterator[Entry]:
    """Package references, and the SDK (``nuget:microsoft.net.sdk.web``) with the framework's version."""
    for document in formats.reader("xml").read(source).documents:
        project = child(document.root, "Project")
        target: Node | None = None
        for group in _every(project, "PropertyGroup"):
            target = child(group, "TargetFramework", "#text") or target
        if (sdk := child(project, "@Sdk")) and (name := text(sdk)):
            framework = _FRAMEWORK.match(text(target) or "")
            yield _entry(_span(sdk), f"nuget:{name.lower()}", _span(target or sdk), framework[1] if framework else "")
        for group in _every(project, "ItemGroup"):
            for one in _every(group, "PackageReference"):
                name_at = child(one, "@Include")
                version = child(one, "@Version") or child(one, "Version", "#text")
                if name_at and (name := text(name_at)):
                    known = fixed(text(version) or "")
                    yield _entry(_span(name_at), f"nuget:{name.lower()}", _span(version or name_at), known)


def mix_exs(source: Source) -> Iterator[Entry]:
    for found in _HEX.finditer(source.text):
        yield _matched(source, "hex", found, fixed(found[2]))


def mix_lock(source: Source) -> Iterator[Entry]:
    for found in _HEX_LOCKED.finditer(source.text):
        yield _matched(source, "hex", found, found[2])


def cargo_toml(source: Source) -> Iterator[Entry]:
    for name, given in _table(_toml(source).get("dependencies")).items():
        version = given if isinstance(given, str) else str(_table(given).get("version", ""))
        place = Span(source, *_key_place(source, name))
        yield _entry(place, f"crates:{name}", place, fixed(version, bare_is_caret=True))


def _locked(source: Source, ecosystem: str) -> Iterator[Entry]:
    # The lock files of poetry, uv and Cargo are large, and alike: reading them as TOML takes a hundred times longer.
    for found in _LOCKED.finditer(source.text):
        name = found[1] if ecosystem == "crates" else _DASHES.sub("-", found[1]).lower()
        yield _entry(Span(source, *found.span(1)), f"{ecosystem}:{name}", Span(source, *found.span(2)), found[2])


def _pypi(source: Source, name: str, place: tuple[int, int], version: str, at: tuple[int, int]) -> Entry:
    known = f"pypi:{_DASHES.sub('-', name).lower()}"
    return _entry(Span(source, *place), known, Span(source, *at), fixed(version))


def _matched(source: Source, ecosystem: str, found: re.Match[str], version: str) -> Entry:
    at = found.span(2) if found[2] is not None else found.span(1)
    return _entry(Span(source, *found.span(1)), f"{ecosystem}:{found[1]}", Span(source, *at), version)


def _entry(place: Span, name: str, at: Span, version: str) -> Entry:
    return Entry(Scalar(place, name), Scalar(at, version, version))


def _span(node: Node) -> Span:
    return node.span


def _key_place(source: Source, key: str) -> tuple[int, int]:
    found = re.search(rf"^[ \t]*[\"']?({re.escape(key)})[\"']?[ \t]*=", source.text, re.MULTILINE)
    return found.span(1) if found else (0, 0)


def _every(node: Node | None, tag: str) -> Iterator[Node]:
    return node.every(tag) if isinstance(node, Mapping) else iter(())


def _toml(source: Source) -> dict[str, object]:
    try:
        return tomllib.loads(source.text)
    except (ValueError, RecursionError):
        return {}


def _table(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else []
