"""HOCON, as far as a configuration is written down: nested objects, dotted keys, plain values.

The root is a mapping; a dotted key is a way of mappings, and a key that repeats stands there again. A value with a
substitution is unresolved, and so is what ``include`` brings: the mapping that holds one is open.
"""

from __future__ import annotations

import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_SKIPPED = pattern(r"(?:[\s,﻿]|#[^\n]*|//[^\n]*)+")
_BLANK = pattern(r"[ \t\r]*")
_QUOTED = pattern(r'"""(?s:.*?)"""+|"(?:\\.|[^"\\\n])*"')
_KEY = pattern(r'(?:"(?:\\.|[^"\\\n])*"|[^\s"{}\[\]:=,+#`^?!@*&\\$/]+|[ \t]+(?=[^\s:={+/#]))+')
_PLAIN = pattern(r"(?:(?!//)[^\n,}\]{\[#\"$])+")
_SUBSTITUTION = pattern(r"\$\{[^}\n]*\}?")
_PART = pattern(r'"((?:\\.|[^"\\])*)"|([^."]+)')
_INCLUDE = pattern(r"include\s+(?:(?:required|file|url|classpath)\s*\()*\s*\"[^\"\n]*\"\)*")
_ESCAPE = pattern(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def read(source: Source) -> Reading:
    """The settings of the file. What does not parse is a problem, and what stands before it is here."""
    reader = _Reader(source)
    start = _end(_SKIPPED, source.text, 0)
    problems: tuple[Problem, ...] = ()
    entries: list[Entry] = []
    opened: list[str] = []
    try:
        braces = source.text[start : start + 1] == "{"
        reader.at = start + braces
        reader.members(entries, opened, "}" if braces else "", 0)
    except _WrongError as wrong:
        problems = (Problem(source.path, source.line_of(reader.at), str(wrong)),)
    root = Mapping(Span(source, 0, len(source.text)), tuple(entries), "; ".join(opened))
    return Reading((Document(source, "hocon", root),), problems)


class _WrongError(Exception):
    pass


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source, self.text, self.at = source, source.text, 0

    def members(self, entries: list[Entry], opened: list[str], close: str, depth: int) -> None:
        """The keys of an object, up to ``close``, into ``entries``."""
        if depth > MAX_DEPTH:
            raise _WrongError("nested too deeply")
        while True:
            self.at = _end(_SKIPPED, self.text, self.at)
            if self.at >= len(self.text):
                if close:
                    raise _WrongError("a brace is never closed")
                return
            if self.text[self.at] == close:
                self.at += 1
                return
            if include := _INCLUDE.match(self.text, self.at):
                opened.append("it includes another file")
                self.at = include.end()
                continue
            entries.append(self.member(depth))

    def member(self, depth: int) -> Entry:
        key = _KEY.match(self.text, self.at)
        if key is None:
            raise _WrongError(f"expected a key, found {self.text[self.at]!r}")
        place = Span(self.source, key.start(), key.start() + len(key[0].rstrip()))
        self.at = _end(_BLANK, self.text, key.end())
        mark = re.compile(r"\+=|[:=]|(?=\{)").match(self.text, self.at)
        if mark is None:
            raise _WrongError(f"expected a value for {place.text[:40]}")
        self.at = mark.end()
        while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
            self.at += 1
        value = self.value(place, depth)
        if mark[0] == "+=":
            value = Unresolved(value.span, "it is added to what is set elsewhere")
        parts = [_unescaped(part[1]) if part[1] is not None else part[2].strip() for part in _PART.finditer(place.text)]
        for name in reversed(parts[1:]):
            value = Mapping(place, (Entry(Scalar(place, name, name), value),))
        name = parts[0] if parts else place.text
        return Entry(Scalar(place, name, name), value)

    def value(self, key: Span, depth: int) -> Node:
        """One value: what stands side by side makes one text; an object merged from several parts is open."""
        start = end = self.at
        pieces: list[Node] = []
        substituted = False
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "{" or character == "[":
                pieces.append(self.object(depth) if character == "{" else self.array(depth))
            elif quoted := _QUOTED.match(self.text, self.at):
                marks = 3 if quoted[0].startswith('"""') else 1
                inner = quoted[0][marks:-marks]
                place = Span(self.source, quoted.start() + marks, quoted.end() - marks)
                pieces.append(Scalar(place, inner if marks == 3 else _unescaped(inner), inner, quoted=True))
                self.at = quoted.end()
            elif found := _SUBSTITUTION.match(self.text, self.at):
                substituted = True
                pieces.append(Unresolved(Span(self.source, *found.span()), f"{found[0]} is substituted at the start"))
                self.at = found.end()
            elif (plain := _PLAIN.match(self.text, self.at)) and plain[0].strip():
                inner = plain[0].strip()
                at = plain.start() + plain[0].index(inner[0])
                pieces.append(Scalar(Span(self.source, at, at + len(inner)), inner, inner))
                self.at = plain.end()
            else:
                break
            end = self.at
            self.at = _end(_BLANK, self.text, self.at)
        if not pieces:
            raise _WrongError(f"expected a value for {key.text[:40]}")
        if len(pieces) == 1:
            return pieces[0]
        place = Span(self.source, start, end)
        if substituted:
            own = tuple(entry for piece in pieces if isinstance(piece, Mapping) for entry in piece.entries)
            merged = "it is merged with others when the program starts"
            return Mapping(place, own, merged) if own else Unresolved(place, "substituted when the program starts")
        return Scalar(place, place.text.strip(), place.text.strip())

    def object(self, depth: int) -> Node:
        start = self.at
        self.at += 1
        entries: list[Entry] = []
        opened: list[str] = []
        self.members(entries, opened, "}", depth + 1)
        return Mapping(Span(self.source, start, self.at), tuple(entries), "; ".join(opened))

    def array(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _WrongError("nested too deeply")
        start = self.at
        self.at += 1
        found: list[Node] = []
        while True:
            self.at = _end(_SKIPPED, self.text, self.at)
            if self.at >= len(self.text):
                raise _WrongError("a bracket is never closed")
            if self.text[self.at] == "]":
                self.at += 1
                return Sequence(Span(self.source, start, self.at), tuple(found))
            found.append(self.value(Span(self.source, start, start + 1), depth + 1))


def _end(found: re.Pattern[str], text: str, at: int) -> int:
    match = found.match(text, at)
    return match.end() if match else at


def _unescaped(inner: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), inner)
