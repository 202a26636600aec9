"""Configuration in Ruby, such as Puma's ``config/puma.rb``, by tree-sitter; never run.

The root maps the name of each method that the file calls on its own to its first argument, or to the sequence of its
arguments. What is called in the block of another method is not read, since that runs at another time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import code
from kubelint5xx.formats.code import IN_A_BRANCH, Program, above, arguments, content, lookup, string
from kubelint5xx.formats.literals import computed, number, variable

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

_GRAMMAR = code.Grammar(
    title="Ruby",
    package="tree_sitter_ruby",
    query="(assignment) @assignment (call) @call",
    words=pattern(r"\S"),
)
_DIALECT = code.Dialect(
    branches=(
        "if", "unless", "if_modifier", "unless_modifier", "elsif", "else", "when", "while", "until", "for", "rescue",
        "conditional",
    ),
    numbers=("integer", "float"),
    strings=("string",),
    names=("identifier", "constant"),
    wrappers=("parenthesized_statements",),
    binary="binary",
    unary=("unary",),
)  # fmt: skip
_BLOCKS = ("block", "do_block", "lambda", "method", "class", "module")
_NUMBERS = ("to_i", "to_f", "Integer", "Float")


def read(source: Source) -> Reading:
    """The settings of the file."""
    return code.read(source, "ruby_source", _GRAMMAR, _DIALECT, _entries, _special)


def modules(path: str, module: str) -> tuple[str, ...]:
    """No constant is followed into other files."""
    return ()


def constant(source: Source, name: str) -> Node | None:
    """No constant is followed into other files."""
    return None


def _entries(program: Program) -> Iterator[Entry]:
    for node in program.every("assignment"):
        left = node.child_by_field_name("left")
        if left is not None and left.type in _DIALECT.names:
            held = None if program.conditional(node) else node.child_by_field_name("right")
            program.declare(content(left), held)
    for node in program.every("call"):
        method, given = node.child_by_field_name("method"), arguments(node)
        if method is None or node.child_by_field_name("receiver") or not given or above(node, *_BLOCKS, "call"):
            continue
        name, place = content(method), program.span(method)
        value: Node
        if program.conditional(node):
            value = Unresolved(program.span(given[0]), IN_A_BRANCH)
        elif len(given) == 1:
            value = program.value(given[0])
        else:
            whole = Span(program.source, program.span(given[0]).start, program.span(given[-1]).end)
            value = Sequence(whole, tuple(program.value(each) for each in given))
        yield Entry(Scalar(place, name, name), value)


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    place = program.span(node)
    if node.type == "simple_symbol":
        return Scalar(place, content(node)[1:], content(node)[1:], quoted=True)
    if node.type == "element_reference":
        named = node.named_children[-1]
        if content(node).startswith("ENV[") and named.type == "string":
            return variable(place, string(named))
        return computed(place)
    if node.type != "call":
        return None
    method, receiver = node.child_by_field_name("method"), node.child_by_field_name("receiver")
    name, given = content(method) if method else "", arguments(node)
    if receiver is not None and content(receiver) == "ENV" and name == "fetch" and given and given[0].type == "string":
        return variable(place, string(given[0]), _default(program, node, given, depth))
    inner = given[0] if receiver is None and len(given) == 1 else receiver if not given else None
    if name in _NUMBERS and inner is not None:
        value = program.value(inner, depth + 1)
        if isinstance(value, Scalar) and isinstance(value.value, str):
            return number(value.span, value.value.strip(), value.via)
        return value
    return None


def _default(program: Program, fetch: Syntax, given: list[Syntax], depth: int) -> Node | None:
    """The second argument of ``ENV.fetch``, or what its block gives."""
    if len(given) > 1:
        return program.value(given[1], depth + 1)
    block = fetch.child_by_field_name("block")
    body = block.child_by_field_name("body") if block else None
    held = body.named_children if body else []
    return program.value(held[0], depth + 1) if len(held) == 1 else None
