"""Java ``.properties`` files. The root maps each whole key, dots included, to its value; the last one counts.

Grammar: ``java.util.Properties.load``. A ``${…}`` in a value is text here, since who substitutes it depends on
the framework that reads the file.
"""

from __future__ import annotations

import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Scalar
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

_SKIPPED = pattern(r"[ \t\f]*(?:[#!][^\r\n]*)?(?:\r\n?|\n|\Z)")
_BLANK = pattern(r"(?:[ \t\f]|\\(?:\r\n?|\n)[ \t\f]*)*")
_KEY = pattern(r"(?:\\(?:\r\n|.)|[^\\=: \t\f\r\n])*", re.DOTALL)
_VALUE = pattern(r"(?:\\(?:\r\n|.)|[^\\\r\n])*", re.DOTALL)
_ESCAPE = pattern(r"\\(?:u([0-9A-Fa-f]{4})|(?:\r\n?|\n)[ \t\f]*|(.)|\Z)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read(source: Source) -> Reading:
    """All keys of the file. An escape that Java refuses is a problem; the rest is read."""
    text = source.text
    at = int(text.startswith("\ufeff"))
    entries: list[Entry] = []
    problems: list[Problem] = []
    while at < len(text):
        if skipped := _SKIPPED.match(text, at):
            # Nothing but the end of the file matches without taking a character.
            at = max(skipped.end(), at + 1)
            continue
        at = _end(_BLANK, text, at)
        end = _end(_KEY, text, at)
        key = _scalar(source, at, end)
        at = _end(_BLANK, text, end)
        if text[at : at + 1] in ("=", ":") and at < len(text):
            at = _end(_BLANK, text, at + 1)
        end = _end(_VALUE, text, at)
        value = _scalar(source, at, end)
        if re.search(r"(?<!\\)(?:\\\\)*\\u(?![0-9A-Fa-f]{4})", text[key.span.start : end]):
            problem = Problem(source.path, key.span.line, "malformed \\u escape: Java refuses this file", "notice")
            problems.append(problem)
        entries.append(Entry(key, value))
        # A backslash at the very end, or the line break.
        at = max(end, key.span.end) + 1
    root = Mapping(Span(source, 0, len(text)), tuple(entries))
    return Reading((Document(source, "properties", root),), tuple(problems))


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _scalar(source: Source, start: int, end: int) -> Scalar:
    text = _ESCAPE.sub(_decoded, source.text[start:end])
    return Scalar(Span(source, start, end), text, text)


def _decoded(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _ESCAPED.get(escape[2], escape[2]) if escape[2] else ""
