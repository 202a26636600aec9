"""C# sources, by tree-sitter: the limits that a program sets on Kestrel. See ``code`` for the shape of a document.

The root maps the limit's name (``KeepAliveTimeout``), since a program has one Kestrel. Durations have their unit.
``binds`` stands there where the program takes Kestrel's options from a section of its configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.formats import code
from kubelint5xx.formats.code import Program, content, lookup, string
from kubelint5xx.formats.literals import arithmetic, computed, duration, imported, number, through, variable

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

_GRAMMAR = code.Grammar(
    title="C#",
    package="tree_sitter_c_sharp",
    query="""
(variable_declaration) @variable
(assignment_expression) @assignment
(invocation_expression) @call
""",
    words=pattern(r"\bKeepAliveTimeout\b|\bRequestHeadersTimeout\b|\bShutdownTimeout\b|\bKestrelServerOptions\b"),
)
_DIALECT = code.Dialect(
    branches=(
        "if_statement", "conditional_expression", "switch_section", "switch_expression_arm", "for_statement",
        "foreach_statement", "while_statement", "do_statement", "catch_clause",
    ),
    numbers=("integer_literal", "real_literal"),
    strings=("string_literal", "verbatim_string_literal"),
    unary=("prefix_unary_expression",),
    suffixes="lLuUfFdDmM",
)  # fmt: skip
_LIMITS = ("KeepAliveTimeout", "RequestHeadersTimeout")
_OWN = pattern(r"(?:.*\.)?Limits", 16)
_BINDS = pattern(r"(?:.*\.)?Configure<KestrelServerOptions>", 16)
_SECONDS = {
    "FromMilliseconds": 1e-3, "FromSeconds": 1.0, "FromMinutes": 60.0, "FromHours": 3600.0, "FromDays": 86400.0,
}  # fmt: skip
_PARTS = {3: (3600.0, 60.0, 1.0), 4: (86400.0, 3600.0, 60.0, 1.0)}
_PARSERS = ("Parse", "ToInt32", "ToInt64", "ToDouble")


def read(source: Source) -> Reading:
    """The limits that the file sets."""
    return code.read(source, "csharp_source", _GRAMMAR, _DIALECT, _entries, _special, _of_a_class)


def modules(path: str, module: str) -> tuple[str, ...]:
    """The files of a class of that name."""
    return (f"{module}.cs", f"*/{module}.cs")


def constant(source: Source, name: str) -> Node | None:
    """The constant ``name`` of the classes in a file."""
    program = code.parsed(source, _GRAMMAR, _DIALECT, _special)
    if isinstance(program, Problem):
        return None
    _constants(program)
    held = program.constants.get(name)
    return program.value(held) if held else None


def _constants(program: Program) -> None:
    for node in program.every("variable"):
        outer = node.parent
        fixed = any(
            child.type == "modifier" and content(child) in ("const", "readonly")
            for child in (outer.children if outer else ())
        )
        for one in node.named_children:
            name = one.child_by_field_name("name") if one.type == "variable_declarator" else None
            if name is not None:
                value = one.named_children[-1] if one.named_children[-1] != name else None
                program.declare(content(name), value if fixed else None)


def _entries(program: Program) -> Iterator[Entry]:
    _constants(program)
    for node in program.every("assignment"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_access_expression":
            continue
        owner, name = left.child_by_field_name("expression"), left.child_by_field_name("name")
        if owner is None or name is None:
            continue
        limit = content(name) in _LIMITS and _OWN.fullmatch(content(owner))
        if limit or content(name) == "ShutdownTimeout":
            yield program.setting(content(name), name, node, right)
    for node in program.every("call"):
        function, given = node.child_by_field_name("function"), _given(node)
        if function and _BINDS.fullmatch(content(function)) and given and given[-1].type != "lambda_expression":
            yield program.fact("binds", function)


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    place = program.span(node)
    if node.type == "object_creation_expression":
        kind = node.child_by_field_name("type")
        parts = [program.value(each, depth + 1) for each in _given(node)]
        if kind is None or content(kind) != "TimeSpan" or len(parts) not in _PARTS:
            return computed(place)
        seconds = 0.0
        for part, factor in zip(parts, _PARTS[len(parts)], strict=True):
            if not isinstance(part, Scalar) or not isinstance(part.value, (int, float)):
                return part if not isinstance(part, (Scalar, Mapping)) else computed(place)
            seconds += part.value * factor
        return duration(place, seconds)
    if node.type != "invocation_expression":
        return None
    function, given = node.child_by_field_name("function"), _given(node)
    owner, _, name = content(function).rpartition(".") if function else ("", "", "")
    if owner == "TimeSpan" and name in _SECONDS and len(given) == 1:
        value = program.value(given[0], depth + 1)
        scaled = arithmetic(value.span, "*", value, duration(value.span, _SECONDS[name]))
        return through(scaled, value.via[0]) if isinstance(value, Scalar) and value.via else scaled
    if (
        owner.endswith("Environment")
        and name == "GetEnvironmentVariable"
        and given
        and given[0].type in _DIALECT.strings
    ):
        return variable(place, string(given[0]))
    if name in _PARSERS and len(given) == 1:
        value = program.value(given[0], depth + 1)
        if isinstance(value, Scalar) and isinstance(value.value, str) and owner != "TimeSpan":
            return number(value.span, value.value.strip(), value.via)
        return value
    return None


def _given(call: Syntax) -> list[Syntax]:
    held = call.child_by_field_name("arguments")
    return [each.named_children[-1] for each in held.named_children if each.named_children] if held else []


def _of_a_class(program: Program, node: Syntax) -> Node | None:
    """A constant of another class."""
    owner, _, name = content(node).rpartition(".")
    if node.type == "member_access_expression" and owner[:1].isupper() and owner.isidentifier():
        own = program.constants.get(name) if f"class {owner}" in program.source.text else None
        return program.value(own) if own else imported(program.span(node), owner, name)
    return None
