"""From the syntax tree of an HCL expression to its data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.byte_offsets import code_points
from kubelint5xx.formats.hcl_expression import (
    Attr,
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    Index,
    Literal,
    Name,
    ObjectOf,
    Splat,
    Step,
    Template,
    TemplateFor,
    TemplateIf,
    Traversal,
    TupleOf,
    Unary,
    Unreadable,
)
from kubelint5xx.formats.hcl_plain import plain
from kubelint5xx.formats.hcl_text import unescape, unescape_heredoc

if TYPE_CHECKING:
    from tree_sitter import Node as SyntaxNode

# Deeper than any file that a person writes, and shallow enough for Python's stack.
MAX_DEPTH = 100
_LONGEST_INT = 40


class Syntax:
    """A source's bytes as tree-sitter sees them, and the way back to code points.

    ``base`` is the byte at which the parsed part begins; tree-sitter's offsets count from there. ``code_point`` maps
    byte offsets to code points; None for a text that is all ASCII.
    """

    __slots__ = ("_code_point", "base", "data", "source")

    def __init__(self, source: Source, data: bytes, code_point: Callable[[int], int] | None, base: int = 0) -> None:
        self.source, self.data, self.base = source, data, base
        self._code_point = code_point

    @classmethod
    def of(cls, source: Source) -> Syntax:
        """The whole of a source."""
        data = source.text.encode("utf-8", "surrogatepass")
        return cls(source, data, None if source.text.isascii() else code_points(source.text))

    def at(self, byte: int) -> Syntax:
        """The same from a byte on."""
        return Syntax(self.source, self.data, self._code_point, self.base + byte)

    def offset(self, byte: int) -> int:
        """The code point at a byte of the parsed part."""
        return self._code_point(byte + self.base) if self._code_point else byte + self.base

    def span(self, node: SyntaxNode, last: SyntaxNode | None = None) -> Span:
        return Span(self.source, self.offset(node.start_byte), self.offset((last or node).end_byte))

    def text(self, node: SyntaxNode) -> str:
        return self.slice(node.start_byte, node.end_byte)

    def slice(self, start: int, end: int) -> str:
        return self.data[self.base + start : self.base + end].decode("utf-8", "replace")


def expression(syntax: Syntax, node: SyntaxNode, depth: int = 0) -> Expression:
    """What the syntax node ``node`` says. Broken or absurdly deep syntax becomes ``Unreadable``."""
    if depth > MAX_DEPTH:
        return Unreadable(syntax.span(node), "this expression is nested too deeply to be read")
    if depth == 0 and node.has_error:
        return Unreadable(syntax.span(node), "this expression could not be read")
    return plain(syntax, node.start_byte, node.end_byte) or converted(syntax, node, depth)


def converted(syntax: Syntax, node: SyntaxNode, depth: int = 0) -> Expression:
    """What the tree says of a syntax node that is sound."""
    while True:
        kind = node.type
        convert = _CONVERTERS.get(kind)
        if convert:
            return convert(syntax, node, depth + 1)
        children = node.children
        if kind == "expression" and len(children) > 1:
            return _term(syntax, children, depth + 1)
        # Wrappers with one meaningful child: operation, literal_value, template_expr, collection_value, for_expr.
        inner = next((child for child in children if child.is_named and child.type != "comment"), None)
        if inner is None:
            return _literal(syntax, node, depth)
        node = inner


def string(syntax: Syntax, node: SyntaxNode) -> str:
    """The text of a block label: a quoted string or a bare identifier."""
    if node.type == "identifier":
        return syntax.text(node)
    return unescape(syntax.text(node)[1:-1])


def template(syntax: Syntax, node: SyntaxNode, start: int, end: int) -> Template | Literal:
    """The text between the bytes ``start`` and ``end`` of a heredoc, taken as it stands but for templates in it."""
    inner = [child for child in node.children if child.start_byte >= start and child.end_byte <= end]
    return _template(syntax, node, inner, start, end, 1, unescape_heredoc)


def _named(node: SyntaxNode) -> list[SyntaxNode]:
    return [child for child in node.named_children if child.type != "comment"]


def _term(syntax: Syntax, nodes: list[SyntaxNode], depth: int) -> Expression:
    """A value and the steps into it. An operator's operands are not wrapped, so they come as bare lists of nodes."""
    parts = [node for node in nodes if node.type not in ("(", ")", "comment")]
    if len(parts) == 1:
        return expression(syntax, parts[0], depth)
    span = syntax.span(nodes[0], nodes[-1])
    if not parts:
        return Unreadable(span, "this expression could not be read")
    return Traversal(span, expression(syntax, parts[0], depth), _steps(syntax, parts[1:], depth))


