"""Where a rendered value comes from. Equal texts prove nothing: a candidate is changed, and what moves tells.

One candidate after the other gets another text, the tool renders again, and the candidate that moves the line in
question is where it is set. A template's own lines are marked with comments, which survive rendering.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.render.rendering import Rendering

MAX_RENDERS = 80  # of one rendering: each takes a tool's start, a tenth of a second or more
MARK = "kl5xx"

_KEY = pattern(r"^[ \t]*(?:- )*[\"']?([\w./-]+)[\"']?[ \t]*:")
_ORIGIN = pattern(r"^# Source: [^/\r\n]+/([^\r\n]+)", re.M)
_NUMBER = pattern(r"-?\d+")
_NAME = pattern(r"[A-Za-z][\w-]*")


class Trace:
    """The places behind one rendering. ``source`` gives a file's text by its path."""

    def __init__(self, rendering: Rendering, source: Callable[[str], Source | None]) -> None:
        self._rendering, self._load = rendering, source
        self._lines = rendering.text.split("\n")
        self._sources: dict[str, Source | None] = {}
        self._moved: dict[Span, frozenset[int]] = {}
        self._found: dict[tuple[int, str], Span] = {}
        self._renders = 0

    def locate(self, span: Span, sure: bool = True) -> Span:
        """Where what stands at ``span`` is set: a value in a file, else the template's line, else the template.

        Unless ``sure``, nothing is rendered: the first line of a template that has the same key.
        """
        here = span.in_file()
        if not sure:
            return self._in_template(here, sure)
        key = (here.line, here.text if "\n" not in here.text else "")
        if key not in self._found:
            self._found[key] = self._search(here)
        return self._found[key]

    def _search(self, span: Span) -> Span:
        line = span.line
        for candidate in self._candidates(span):
            if line in self._moves(candidate):
                return candidate
        return self._in_template(span, sure=True)

    def _candidates(self, span: Span) -> Iterator[Span]:
        """Values that could be this one: first those with its text under its key, then its text, then its key."""
        wanted, key = _bare(span.text), self._key_at(span.line)
        found: list[tuple[int, Span]] = []
        for order, path in enumerate(self._rendering.writable):
            for own, value in self._scalars(path):
                same_text = _bare(value.text) == wanted or (len(wanted) > 2 and wanted in value.text)
                same_key = bool(key) and own.lower() == key.lower()
                if same_text or same_key or (_NUMBER.fullmatch(wanted) and _NUMBER.fullmatch(_bare(value.text))):
                    rank = (0 if same_text and same_key else 1 if same_text else 2 if same_key else 3) * 100 + order
                    found.append((rank, value))
        # A far-fetched candidate is only worth a try while there are few.
        far = [one for one in found if one[0] >= 300]
        near = [one for one in found if one[0] < 300]
        for _, value in sorted(near, key=lambda one: one[0]):
            yield value
        if len(far) <= 12:
            yield from (value for _, value in far)

    def _scalars(self, path: str) -> list[tuple[str, Span]]:
        source = self._source(path)
        if source is None:
            return []
        found: list[tuple[str, Span]] = []
        for document in yaml.read(source).documents:
            _collect(document.root, "", found)
        return found

    def _moves(self, candidate: Span) -> frozenset[int]:
        """The lines of the rendering that change when ``candidate`` does."""
        if candidate not in self._moved:
            self._moved[candidate] = self._changed({candidate.path: _replaced(candidate)})
        return self._moved[candidate]

    def _changed(self, texts: dict[str, str]) -> frozenset[int]:
        rendered = self._again(texts)
        if rendered is None:
            return frozenset()
        return frozenset(line for line, _ in _differences(self._lines, rendered.split("\n")))

    def _again(self, texts: dict[str, str]) -> str | None:
        if self._renders >= MAX_RENDERS:
            return None
        self._renders += 1
        return self._rendering.again(texts)

    def _in_template(self, span: Span, sure: bool) -> Span:
        """The line of a template that makes the line of ``span``; the template's first line where none is found."""
        for path in self._templates_at(span):
            source = self._source(path)
            if source is None:
                continue
            key = self._key_at(span.line)
            places = [
                line for line, said in enumerate(source.text.split("\n"), 1) if key and _key(said) == key
            ]
            if len(places) > 1 and sure:
                places = [line for line in places if self._makes(source, line, span.line)] or places[:1]
            return source.span_of_line(places[0] if places else _first_line(source))
        home = self._source(self._rendering.home)
        return home.span_of_line(_first_line(home)) if home is not None else span

    def _makes(self, source: Source, line: int, rendered: int) -> bool:
        mark = f"{MARK}-{line}"
        lines = source.text.split("\n")
        lines[line - 1] = f"{lines[line - 1].rstrip()} # {mark}"
        other = self._again({source.path: "\n".join(lines)})
        if other is None:
            return False
        return any(at == rendered and mark in said for at, said in _differences(self._lines, other.split("\n")))

    def _templates_at(self, span: Span) -> Iterator[str]:
        """The template that the tool names above this document; else all that hold an object of this kind."""
        before = span.source.text[: span.start]
        start = max(before.rfind("\n---"), 0)
        origin = _ORIGIN.search(span.source.text, start, span.start)
        templates = self._rendering.templates
        if origin:
            named = [path for path in templates if path.endswith("/" + origin[1]) or path == origin[1]]
            # Charts within charts repeat names: the longest path that ends so is the outermost's own.
            yield from sorted(named, key=len)[:1]
            return
        end = span.source.text.find("\n---", span.start)
        document = span.source.text[start : end if end >= 0 else len(span.source.text)]
        kind, name = _said(document, "kind"), _said(document, "name")
        texts = [(path, source.text) for path in templates if (source := self._source(path)) is not None]
        of_kind = [(path, content) for path, content in texts if _says(content, "kind", kind)]
        yield from [path for path, content in of_kind if _says(content, "name", name)] or [path for path, _ in of_kind]

    def _key_at(self, line: int) -> str:
        return _key(self._lines[line - 1]) if 0 < line <= len(self._lines) else ""

    def _source(self, path: str) -> Source | None:
        if path not in self._sources:
            self._sources[path] = self._load(path)
        return self._sources[path]


