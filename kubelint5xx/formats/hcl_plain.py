"""Expressions that are read without a syntax tree: literals, and names with attributes.

Three of four expressions are such, and a tree is most of what it takes to read one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubelint5xx.core.pattern import byte_pattern
from kubelint5xx.core.source import Span
from kubelint5xx.formats.hcl_expression import Attr, Expression, Literal, Name, Traversal

if TYPE_CHECKING:
    from kubelint5xx.formats.hcl_conversion import Syntax

_LONGEST = 120
_WORD = rb"[A-Za-z_][A-Za-z0-9_]*"
_PLAIN = (
    rb'(true|false|null)|([0-9]{1,9})|"([^"\\$%{\n\r\x80-\xff]*)"|(' + _WORD + rb")((?:\." + _WORD + rb")*)"
)
_EXPRESSION = byte_pattern(_PLAIN)
_ATTRIBUTE = byte_pattern(rb"[A-Za-z0-9_-]+[ \t]*=[ \t]*(" + _PLAIN + rb")[ \t\r\n]*")
_WORDS = {b"true": True, b"false": False, b"null": None}


def plain(syntax: Syntax, start: int, end: int) -> Expression | None:
    """The expression between two bytes of the parsed part; None where its syntax tree has to tell."""
    if end - start > _LONGEST:
        return None
    start, end = start + syntax.base, end + syntax.base
    found = _EXPRESSION.fullmatch(syntax.data, start, end)
    return _read(syntax, start, end, *found.groups()) if found else None


def plain_attribute(syntax: Syntax, start: int, end: int) -> tuple[int, Expression] | None:
    """Where the expression of the attribute between two bytes ends, and what it says; None as for ``plain``."""
    if end - start > _LONGEST:
        return None
    found = _ATTRIBUTE.fullmatch(syntax.data, start + syntax.base, end + syntax.base)
    if not found:
        return None
    first, last = found.span(1)
    read = _read(syntax, first, last, *found.groups()[1:])
    return (last - syntax.base, read) if read else None


def _read(
    syntax: Syntax, start: int, end: int, word: bytes, digits: bytes, quoted: bytes, name: bytes, rest: bytes
) -> Expression | None:
    def span(first: int, last: int) -> Span:
        return Span(syntax.source, syntax.offset(first - syntax.base), syntax.offset(last - syntax.base))

    if word is not None:
        return Literal(span(start, end), _WORDS[word], word.decode())
    if digits is not None:
        return Literal(span(start, end), int(digits), digits.decode())
    if quoted is not None:
        text = quoted.decode()
        return Literal(span(start, end), text, text, quoted=True)
    if name in _WORDS:
        return None
    at = start + len(name)
    root = Name(span(start, at), name.decode())
    if not rest:
        return root
    steps: list[Attr] = []
    for step in rest[1:].split(b"."):
        steps.append(Attr(span(at, at + 1 + len(step)), step.decode()))
        at += 1 + len(step)
    return Traversal(span(start, end), root, tuple(steps))
