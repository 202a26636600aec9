"""Terraform's type constraints: what a variable's ``type`` makes of the value that it is given.

Semantics: https://developer.hashicorp.com/terraform/language/expressions/type-constraints
"""

from __future__ import annotations

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.record import replace
from kubelint5xx.eval.operand import Failure, boolean, is_null, made, number, string
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl import constant
from kubelint5xx.formats.hcl_expression import Expression


def converted(node: Node, constraint: Expression) -> Node:
    """The value as the constraint makes it, with the defaults of ``optional()`` attributes filled in."""
    try:
        return _converted(node, constraint)
    except Failure as failure:
        return Unresolved(node.span, failure.reason)


def _converted(node: Node, constraint: Expression) -> Node:
    if is_null(node):
        return node
    match constraint:
        case ast.Name(_, name) if isinstance(node, Scalar):
            if name == "string":
                return made(node.span, string(node), node)
            if name == "number":
                return replace(node, value=number(node), quoted=False)
            if name == "bool":
                return replace(node, value=boolean(node), quoted=False)
        case ast.Call(_, "list" | "set" | "map", (inner,)):
            if isinstance(node, Sequence):
                return replace(node, items=tuple(_converted(item, inner) for item in node.items))
            if isinstance(node, Mapping):
                return replace(node, entries=tuple(Entry(e.key, _converted(e.value, inner)) for e in node.entries))
        case ast.Call(_, "object", (ast.ObjectOf(_, pairs),)) if isinstance(node, Mapping):
            return _object(node, pairs)
        case ast.Call(_, "tuple", (ast.TupleOf(_, types),)) if isinstance(node, Sequence):
            pairs_of = zip(node.items, types, strict=False)
            return replace(node, items=tuple(_converted(item, inner) for item, inner in pairs_of))
        case ast.Call(_, "optional", (inner, *_)):
            return _converted(node, inner)
    return node


def _object(node: Mapping, pairs: tuple[tuple[Expression, Expression], ...]) -> Mapping:
    types = {str(key.value): (key, value) for key, value in pairs if isinstance(key, ast.Literal)}
    entries: list[Entry] = []
    for entry in node.entries:
        _, constraint = types.pop(str(entry.key.value), (None, None))
        if constraint is None:
            continue
        default = _default(constraint)
        value = default if default is not None and is_null(entry.value) else entry.value
        entries.append(Entry(entry.key, _converted(value, constraint)))
    for name, (key, constraint) in types.items():
        if node.open:
            break
        if isinstance(constraint, ast.Call) and constraint.name == "optional":
            # Without a default the attribute is there, and null.
            filled = _default(constraint) or Scalar(constraint.span, None, "null")
            entries.append(Entry(Scalar(key.span, name, name), _converted(filled, constraint)))
    return replace(node, entries=tuple(entries))


def _default(constraint: Expression) -> Node | None:
    match constraint:
        case ast.Call(_, "optional", (_, default)):
            return constant(default)
    return None
