"""Jetty's ``start.ini`` and ``start.d/*.ini``, and ini files with sections such as uWSGI's.

The root maps what each line sets: a property (``jetty.http.idleTimeout=75000``, dots included), an option
(``--module``, once for each module that it names; ``--exec`` is ``True``) or an argument of the JVM (``-Dname``,
``-Xmx1g``). A section's lines are in a mapping of their own. What is commented out is absent.
"""

from __future__ import annotations

import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Scalar
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

_LINE = pattern(r"[^\r\n]+")
_SECTION = pattern(r"\[([^\]]*)\]\Z")
_SETTING = pattern(r"([^=\s?+]+)\s*([?+]?=)\s*(.*)", re.DOTALL)
_PART = pattern(r"[^,\s]+")


def read(source: Source) -> Reading:
    """All lines of the file. ``name?=value`` counts where nothing set the name before, ``name+=value`` adds to it."""
    top: list[Entry] = []
    sections: list[tuple[Scalar, list[Entry]]] = []
    problems: list[Problem] = []
    current = top
    known: set[str] = set()
    for line in _LINE.finditer(source.text.removeprefix("\ufeff")):
        written = line[0].strip()
        if not written or written[0] in "#;":
            continue
        start = line.start() + len(line[0]) - len(line[0].lstrip()) + source.text.startswith("\ufeff")
        if section := _SECTION.match(written):
            name = _scalar(source, start + 1, start + 1 + len(section[1]))
            current, known = [], set()
            sections.append((name, current))
        elif written[0] == "[" and written.endswith("]"):
            place = source.span_of_line(source.line_of(start))
            problems.append(Problem(source.path, place.line, "not a section's name"))
        else:
            current.extend(_entries(source, start, written, known))
    place = Span(source, 0, len(source.text))
    nested = tuple(Entry(name, Mapping(name.span, tuple(entries))) for name, entries in sections)
    return Reading((Document(source, "ini", Mapping(place, (*top, *nested))),), tuple(problems))


def _entries(source: Source, start: int, written: str, known: set[str]) -> list[Entry]:
    setting = _SETTING.match(written)
    if not setting:
        flag = _scalar(source, start, start + len(written))
        return [Entry(flag, Scalar(flag.span, True, written))]
    key = _scalar(source, start, start + len(setting[1]))
    if setting[2] == "?=" and setting[1] in known:
        return []
    known.add(setting[1])
    at = start + setting.start(3)
    if setting[1] in ("--module", "--modules", "--add-module", "--add-modules"):
        key = Scalar(key.span, "--module", setting[1])
        parts = _PART.finditer(setting[3])
        return [Entry(key, _scalar(source, at + part.start(), at + part.end())) for part in parts]
    return [Entry(key, _scalar(source, at, at + len(setting[3])))]


def _scalar(source: Source, start: int, end: int) -> Scalar:
    text = source.text[start:end]
    return Scalar(Span(source, start, end), text, text)
