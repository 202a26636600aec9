"""The packages that Maven's and Gradle's files name: ``maven:GROUP:ARTIFACT``, and Gradle's plugins ``gradle:ID``.

What a file takes out again has a ``!`` before its name. Only what is written as a literal counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table
from itertools import pairwise

from kubelint5xx import formats
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span

_PROPERTY = pattern(r"\$\{([^}]*)\}")
_PARTS = pattern(r"[\w.-]+:[\w.-]+(?::.*)?\Z")
_NAME = pattern(r"[-_.]")
# Configurations whose packages are not in the program that runs.
_NOT_RUN = pattern(r"test|annotationProcessor|kapt|ksp|checkstyle|detekt|compileOnly\Z|developmentOnly", re.IGNORECASE)
# Parents that bring no dependencies of their own.
_PLAIN_PARENTS = ("org.springframework.boot", "io.micronaut.platform", "io.micronaut", "io.helidon.applications")


def pom(source: Source) -> Iterator[Entry]:
    """Dependencies, the parent, imported BOMs and plugins of a ``pom.xml``, and what exclusions name."""
    for document in formats.reader("xml").read(source).documents:
        project = child(document.root, "project")
        properties = child(project, "properties")
        managed: dict[str, Node] = {}
        for one in _elements(child(project, "dependencyManagement", "dependencies"), "dependency"):
            if (name := _coordinate(one)) and (version := _resolved(child(one, "version", "#text"), properties)):
                managed[str(name.value)] = version
                if text(child(one, "scope", "#text")) == "import":
                    yield Entry(name, version)
        if (parent := child(project, "parent")) and (name := _coordinate(parent)):
            yield Entry(name, _resolved(child(parent, "version", "#text"), properties) or _unknown(name))
        for one in _elements(child(project, "build", "plugins"), "plugin"):
            if name := _coordinate(one):
                yield Entry(name, _resolved(child(one, "version", "#text"), properties) or _unknown(name))
        for one in _elements(child(project, "dependencies"), "dependency"):
            if (name := _coordinate(one)) is None or text(child(one, "scope", "#text")) == "test":
                continue
            written = _resolved(child(one, "version", "#text"), properties)
            yield Entry(name, written or managed.get(str(name.value)) or _unknown(name))
            for excluded in _elements(child(one, "exclusions"), "exclusion"):
                if out := _coordinate(excluded):
                    yield Entry(Scalar(out.span, f"!{out.value}"), _unknown(out))


def unseen_parent(source: Source) -> str:
    """Why a ``pom.xml`` may have more dependencies than it names; empty where it cannot."""
    for document in formats.reader("xml").read(source).documents:
        group = text(child(document.root, "project", "parent", "groupId", "#text"))
        if group and group not in _PLAIN_PARENTS:
            return f"its parent of {group} may add dependencies"
    return ""


def has_modules(source: Source) -> bool:
    """Whether a ``pom.xml`` builds several modules."""
    return any(
        child(document.root, "project", "modules") for document in formats.reader("xml").read(source).documents
    )


def gradle(source: Source, catalog: Table[str, tuple[Entry, ...]]) -> Iterator[Entry]:
    """Dependencies, plugins and exclusions of a build script. ``catalog``: what the accessors (``libs.a.b``) name."""
    for document in formats.reader("gradle").read(source).documents:
        for entry in document.root.entries if isinstance(document.root, Mapping) else ():
            block, _, call = str(entry.key.value).rpartition("/")
            words = items(entry.value)
            if call == "exclude":
                yield from _excluded(words)
            elif call == "module" and block.endswith("modules") and words:
                yield from _taken_out(_split(words[0]))
            elif block.endswith("micronaut") and call == "runtime" and text(words[0] if words else None) == "netty":
                server = Scalar(words[0].span, "maven:io.micronaut:micronaut-http-server-netty")
                yield Entry(server, _unknown(server))
            elif block.endswith("plugins") and call in ("id", "alias"):
                yield from _plugin(words, catalog)
            elif block.endswith("dependencies") and not _NOT_RUN.search(call):
                yield from _dependency(words, catalog)


def catalog(source: Source) -> dict[str, tuple[Entry, ...]]:
    """What the accessors of a version catalog (``libs.versions.toml``) stand for: ``libs.a.b`` to its packages."""
    try:
        raw = tomllib.loads(source.text)
    except (ValueError, RecursionError):
        return {}
    versions = _table(raw.get("versions"))
    found: dict[str, tuple[Entry, ...]] = {}
    for alias, given in _table(raw.get("libraries")).items():
        own = _table(given)
        module, _, version = given.partition(":") if isinstance(given, str) else ("", "", "")
        if isinstance(given, str):
            artifact, _, version = version.partition(":")
            module = f"{module}:{artifact}"
        else:
            module = str(own.get("module") or f"{own.get('group')}:{own.get('name')}")
            version = _version(own.get("version"), versions)
        found[_accessor("libs", alias)] = (_entry(source, f"maven:{module}", module.rpartition(":")[2], version),)
    for alias, given in _table(raw.get("plugins")).items():
        name, _, version = given.partition(":") if isinstance(given, str) else ("", "", "")
        if not isinstance(given, str):
            name, version = str(_table(given).get("id")), _version(_table(given).get("version"), versions)
        found[_accessor("libs.plugins", alias)] = (_entry(source, f"gradle:{name}", name, version),)
    for alias, given in _table(raw.get("bundles")).items():
        members = [_accessor("libs", str(member)) for member in given] if isinstance(given, list) else []
        found[_accessor("libs.bundles", alias)] = tuple(e for name in members for e in found.get(name, ()))
    return found


def _elements(parent: Node | None, tag: str) -> Iterable[Node]:
    return parent.every(tag) if isinstance(parent, Mapping) else ()


def _coordinate(element: Node) -> Scalar | None:
    artifact = child(element, "artifactId", "#text")
    group = text(child(element, "groupId", "#text")) or "org.apache.maven.plugins"
    name = text(artifact)
    return Scalar(artifact.span, f"maven:{group}:{name}") if name and artifact else None


def _resolved(node: Node | None, properties: Node | None) -> Node | None:
    """The version with the file's own properties put in; None where it is none, or another file's."""
    written = text(node)
    if written is None or not (name := _PROPERTY.fullmatch(written)):
        return node if written is not None and "$" not in written else None
    own = child(properties, name[1], "#text")
    return own if (text(own) or "$").find("$") < 0 else None


def _unknown(name: Scalar) -> Scalar:
    return Scalar(name.span, "", "")


def _dependency(words: tuple[Node, ...], catalog: Table[str, tuple[Entry, ...]]) -> Iterator[Entry]:
    named = _named(words)
    if (artifact := named.get("name")) and (group := text(named.get("group"))):
        key = Scalar(artifact.span, f"maven:{group}:{text(artifact)}")
        yield Entry(key, named.get("version") or _unknown(key))
        return
    for word in words:
        if isinstance(word, Scalar) and not word.quoted:
            yield from catalog.get(str(word.value).removesuffix(".get"), ())
        elif parts := _split(word):
            yield from parts


def _split(word: Node) -> tuple[Entry, ...]:
    """The package of ``group:artifact:version``; also where only the version is computed."""
    written = text(word) or (word.span.text if isinstance(word, Unresolved) else "")
    if not _PARTS.match(written):
        return ()
    group, artifact, *version = written.split(":")
    start = word.span.start + len(group) + 1
    key = Scalar(Span(word.span.source, start, start + len(artifact)), f"maven:{group}:{artifact}")
    known = version[0] if version and "$" not in version[0] else ""
    at = start + len(artifact) + 1
    place = Span(word.span.source, at, at + len(known)) if known else key.span
    return (Entry(key, Scalar(place, known, known)),)


def _plugin(words: tuple[Node, ...], catalog: Table[str, tuple[Entry, ...]]) -> Iterator[Entry]:
    if not words:
        return
    if isinstance(first := words[0], Scalar) and not first.quoted:
        yield from catalog.get(str(first.value), ())
    elif isinstance(first, Scalar):
        key = Scalar(first.span, f"gradle:{first.value}")
        version = next((b for a, b in pairwise(words) if text(a) == "version"), None)
        yield Entry(key, version if isinstance(version, Scalar) and version.quoted else _unknown(key))


def _excluded(words: tuple[Node, ...]) -> Iterator[Entry]:
    named = _named(words)
    if module := named.get("module"):
        # A module's name alone is enough for Gradle.
        key = Scalar(module.span, f"!maven:{text(named.get('group')) or '*'}:{text(module)}")
        yield Entry(key, _unknown(key))


def _taken_out(found: Iterable[Entry]) -> Iterator[Entry]:
    return (Entry(Scalar(entry.key.span, f"!{entry.key.value}"), _unknown(entry.key)) for entry in found)


def _named(words: tuple[Node, ...]) -> dict[str, Node]:
    return {
        text(name) or "": value
        for name, value in pairwise(words)
        if isinstance(name, Scalar) and not name.quoted and isinstance(value, Scalar) and value.quoted
    }


def _table(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _version(raw: object, versions: Table[str, object]) -> str:
    if isinstance(raw, dict):
        raw = versions.get(str(raw["ref"])) if "ref" in raw else raw.get("strictly")
    return raw if isinstance(raw, str) else ""


def _accessor(root: str, alias: str) -> str:
    return f"{root}.{_NAME.sub('.', alias)}"


def _entry(source: Source, name: str, needle: str, version: str) -> Entry:
    at = max(0, source.text.find(needle))
    place = Span(source, at, at + len(needle))
    return Entry(Scalar(place, name), Scalar(place, version, version))