def _steps(syntax: Syntax, nodes: list[SyntaxNode], depth: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    for node in nodes:
        span = syntax.span(node)
        if node.type == "get_attr":
            steps.append(Attr(span, syntax.text(node).lstrip(". \t\r\n")))
        elif node.type == "index":
            inner = node.named_children[0]
            if inner.type == "legacy_index":
                number = syntax.text(inner).lstrip(". \t\r\n")
                steps.append(Index(span, Literal(span, int(number) if len(number) < 10 else 0, number)))
            else:
                steps.append(Index(span, expression(syntax, _named(inner)[0], depth)))
        elif node.type == "splat":
            steps.append(Splat(span, _steps(syntax, _named(node.named_children[0]), depth)))
    return tuple(steps)


def _literal(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    span, raw = syntax.span(node), syntax.text(node)
    words: dict[str, bool | None] = {"true": True, "false": False, "null": None}
    if raw in words:
        return Literal(span, words[raw], raw)
    try:
        value = float(raw)
    except ValueError:
        return Unreadable(span, "this expression could not be read")
    if math.isinf(value):
        return Unreadable(span, "the number is too large")
    exact = raw.isdigit() and len(raw) < _LONGEST_INT
    return Literal(span, int(raw) if exact else int(value) if value.is_integer() else value, raw)


def _string(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    value = unescape(syntax.text(node)[1:-1])
    return Literal(syntax.span(node), value, value, quoted=True)


def _name(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    return Name(syntax.span(node), syntax.text(node))


def _quoted(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    inner = [child for child in node.children if child.type not in ("quoted_template_start", "quoted_template_end")]
    return _template(syntax, node, inner, node.start_byte + 1, node.end_byte - 1, depth, unescape)


_HEREDOC = pattern(r"<<(-?)[^\n]*\n")


def _heredoc(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    text = syntax.text(node)
    opening = _HEREDOC.match(text)
    if not opening:
        return Unreadable(syntax.span(node), "this heredoc could not be read")
    body_start = node.start_byte + len(opening.group().encode())
    body_end = node.start_byte + len(text[: text.rstrip().rfind("\n") + 1].encode())
    inner = [child for child in node.children if child.start_byte >= body_start and child.end_byte <= body_end]
    literal = unescape_heredoc
    if opening.group(1):
        lines = [line for line in syntax.slice(body_start, body_end).split("\n") if line.strip()]
        indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
        pattern = re.compile(rf"(?<=\n)[^\S\n]{{0,{indent}}}")

        def literal(text: str) -> str:
            return unescape_heredoc(pattern.sub("", text))

        first = syntax.slice(body_start, body_end)[:indent]
        body_start += len(first[: len(first) - len(first.lstrip())].encode())
    return _template(syntax, node, inner, body_start, body_end, depth, literal)


def _template(
    syntax: Syntax,
    node: SyntaxNode,
    inner: list[SyntaxNode],
    start: int,
    end: int,
    depth: int,
    literal: Callable[[str], str],
) -> Template | Literal:
    # tree-sitter leaves blanks out of its literals, so a literal is what stands between the other nodes.
    span = syntax.span(node)
    parts: list[str | Expression | TemplateIf | TemplateFor] = []
    at, strip = start, False

    def add_text(until: int, strip_end: bool) -> None:
        text = syntax.slice(at, until)
        text = text.lstrip() if strip else text
        text = literal(text.rstrip() if strip_end else text)
        if text:
            parts.append(text)

    for child in inner:
        if child.type == "template_interpolation":
            found = next((part for part in _named(child) if part.type == "expression"), None)
            part: Expression | TemplateIf | TemplateFor = (
                expression(syntax, found, depth) if found else Unreadable(syntax.span(child), "an empty interpolation")
            )
        elif child.type == "template_directive":
            part = _directive(syntax, child.named_children[0], depth, literal)
        else:
            continue
        written = syntax.text(child)
        add_text(child.start_byte, written[2:3] == "~")
        parts.append(part)
        at, strip = child.end_byte, written[-2:-1] == "~"
    add_text(end, False)
    if not parts or (len(parts) == 1 and isinstance(parts[0], str)):
        value = str(parts[0]) if parts else ""
        return Literal(span, value, value, quoted=True)
    return Template(span, tuple(parts))


def _directive(
    syntax: Syntax, node: SyntaxNode, depth: int, literal: Callable[[str], str]
) -> TemplateIf | TemplateFor | Unreadable:
    if depth > MAX_DEPTH:
        return Unreadable(syntax.span(node), "this expression is nested too deeply to be read")
    marks = ("template_if_intro", "template_else_intro", "template_if_end", "template_for_start", "template_for_end")
    cuts = [child for child in node.children if child.type in marks]
    bodies: list[Template] = []
    for left, right in pairwise(cuts):
        start, end = left.end_byte, right.start_byte
        if syntax.text(left)[-2:-1] == "~":
            start += len(text := syntax.slice(start, end)) - len(text.lstrip())
        if syntax.text(right)[2:3] == "~":
            end -= len(text := syntax.slice(start, end)) - len(text.rstrip())
        inner = [child for child in node.children if start <= child.start_byte and child.end_byte <= end]
        made = _template(syntax, node, inner, start, max(start, end), depth + 1, literal)
        bodies.append(made if isinstance(made, Template) else Template(made.span, (made.raw,)))
    subject = next((part for part in _named(cuts[0]) if part.type == "expression"), None) if cuts else None
    if subject is None or not bodies:
        return Unreadable(syntax.span(node), "this template directive could not be read")
    value = expression(syntax, subject, depth + 1)
    if node.type == "template_if":
        return TemplateIf(value, bodies[0], bodies[1] if len(bodies) > 1 else Template(bodies[0].span, ()))
    names = [syntax.text(part) for part in _named(cuts[0]) if part.type == "identifier"] or [""]
    return TemplateFor(names[0] if len(names) > 1 else "", names[-1], value, bodies[0])


def _call(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    arguments: list[Expression] = []
    expand = False
    for child in _named(node)[1:]:
        if child.type == "function_arguments":
            inner = _named(child)
            expand = bool(inner) and inner[-1].type == "ellipsis"
            arguments = [expression(syntax, part, depth) for part in inner if part.type == "expression"]
    return Call(syntax.span(node), syntax.text(node.children[0]), tuple(arguments), expand)


def _unary(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    operator = syntax.text(node.children[0])
    span = syntax.span(node)
    operand = _term(syntax, node.children[1:], depth)
    if operator == "-" and isinstance(operand, Literal) and type(operand.value) in (int, float):
        return Literal(span, -operand.value, "-" + operand.raw)  # type: ignore[operator]
    return Unary(span, operator, operand)


def _binary(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    children = node.children
    at = next(i for i, child in enumerate(children) if not child.is_named and child.type not in ("(", ")"))
    left, right = (_term(syntax, side, depth) for side in (children[:at], children[at + 1 :]))
    return Binary(syntax.span(node), children[at].type, left, right)


def _conditional(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    """``a ? b : c ? d : e`` is ``a ? b : (c ? d : e)``. The grammar takes such a chain from its left instead."""
    condition, then, otherwise = _named(node)
    chain = [(then, otherwise)]
    while len(condition.children) == 1 and condition.children[0].type == "conditional":
        condition, then, otherwise = _named(condition.children[0])
        chain.append((then, otherwise))
    if depth + len(chain) > MAX_DEPTH:
        return Unreadable(syntax.span(node), "this expression is nested too deeply to be read")
    conditions = [condition, *(otherwise for _, otherwise in reversed(chain[1:]))]
    found = expression(syntax, chain[0][1], depth)
    for asked, (then, _) in zip(reversed(conditions), chain, strict=True):
        whole = syntax.span(asked, node)
        found = Conditional(whole, expression(syntax, asked, depth), expression(syntax, then, depth), found)
    return found


def _tuple(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    return TupleOf(
        syntax.span(node),
        tuple(expression(syntax, child, depth) for child in node.named_children if child.type == "expression"),
    )


def _object(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    entries: list[tuple[Expression, Expression]] = []
    for child in node.named_children:
        if child.type != "object_elem":
            continue
        pair = [part for part in _named(child) if part.type == "expression"]
        if len(pair) != 2:
            continue
        key = expression(syntax, pair[0], depth)
        if isinstance(key, Name) and not syntax.text(pair[0]).startswith("("):
            key = Literal(key.span, key.name, key.name)
        entries.append((key, expression(syntax, pair[1], depth)))
    return ObjectOf(syntax.span(node), tuple(entries))


def _for(syntax: Syntax, node: SyntaxNode, depth: int) -> Expression:
    intro = next(child for child in node.named_children if child.type == "for_intro")
    names = [syntax.text(part) for part in _named(intro) if part.type == "identifier"]
    collection = next(part for part in _named(intro) if part.type == "expression")
    results = [expression(syntax, child, depth) for child in node.named_children if child.type == "expression"]
    condition = next((child for child in node.named_children if child.type == "for_cond"), None)
    return For(
        syntax.span(node),
        names[0] if len(names) > 1 else "",
        names[-1],
        expression(syntax, collection, depth),
        results[-1],
        results[0] if len(results) > 1 else None,
        expression(syntax, _named(condition)[0], depth) if condition else None,
        any(child.type == "ellipsis" for child in node.named_children),
    )


_CONVERTERS: dict[str, Callable[[Syntax, SyntaxNode, int], Expression]] = {
    "numeric_lit": _literal,
    "bool_lit": _literal,
    "null_lit": _literal,
    "string_lit": _string,
    "variable_expr": _name,
    "quoted_template": _quoted,
    "heredoc_template": _heredoc,
    "function_call": _call,
    "unary_operation": _unary,
    "binary_operation": _binary,
    "conditional": _conditional,
    "tuple": _tuple,
    "object": _object,
    "for_tuple_expr": _for,
    "for_object_expr": _for,
}
