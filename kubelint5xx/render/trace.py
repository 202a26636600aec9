"""Where a rendered value comes from. Equal texts prove nothing: a candidate is changed, and what moves tells.

One candidate after the other gets another text, the tool renders again, and the candidate that moves the line in
question is where it is set. A template's own lines are marked with comments, which survive rendering.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span
from kubelint5xx.render.rendering import Rendering
from kubelint5xx.render.written import Written, written_in

MAX_RENDERS = 80  # of one rendering: each takes a tool's start, a tenth of a second or more
MAX_TRIES = 24  # for one place
MARK = "kl5xx"
# Values that others refer to, or that choose between ways to read the rest.
_FIXED = frozenset({"apiversion", "kind", "image", "tag", "number", "digest", "host", "path", "namespace", "branch"})

_KEY = pattern(r"^[ \t]*(?:- )*[\"']?([\w./-]+)[\"']?[ \t]*:")
_ORIGIN = pattern(r"^# Source: [^/\r\n]+/([^\r\n]+)", re.M)
_TOKEN = pattern(r"\d+")
_NUMBER = pattern(r"-?\d{1,18}")
_NAME = pattern(r"[A-Za-z][\w-]*")


class Trace:
    """The places behind one rendering. ``source`` gives a file's text by its path."""

    def __init__(self, rendering: Rendering, source: Callable[[str], Source | None]) -> None:
        self._rendering, self._load = rendering, source
        self._lines = rendering.text.split("\n")
        self._sources: dict[str, Source | None] = {}
        self._values: dict[str, list[Written]] = {}
        self._moved: dict[Span, frozenset[int] | None] = {}
        self._marked: tuple[dict[str, Span], list[str] | None] | None = None
        self._aligned: dict[int, str] | None = None
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
        line, tried = span.line, 0
        certain, excluded = self._by_number(span)
        if certain is not None:
            return certain
        if _KEY.fullmatch(self._lines[line - 1].rstrip()) and self._lines[line - 1].rstrip().endswith(":"):
            # A key with other keys below it: no value makes this line.
            return self._in_template(span, sure=True)
        for candidate, same in self._candidates(span):
            if candidate in excluded:
                continue
            tried += 1
            moves = self._moves(candidate) if tried <= MAX_TRIES else frozenset()
            # What patches refer to cannot be changed alone: where the same value of the same object is no longer the
            # same, the tool fails.
            if same if moves is None else line in moves:
                return candidate
        return self._in_template(span, sure=True)

    def _by_number(self, span: Span) -> tuple[Span | None, frozenset[Span]]:
        """Which number of a file is the one at ``span``, told by one rendering in which each is another one.

        Else the numbers that it is not.
        """
        none: frozenset[Span] = frozenset()
        if not _NUMBER.search(span.text) or "\n" in span.text:
            return None, none
        marks, lines = self._numbers()
        if lines is None:
            return None, none
        if self._aligned is None:
            self._aligned = dict(_aligned(self._lines, lines))
        new = self._aligned.get(span.line)
        if new is None:
            return None, none
        old = self._lines[span.line - 1]
        if new == old:
            return None, frozenset(marks.values())
        start = span.start - span.source.line_start(span.line)
        before, after = list(_TOKEN.finditer(old)), _TOKEN.findall(new)
        if len(before) != len(after):
            return None, none
        for token, other in zip(before, after, strict=True):
            inside = start <= token.start() and token.end() <= start + len(span.text)
            if inside and token[0] != other and other in marks:
                return marks[other], none
        return None, none

    def _numbers(self) -> tuple[dict[str, Span], list[str] | None]:
        """Every number of the files with a mark for it, and what the tool prints where each is its mark."""
        if self._marked is None:
            marks: dict[str, Span] = {}
            texts: dict[str, str] = {}
            taken = set(_TOKEN.findall(self._rendering.text))
            free = (str(number) for number in range(901, 3000) if str(number) not in taken)
            for path in self._rendering.writable:
                chosen = [one for one in self._written(path) if _markable(one)]
                changes = [(one.span, mark) for one, mark in zip(chosen, free, strict=False)]
                if not changes:
                    continue
                content = changes[0][0].source.text
                for span, mark in sorted(changes, key=lambda change: -change[0].start):
                    marks[mark] = span
                    content = content[: span.start] + _TOKEN.sub(mark, span.text, count=1) + content[span.end :]
                texts[path] = content
            made = self._again(texts) if marks else None
            self._marked = marks, made.split("\n") if made is not None else None
        return self._marked

    def _candidates(self, span: Span) -> Iterator[tuple[Span, bool]]:
        """Values that could be this one, and whether they are the same value of the same object.

        First those with its text under its key, then its text, then its key; of these, those whose keys above are
        the most alike.
        """
        wanted, key = _bare(span.text), self._key_at(span.line)
        keys, owner = self._named_at(span)
        found: list[tuple[int, int, int, Span, bool]] = []
        for order, path in enumerate(self._rendering.writable):
            for value in self._written(path):
                there = _bare(value.span.text)
                same_text = there == wanted or (len(wanted) > 2 and wanted in there)
                same_key = bool(key) and value.key.lower() == key.lower()
                if same_text or same_key or (_NUMBER.fullmatch(wanted) and _NUMBER.fullmatch(there)):
                    rank = 0 if same_text and same_key else 1 if same_text else 2 if same_key else 3
                    likeness = value.likeness(keys, owner)
                    # Patches name an object that others make.
                    nearer = -order if likeness >= 100 and key == "name" else order
                    found.append((rank, -likeness, nearer, value.span, likeness >= 100 and there == wanted))
        # A far-fetched candidate is only worth a try while there are few.
        far = [one for one in found if one[0] == 3]
        near = [one for one in found if one[0] < 3]
        chosen = sorted(near, key=lambda one: one[:3]) + (far if len(far) <= 12 else [])
        yield from ((place, same) for *_, place, same in chosen)

    def _named_at(self, span: Span) -> tuple[tuple[str, ...], tuple[str, str]]:
        """The keys that lead to the value at ``span``, and the kind and name of its object."""
        content = span.source.text
        start, end = content.rfind("\n---", 0, span.start) + 1, content.find("\n---", span.start)
        document = Source(span.path, content[start : end if end >= 0 else len(content)])
        for value in written_in(document):
            if value.span.start + start <= span.start < max(value.span.end, value.span.start + 1) + start:
                return value.keys, value.owner
        return (), ("", "")

    def _written(self, path: str) -> list[Written]:
        if path not in self._values:
            given, source = self._rendering.written.get(path), self._source(path)
            self._values[path] = list(given or (written_in(source) if source is not None else ()))
        return self._values[path]

    def _moves(self, candidate: Span) -> frozenset[int] | None:
        """The lines of the rendering that change when ``candidate`` does; None where nothing renders then."""
        if candidate not in self._moved:
            if self._renders >= MAX_RENDERS:
                return frozenset()
            made = self._again({candidate.path: replaced(candidate)})
            self._moved[candidate] = (
                None if made is None else frozenset(at for at, _ in _differences(self._lines, made.split("\n")))
            )
        return self._moved[candidate]

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


def _markable(value: Written) -> bool:
    """Whether a number can become another one without breaking what refers to it."""
    said = _bare(value.span.text)
    plain = _TOKEN.search(said) is not None and "\n" not in said and not said.startswith(("-", "{", "[", "*", "&"))
    return plain and value.key.lower() not in _FIXED and not value.key.lower().endswith(("port", "version", "name"))


def _aligned(old: list[str], new: list[str]) -> Iterator[tuple[int, str]]:
    """The lines (from 1) of ``old``, each with the line that stands in its place in ``new``."""
    if len(old) == len(new):
        yield from enumerate(new, 1)
        return
    for tag, i, k, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal" or k - i == n - m:
            yield from zip(range(i + 1, k + 1), new[m:n], strict=True)


def replaced(span: Span, content: str | None = None) -> str:
    """The file's text (or ``content``, the same up to the end of ``span``) with another value of the same type there.
    """
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
    content = span.source.text if content is None else content
    return content[: span.start] + text.replace(bare, other, 1) + content[span.end :]


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
