"""Java sources, by tree-sitter: how they set up an embedded server. See ``jvm_source`` for what is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Node
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.formats import code, jvm_source
from kubelint5xx.formats.code import Program, above, arguments, content, lookup
from kubelint5xx.formats.jvm_source import CUSTOMIZED, WORDS, Call, Servers, setting_of, simple
from kubelint5xx.formats.literals import imported

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

_GRAMMAR = code.Grammar(
    title="Java",
    package="tree_sitter_java",
    query="""
(local_variable_declaration) @variable
(field_declaration) @variable
(formal_parameter) @parameter
(method_invocation) @call
(object_creation_expression) @new
""",
    words=WORDS,
)
_DIALECT = code.Dialect(
    branches=(
        "if_statement", "ternary_expression", "switch_block_statement_group", "switch_rule", "for_statement",
        "enhanced_for_statement", "while_statement", "do_statement", "catch_clause",
    ),
    numbers=(
        "decimal_integer_literal", "hex_integer_literal", "binary_integer_literal", "octal_integer_literal",
        "decimal_floating_point_literal",
    ),
    strings=("string_literal",),
    suffixes="lLfFdD",
)  # fmt: skip
_WRAPPERS = ("parenthesized_expression", "cast_expression")


def read(source: Source) -> Reading:
    """The servers that the file sets up."""
    return code.read(source, "java_source", _GRAMMAR, _DIALECT, _entries, _special, _of_a_class)


def modules(path: str, module: str) -> tuple[str, ...]:
    """The files of a class of that name."""
    return (f"{module}.java", f"*/{module}.java")


def constant(source: Source, name: str) -> Node | None:
    """The constant ``name`` of the classes in a file."""
    program = code.parsed(source, _GRAMMAR, _DIALECT, _special)
    if isinstance(program, Problem):
        return None
    _types(program)
    held = program.constants.get(name)
    return program.value(held) if held else None


def _types(program: Program) -> dict[str, str]:
    """The types of variables; "" for a name that has several. Takes the constants on the way."""
    types: dict[str, str] = {}
    for node in program.every("variable", "parameter"):
        kind = node.child_by_field_name("type")
        written = simple(content(kind)) if kind else ""
        constant = any(child.type == "modifiers" and "final" in content(child) for child in node.children)
        for one in node.children_by_field_name("declarator") or [node]:
            name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
            if name is None:
                continue
            its = written
            if written == "var" and value is not None:
                its, _ = _object(value, {})
            types[content(name)] = its if types.get(content(name), its) == its else ""
            program.declare(content(name), value if constant else None)
    return types


def _entries(program: Program) -> Iterator[Entry]:
    types = _types(program)
    servers = Servers(program)
    for node in program.every("new"):
        kind, key = _object(node, types)
        servers.make(kind, key, node)
    for node in program.every("call"):
        call = _called(node)
        if call is None or call.object is None or not (found := setting_of(program, call)):
            continue
        kind, key = _object(call.object, types)
        servers.set(kind, key, found[0], call.place, found[1])
    return servers.entries()


def _object(node: Syntax, types: dict[str, str]) -> tuple[str, str]:
    """The class of an expression's object, "" where it is not known, and what tells it from others."""
    for _ in range(code.MAX_STEPS):
        if node.type == "cast_expression" and (kind := node.child_by_field_name("type")):
            return simple(content(kind)), content(node)
        if node.type == "object_creation_expression" and (kind := node.child_by_field_name("type")):
            return simple(content(kind)), _name_of(node)
        if node.type == "identifier":
            return types.get(content(node)) or _customized(node), content(node)
        if node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[0]
            continue
        inner = node.child_by_field_name("object") if node.type == "method_invocation" else None
        if inner is None:
            break
        if inner.type == "identifier" and content(inner)[:1].isupper():
            return content(inner), _name_of(node)
        node = inner
    return "", ""


def _name_of(node: Syntax) -> str:
    """The variable that an object is put into, through the calls of its builder; else its own place."""
    outer = node.parent
    inner = node
    for _ in range(code.MAX_STEPS):
        chained = outer is not None and outer.type == "method_invocation"
        if outer is None or not (outer.type in _WRAPPERS or (chained and outer.child_by_field_name("object") == inner)):
            break
        inner, outer = outer, outer.parent
    if outer is not None and outer.type == "variable_declarator" and (name := outer.child_by_field_name("name")):
        return content(name)
    if outer is not None and outer.type == "assignment_expression" and (left := outer.child_by_field_name("left")):
        return content(left)
    return f"@{node.start_byte}"


def _customized(name: Syntax) -> str:
    function = above(name, "lambda_expression")
    while function is not None:
        parameters = function.child_by_field_name("parameters")
        if parameters and content(name) in content(parameters).strip("()").replace(",", " ").split():
            call = above(function, "method_invocation")
            method = call.child_by_field_name("name") if call else None
            return CUSTOMIZED.get(content(method), "") if method else ""
        function = above(function, "lambda_expression")
    return ""


def _called(node: Syntax) -> Call | None:
    name = node.child_by_field_name("name") if node.type == "method_invocation" else None
    return Call(node.child_by_field_name("object"), content(name), arguments(node), name) if name else None


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    if node.type == "cast_expression" and (value := node.child_by_field_name("value")):
        return program.value(value, depth + 1)
    return jvm_source.special(program, node, depth, _called)


def _of_a_class(program: Program, node: Syntax) -> Node | None:
    """A constant of another class."""
    if node.type != "field_access":
        return None
    owner, _, name = content(node).rpartition(".")
    if owner[:1].isupper() and owner.isidentifier():
        own = program.constants.get(name) if f"class {owner}" in program.source.text else None
        return program.value(own) if own else imported(program.span(node), owner, name)
    return None
