"""Kotlin sources, by tree-sitter: how they set up an embedded server. See ``jvm_source`` for what is read.

``embeddedServer`` is a maker too; what its ``configure`` block sets counts there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Node
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.formats import code, jvm_source
from kubelint5xx.formats.code import Program, above, content, lookup
from kubelint5xx.formats.jvm_source import CUSTOMIZED, WORDS, Call, Servers, setting_of, simple
from kubelint5xx.formats.literals import duration, imported

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

_GRAMMAR = code.Grammar(
    title="Kotlin",
    package="tree_sitter_kotlin",
    query="""
(property_declaration) @variable
(call_expression) @call
(assignment) @assignment
""",
    words=WORDS,
)
_DIALECT = code.Dialect(
    branches=(
        "if_expression", "when_entry", "for_statement", "while_statement", "do_while_statement", "catch_block",
    ),
    numbers=("number_literal", "float_literal"),
    strings=("string_literal",),
    suffixes="lLfFuU",
)  # fmt: skip
# Functions whose block is about the object that they are called on.
_ON_ITSELF = ("apply", "run", "with", "also", "let")
_SECONDS = {"milliseconds": 1e-3, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0}


def read(source: Source) -> Reading:
    """The servers that the file sets up."""
    return code.read(source, "kotlin_source", _GRAMMAR, _DIALECT, _entries, _special, _of_an_object)


def modules(path: str, module: str) -> tuple[str, ...]:
    """The files of a class of that name, else those beside."""
    beside = path.rpartition("/")[0]
    return (f"{module}.kt", f"*/{module}.kt", f"{beside}/*.kt" if beside else "*.kt")


def constant(source: Source, name: str) -> Node | None:
    """The constant ``name`` of a file."""
    if name not in source.text:
        return None
    program = code.parsed(source, _GRAMMAR, _DIALECT, _special)
    if isinstance(program, Problem):
        return None
    _types(program)
    held = program.constants.get(name)
    return program.value(held) if held else None


def _types(program: Program) -> dict[str, str]:
    """The types of variables, by what they are made of. Takes the constants on the way."""
    types: dict[str, str] = {}
    for node in program.every("variable"):
        declared = next((child for child in node.named_children if child.type == "variable_declaration"), None)
        if declared is None or not declared.named_children:
            continue
        name = content(declared.named_children[0])
        value = node.named_children[-1] if node.named_children[-1] != declared else None
        written = simple(content(declared.named_children[1])) if len(declared.named_children) > 1 else ""
        its = written or (_object(value, {})[0] if value else "")
        types[name] = its if types.get(name, its) == its else ""
        fixed = any(child.type == "val" for child in node.children)
        program.declare(name, value if fixed else None)
    return types


def _entries(program: Program) -> Iterator[Entry]:
    types = _types(program)
    servers = Servers(program)
    for node in program.every("call"):
        call = _called(node)
        if call is None:
            continue
        if call.object is None:
            servers.make(call.name, _name_of(node), node)
        elif found := setting_of(program, call):
            kind, key = _object(call.object, types)
            servers.set(kind, key, found[0], call.place, found[1])
    for node in program.every("assignment"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            continue
        if left.type == "identifier":
            kind, key = _receiver(node, types)
            servers.set(kind, key, content(left), left, right)
        elif left.type == "navigation_expression" and len(left.named_children) == 2:
            kind, key = _object(left.named_children[0], types)
            servers.set(kind, key, content(left.named_children[1]), left.named_children[1], right)
    return servers.entries()


def _receiver(node: Syntax, types: dict[str, str]) -> tuple[str, str]:
    """What a name without an owner belongs to: the object of the block that it stands in."""
    block = above(node, "lambda_literal")
    node_call = above(block, "call_expression") if block else None
    call = _called(node_call) if node_call else None
    if call is None or node_call is None:
        return "", ""
    if call.object is not None and call.name in _ON_ITSELF:
        return _object(call.object, types)
    return (call.name if call.object is None else ""), f"@{node_call.start_byte}"


def _object(node: Syntax, types: dict[str, str]) -> tuple[str, str]:
    """The class of an expression's object, "" where it is not known, and what tells it from others."""
    for _ in range(code.MAX_STEPS):
        if node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[0]
        elif node.type == "as_expression" and (kind := node.child_by_field_name("right")):
            return simple(content(kind)), content(node)
        elif node.type == "identifier":
            if content(node) == "it" or content(node) not in types:
                return _customized(node, types), content(node)
            return types[content(node)], content(node)
        else:
            call = _called(node)
            if call is None:
                break
            if call.object is None:
                return call.name, _name_of(node)
            if call.object.type == "identifier" and content(call.object)[:1].isupper():
                return content(call.object), _name_of(node)
            node = call.object
    return "", ""


def _name_of(node: Syntax) -> str:
    """The variable that an object is put into, through calls on it; else its own place."""
    inner, outer = node, node.parent
    for _ in range(code.MAX_STEPS):
        if outer is None or outer.type not in ("navigation_expression", "call_expression"):
            break
        if outer.named_children[0] != inner:
            break
        inner, outer = outer, outer.parent
    if outer is not None and outer.type == "property_declaration":
        declared = next((child for child in outer.named_children if child.type == "variable_declaration"), None)
        if declared is not None and declared.named_children:
            return content(declared.named_children[0])
    return f"@{node.start_byte}"


def _customized(name: Syntax, types: dict[str, str]) -> str:
    block = above(name, "lambda_literal")
    while block is not None:
        parameters = next((child for child in block.named_children if child.type == "lambda_parameters"), None)
        names = content(parameters).replace(",", " ").split() if parameters else ["it"]
        if content(name) in names:
            node = above(block, "call_expression")
            call = _called(node) if node else None
            if call and call.object is not None and call.name in _ON_ITSELF:
                return _object(call.object, types)[0]
            return CUSTOMIZED.get(call.name, "") if call else ""
        block = above(block, "lambda_literal")
    return ""


def _called(node: Syntax) -> Call | None:
    if node.type != "call_expression" or not node.named_children:
        return None
    function = node.named_children[0]
    held = next((child for child in node.named_children if child.type == "value_arguments"), None)
    given = [each.named_children[-1] for each in held.named_children if each.named_children] if held else []
    if function.type == "identifier":
        return Call(None, content(function), given, function)
    if function.type == "call_expression" and function.named_children[0].type == "identifier":
        # The block behind a call's arguments is one more argument.
        return _called(function)
    if function.type == "navigation_expression" and len(function.named_children) == 2:
        owner, name = function.named_children
        return Call(owner, content(name), given, name)
    return None


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    if node.type == "navigation_expression" and len(node.named_children) == 2:
        inner, name = node.named_children
        if inner.type in _DIALECT.numbers and content(name) in _SECONDS:
            counted = program.value(inner, depth + 1)
            value = getattr(counted, "value", None)
            if isinstance(value, (int, float)):
                return duration(counted.span, value * _SECONDS[content(name)])
    return jvm_source.special(program, node, depth, _called)


def _of_an_object(program: Program, node: Syntax) -> Node | None:
    """A constant of another file."""
    owner, _, name = content(node).rpartition(".")
    if node.type == "identifier" and name.isupper():
        return imported(program.span(node), "", name)
    if node.type == "navigation_expression" and owner[:1].isupper() and owner.isidentifier():
        own = program.constants.get(name)
        return program.value(own) if own else imported(program.span(node), owner, name)
    return None
