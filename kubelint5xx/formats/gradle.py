"""Gradle build scripts, Groovy's and Kotlin's, as far as they are written as plain calls. Nothing is executed.

The root maps the way to each call, divided by ``/`` (``dependencies/implementation``, ``plugins/id``), to a sequence of
the strings and words that follow it, in their order: ``id("x") version "1"`` gives ``x``, ``version``, ``1``, and
strings are ``quoted``. A string with a ``$`` in it is unresolved. What a call's block holds has the call in its way
(``dependencies/implementation/exclude``). Conditions and loops are ways like any other.
"""

from __future__ import annotations

import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_TOKEN = pattern(
    r"""(?P<skipped>[ \t\r\f]+|\\\r?\n|//[^\n]*|/\*(?s:.*?)(?:\*/|\Z)|\#![^\n]*)
      | (?P<text>\"\"\"(?s:.*?)(?:\"\"\"|\Z)|'''(?s:.*?)(?:'''|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)
      | (?P<word>[A-Za-z_][\w.-]*|`[^`\n]*`|\d[\w.]*)
      | (?P<mark>(?s:.))""",
    re.VERBOSE,
)
_ESCAPE = pattern(r"\\(.)")


def read(source: Source) -> Reading:
    """The calls of the script. A block that stays open is a problem; all calls are there."""
    reader = _Reader(source)
    at = 0
    while (token := _TOKEN.match(source.text, at)) is not None:
        at = token.end()
        reader.take(token.lastgroup or "", token[0], Span(source, token.start(), at))
    reader.finish()
    problems: tuple[Problem, ...] = ()
    if reader.ways:
        line = source.line_of(reader.opened[-1])
        problems = (Problem(source.path, line, "a block that opens here is never closed", "notice"),)
    place = Span(source, 0, len(source.text))
    return Reading((Document(source, "gradle", Mapping(place, tuple(reader.entries))),), problems)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.entries: list[Entry] = []
        self.ways: list[str] = []
        self.opened: list[int] = []
        self.statement: list[Node] = []
        self.parentheses = 0
        self.continues = False

    def take(self, kind: str, written: str, span: Span) -> None:
        if kind == "text":
            self.statement.append(_string(written, span))
            self.continues = False
        elif kind == "word":
            word = written.strip("`")
            self.statement.append(Scalar(span, word, word))
            self.continues = False
        elif written == "{":
            name = self.finish()
            if len(self.ways) < MAX_DEPTH:
                self.ways.append(f"{self.ways[-1]}/{name}" if self.ways else name)
                self.opened.append(span.start)
        elif written == "}":
            self.finish()
            if self.ways:
                self.ways.pop()
                self.opened.pop()
        elif written == ";" or (written == "\n" and not self.parentheses and not self.continues):
            self.finish()
        elif written in "([":
            self.parentheses += 1
        elif written in ")]":
            self.parentheses = max(0, self.parentheses - 1)
        elif kind == "mark" and written != "\n":
            # A list of arguments goes on behind a comma.
            self.continues = written == ","

    def finish(self) -> str:
        """End the statement; gives the name of what it calls."""
        statement, self.statement = self.statement, []
        self.parentheses, self.continues = 0, False
        if not statement or not isinstance(first := statement[0], Scalar) or first.quoted:
            return ""
        name = str(first.value)
        way = f"{self.ways[-1]}/{name}" if self.ways else name
        end = statement[-1].span.end
        key = Scalar(first.span, way, name)
        self.entries.append(Entry(key, Sequence(Span(self.source, first.span.start, end), tuple(statement[1:]))))
        return name


def _string(written: str, span: Span) -> Node:
    marks = 3 if written[:3] in ('"""', "'''") else 1
    end = len(written) - marks if len(written) >= 2 * marks and written.endswith(written[:marks]) else len(written)
    inner = written[marks:end]
    place = Span(span.source, span.start + marks, span.start + end)
    if written[0] == '"' and "$" in inner.replace("\\$", ""):
        return Unresolved(place, "computed when Gradle runs")
    return Scalar(place, _ESCAPE.sub(r"\1", inner), inner, quoted=True)
