"""A line of source with its span marked, fit for a terminal whatever the line holds."""

from __future__ import annotations

import unicodedata

from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span

_LIMIT = 120
_BEFORE = 40  # How much of a long line is kept before the span.
_TAB = 4


@record
class Snippet:
    """``text`` is the line; the mark below it begins after ``indent`` cells and is ``width`` cells wide."""

    text: str
    indent: int
    width: int


def snippet(span: Span, limit: int = _LIMIT) -> Snippet:
    """The first line of ``span``, clipped to about ``limit`` characters around it."""
    span = span.in_file()
    line = span.source.line_text(span.line)
    start = min(span.column - 1, len(line))
    end = min(start + len(span.first_line().text), len(line))
    low = max(0, min(start - min(_BEFORE, limit // 3), len(line) - limit)) if len(line) > limit else 0
    high = low + limit
    before = _shown(line[low:start], "…" if low else "")
    marked = _shown(line[start : min(end, high)], before)
    whole = _shown(line[min(end, high) : high], marked) + ("…" if high < len(line) else "")
    indent = _cells(before)
    return Snippet(whole.rstrip(), indent, max(1, _cells(marked) - indent))


def clipped(span: Span, limit: int = 60) -> str:
    """The source line of ``span`` without its indentation, short enough to stand beside other words."""
    return snippet(span, limit).text.strip()


def visible(text: str) -> str:
    """``text`` with every character that would steer the terminal, or reorder the line, made visible instead."""
    return _shown(text, "")


def _shown(text: str, before: str) -> str:
    if text.isascii() and text.isprintable():
        return before + text
    parts = [before]
    cells = _cells(before)
    for character in text:
        picture = " " * (_TAB - cells % _TAB) if character == "\t" else _picture(character)
        parts.append(picture)
        cells += _cells(picture)
    return "".join(parts)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    # Other controls, bidirectional overrides and zero-width characters, lone surrogates, line separators.
    return "�" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character


def _cells(text: str) -> int:
    """How many cells of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
