"""Texts in other formats that stand as values: a server's file in a ConfigMap, a script in an instance's user data."""

from __future__ import annotations

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Scalar
from kubelint5xx.core.node import text as text_of
from kubelint5xx.core.source import Embedding, Source, Span


def embedded(scalar: Scalar, text: str | None = None) -> Source:
    """The value of ``scalar`` as a source of its own, whose spans know their line and column in the file.

    They are exact where the file holds the text line by line (literal blocks, heredocs, plain and simply quoted
    values); else all of them stand for the value's first line. ``text``: what the value decodes to, where the value
    itself is an encoding of it.
    """
    content = text if text is not None else text_of(scalar) or ""
    return Source(scalar.span.path, content, inside=_embedding(scalar.span, content))


def _embedding(span: Span, text: str) -> Embedding:
    source = span.source
    start = source.line_of(span.start)
    lines = text.split("\n")
    if len(lines) == 1 or not any(lines[1:]):
        # A value of one line can stand in the line of its key, after other text.
        at = span.text.find(lines[0])
        if lines[0] and at >= 0 and span.text.count(lines[0]) == 1:
            line = source.line_of(span.start + at)
            return Embedding(span, line, span.start + at - source.line_start(line))
    last = source.line_of(max(span.start, span.end - 1))
    for first in (start, start + 1):
        indent = _indent(source, first, last, lines)
        if indent is not None:
            return Embedding(span, first, indent)
    return Embedding(span)


def _indent(source: Source, first: int, last: int, lines: list[str]) -> int | None:
    """By how much the lines are indented in the file from line ``first`` on; None where they are not the same, but for
    those in which Terraform fills something in."""
    indent: int | None = None
    for number, line in enumerate(lines, first):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        if number > last:
            return None
        there = source.line_text(number)
        if "${" in there or ATTRIBUTE in line or UNKNOWN in line:
            # Where something was filled in, the lines around it tell.
            continue
        if indent is None:
            indent = len(there) - len(line)
            if indent < 0 or there[:indent].strip():
                return None
        if there[indent:] != line or there[:indent].strip():
            return None
    # Blank lines at the end can lie beyond the value, not beyond the file.
    return indent if indent is not None and first + len(lines) - 1 <= source.line_of(len(source.text)) else None
