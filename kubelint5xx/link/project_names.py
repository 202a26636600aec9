"""What a directory's own files call the project in it: the names in package.json, pom.xml, go.mod and the like."""

from __future__ import annotations

from collections.abc import Callable

from kubelint5xx.core.node import Scalar, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

_TABLES = r"(?ms)^\[(?:project|tool\.poetry|package)\][ \t]*$(?:(?!^\[).)*?^name\s*=\s*[\"']([^\"'\n]+)[\"']"
_NAMES = {
    "pyproject.toml": pattern(_TABLES),
    "Cargo.toml": pattern(_TABLES),
    "go.mod": pattern(r"(?m)^module\s+\"?([^\s\"]+?)(?:/v\d+)?\"?\s*$"),
    "settings.gradle": pattern(r"rootProject\.name\s*=\s*[\"']([^\"'\n]+)"),
    "settings.gradle.kts": pattern(r"rootProject\.name\s*=\s*[\"']([^\"'\n]+)"),
    "mix.exs": pattern(r"\bapp:\s*:(\w+)"),
}
_PARSED = {"package.json": ("json", ("name",)), "pom.xml": ("xml", ("project", "artifactId", "#text"))}


def project_named(name: str, directory: str, load: Callable[[str], Source | Problem | None]) -> Span | None:
    """The place where the project in ``directory`` is called ``name``, whatever its owner or module path is called."""
    for file in (*_PARSED, *_NAMES):
        source = load(f"{directory}/{file}" if directory else file)
        if not isinstance(source, Source) or name.replace("-", "") not in source.text.replace("-", "").replace("_", ""):
            continue
        place = _place(source, file)
        if place is not None and _plain(place.text) == _plain(name):
            return place
    return None


def _place(source: Source, file: str) -> Span | None:
    if file not in _PARSED:
        match = _NAMES[file].search(source.text)
        return Span(source, match.start(1), match.end(1)) if match else None
    from kubelint5xx.formats import reader

    syntax, path = _PARSED[file]
    for document in reader(syntax).read(source).documents:
        node = child(document.root, *path)
        if isinstance(node, Scalar) and text(node):
            return node.span
    return None


def _plain(written: str) -> str:
    return written.strip("\"'").rpartition("/")[2].replace("_", "-").lower()