def _collect(node: Node, key: str, found: list[tuple[str, Span]]) -> None:
    if isinstance(node, Scalar):
        # A patch or a file can stand in a value, as a text of its own.
        inner = _inner(node)
        for document in inner:
            _collect(document.root, key, found)
        if not inner:
            found.append((key, node.span.in_file()))
    elif isinstance(node, Sequence):
        for item in node.items:
            _collect(item, key, found)
    elif isinstance(node, Mapping):
        for entry in node.entries:
            _collect(entry.value, str(entry.key.value), found)


def _inner(scalar: Scalar) -> tuple[Document, ...]:
    said = text(scalar) or ""
    if "\n" not in said and not said.startswith(("[", "{")):
        return ()
    source = embedded(scalar)
    if source.inside is None or source.inside.indent is None:
        return ()
    return tuple(one for one in yaml.read(source).documents if isinstance(one.root, (Mapping, Sequence)))


def _replaced(span: Span) -> str:
    """The file's text with another value of the same type at ``span``."""
    text = span.text
    bare = _bare(text)
    if bare in ("true", "false"):
        other = "false" if bare == "true" else "true"
    elif _NUMBER.fullmatch(bare):
        other = str(int(bare) + 7)
    elif _NUMBER.search(bare):
        # A duration, a version or an address keeps its shape.
        other = _NUMBER.sub(lambda match: str(int(match[0]) + 1), bare, count=1)
    else:
        other = f"{bare}-{MARK}" if _NAME.fullmatch(bare) else f"{bare} {MARK}"
    return span.source.text[: span.start] + text.replace(bare, other, 1) + span.source.text[span.end :]


def _differences(old: list[str], new: list[str]) -> Iterator[tuple[int, str]]:
    """The lines (from 1) of ``old`` that are not in ``new``, each with what stands there instead."""
    if len(old) == len(new):
        yield from ((at, b) for at, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b)
        return
    for tag, i, k, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            for at in range(i, k):
                yield at + 1, "\n".join(new[m:n])


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _key(line: str) -> str:
    match = _KEY.match(line)
    return match[1] if match else ""


def _said(document: str, key: str) -> str:
    match = re.search(rf"^ {{0,2}}{key}:[ \t]*[\"']?([^\s\"'#]+)", document, re.M)
    return match[1] if match else ""


def _says(text: str, key: str, value: str) -> bool:
    said = rf"^\s*{key}:[ \t]*[\"']?{re.escape(value)}[\"']?[ \t]*(?:#|$)"
    return bool(value) and re.search(said, text, re.M) is not None


def _first_line(source: Source) -> int:
    """The first line that says something: not a comment, and no document's start."""
    for line, said in enumerate(source.text.split("\n"), 1):
        if said.strip() and not said.lstrip().startswith(("#", "---", "{{/*", "{{- /*")):
            return line
    return 1
