"""Templates and expressions of HCL that stand by themselves: in strings of JSON, and in files of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubelint5xx.core.source import Span
from kubelint5xx.formats.byte_offsets import code_points
from kubelint5xx.formats.hcl import expression_of, syntax_tree, too_deep
from kubelint5xx.formats.hcl_conversion import Syntax, template
from kubelint5xx.formats.hcl_expression import Expression, Literal, Unreadable

if TYPE_CHECKING:
    from tree_sitter import Node as SyntaxNode

# Where a code point of the decoded text stands in the source.
Places = Callable[[int], int]


def read_template(text: str, span: Span, places: Places) -> Expression:
    """A template: ``text`` is what it decodes to, ``span`` where it stands. Without interpolations, a literal."""
    if "${" not in text and "%{" not in text:
        return Literal(span, text, text, quoted=True)
    name = "T"
    while name in text:
        name += "T"
    before = f"x = <<{name}\n"
    syntax = _syntax(before, text, f"\n{name}\n", span, places)
    found = _value(syntax, "heredoc_template", text)
    if found is None:
        return Unreadable(span, "this template could not be read")
    try:
        return template(syntax, found, len(before), len(before) + len(text.encode("utf-8", "surrogatepass")))
    except (IndexError, StopIteration, ValueError):
        return Unreadable(span, "this template could not be read")


def read_expression(text: str, span: Span, places: Places) -> Expression:
    """An expression; ``text`` and ``span`` as in ``read_template``."""
    syntax = _syntax("x = ", text, "\n", span, places)
    found = _value(syntax, "expression", text)
    return Unreadable(span, "this expression could not be read") if found is None else expression_of(syntax, found)


def _syntax(before: str, text: str, after: str, span: Span, places: Places) -> Syntax:
    """The text between what makes an attribute of it, with the way back to its places."""
    data = (before + text + after).encode("utf-8", "surrogatepass")
    inner, start, end = code_points(text), len(before), len(data) - len(after)

    def place(byte: int) -> int:
        if byte < start:
            return span.start
        return span.end if byte > end else places(inner(byte - start))

    return Syntax(span.source, data, place)


def _value(syntax: Syntax, kind: str, text: str) -> SyntaxNode | None:
    """The node of the attribute's value; None where the text is unsound."""
    node = syntax_tree(syntax.data)
    if node.has_error or too_deep(text) is not None:
        return None
    while node.type != kind:
        inner = [child for child in node.named_children if child.type not in ("identifier", "comment")]
        if len(inner) != 1:
            return None
        node = inner[0]
    return node
