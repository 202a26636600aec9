"""Nodes as operands of Terraform's operators and functions, with Terraform's conversions between them.

Two exceptions travel inside an evaluation and never leave it: ``Unknown`` where the files do not determine the
result, ``Failure`` where Terraform itself would refuse the expression (``try`` and ``can`` catch only the latter).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Entry, Mapping, Node, Reference, Scalar, Sequence, Unresolved
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span

MAX_DEPTH = 100
MAX_NODES = 20_000
MAX_TEXT = 100_000


class Unknown(Exception):
    """The operand's value is not in the files."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Failure(Exception):
    """Terraform would refuse this expression."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(reason)
        self.span, self.reason = span, reason


class Exhausted(Exception):
    """The evaluation took more steps than an honest configuration needs."""


@record(frozen=False)
class Budget:
    """The steps that are left for one root module, and how deep the evaluation stands."""

    steps: int = 150_000
    depth: int = 0

    def spend(self, steps: int = 1) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise Exhausted


def why_unknown(node: Node) -> str:
    """Why a node has no value, or the empty string where it has one."""
    if isinstance(node, Unresolved):
        return node.reason
    if isinstance(node, Reference):
        return f"it depends on {'.'.join((node.address, *node.attribute))}, which is known only after apply"
    return ""


def known(node: Node) -> Scalar | Sequence | Mapping:
    if isinstance(node, (Unresolved, Reference)):
        raise Unknown(why_unknown(node))
    return node


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def scalar(node: Node, kind: str) -> Scalar:
    node = known(node)
    if not isinstance(node, Scalar) or node.value is None:
        raise Failure(node.span, f"a {kind} is needed here")
    return node


def written(value: str | int | float | bool) -> str:
    """A value as Terraform turns it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value if isinstance(value, str) else str(value)


def string(node: Node) -> str:
    value = scalar(node, "string").value
    assert value is not None
    return written(value)


def number(node: Node) -> int | float:
    value = scalar(node, "number").value
    if isinstance(value, str):
        return parsed_number(value, node.span)
    if isinstance(value, bool) or value is None:
        raise Failure(node.span, "a number is needed here")
    return value


def parsed_number(text: str, span: Span) -> int | float:
    try:
        value = float(text) if len(text) < 100 and text.isascii() and "_" not in text else math.nan
        if not math.isfinite(value):
            raise ValueError
        return int(text) if text.lstrip("-").isdigit() else int(value) if value.is_integer() else value
    except ValueError:
        raise Failure(span, "a number is needed here") from None


def whole(node: Node) -> int:
    value = number(node)
    if value != int(value):
        raise Failure(node.span, "a whole number is needed here")
    return int(value)


def boolean(node: Node) -> bool:
    value = scalar(node, "boolean").value
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Failure(node.span, "true or false is needed here")


def sequence(node: Node) -> tuple[Node, ...]:
    node = known(node)
    if not isinstance(node, Sequence):
        raise Failure(node.span, "a list is needed here")
    return node.items


def mapping(node: Node) -> Mapping:
    node = known(node)
    if not isinstance(node, Mapping):
        raise Failure(node.span, "a map is needed here")
    return node


def ordered(node: Mapping) -> list[Entry]:
    """The entries in Terraform's order, by key. Raises Unknown where more may exist."""
    if node.open:
        raise Unknown(node.open)
    return sorted(node.entries, key=lambda entry: str(entry.key.value))


def made(span: Span, value: str | int | float | bool | None, like: Node | None = None) -> Scalar:
    """A computed value at ``span``. ``like``, where given, is the written value that it only converts."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Unknown("the text is too long to be evaluated")
    if isinstance(value, (int, float)) and not abs(value) < 1e300:
        raise Unknown("the number is too large to be evaluated")
    raw = "null" if value is None else written(value)
    if isinstance(like, Scalar):
        return Scalar(like.span, value, raw, isinstance(value, str), like.via)
    return Scalar(span, value, raw, isinstance(value, str))


def object_of(span: Span, entries: Iterable[tuple[Scalar, Node]], open: str = "") -> Mapping:
    """A mapping in which the last of equal keys won."""
    unique = {key.value: Entry(key, value) for key, value in entries}
    return Mapping(span, tuple(unique.values()), open)


def equal(left: Node, right: Node, depth: int = 0) -> bool | None:
    """Whether two values are equal; None where that is not known. The same reference is equal to itself."""
    if isinstance(left, Reference) and isinstance(right, Reference):
        return True if (left.address, left.attribute) == (right.address, right.attribute) else None
    if isinstance(left, (Unresolved, Reference)) or isinstance(right, (Unresolved, Reference)) or depth > MAX_DEPTH:
        # A text of which a part is known is something.
        return False if _something(left, right) or _something(right, left) else None
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        numbers = all(type(node.value) in (int, float) for node in (left, right))
        return left.value == right.value and (numbers or type(left.value) is type(right.value))
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        if len(left.items) != len(right.items):
            return False
        return _all(equal(a, b, depth + 1) for a, b in zip(left.items, right.items, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if left.open or right.open:
            return None
        if set(left.keys()) != set(right.keys()):
            return False
        others = {entry.key.value: entry.value for entry in right.entries}
        return _all(equal(entry.value, others[entry.key.value], depth + 1) for entry in left.entries)
    return False


def _something(text: Node, nothing: Node) -> bool:
    if not isinstance(text, Unresolved) or not isinstance(nothing, Scalar):
        return False
    sure = text.text.strip(ATTRIBUTE + UNKNOWN)
    return bool(text.text) if nothing.value is None else bool(sure) and nothing.value == ""


def _all(answers: Iterable[bool | None]) -> bool | None:
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def identity(node: Node, depth: int = 0) -> object:
    """A hashable key that equal nodes share. Raises Unknown for a node without a value."""
    if depth > MAX_DEPTH:
        raise Unknown("the value is nested too deeply to be evaluated")
    if isinstance(node, Reference):
        return (node.address, node.attribute)
    node = known(node)
    if isinstance(node, Scalar):
        return (isinstance(node.value, bool), isinstance(node.value, str), node.value)
    if isinstance(node, Sequence):
        return tuple(identity(item, depth + 1) for item in node.items)
    return frozenset((entry.key.value, identity(entry.value, depth + 1)) for entry in ordered(node))


def plain(node: Node, depth: int = 0) -> object:
    """The Python value of a wholly known node. Raises Unknown."""
    if depth > MAX_DEPTH:
        raise Unknown("the value is nested too deeply to be evaluated")
    node = known(node)
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item, depth + 1) for item in node.items]
    return {str(entry.key.value): plain(entry.value, depth + 1) for entry in ordered(node)}


def size(node: Node) -> int:
    """How many nodes lie in ``node``, shared ones counted each time, up to a bound.

    ``MAX_NODES`` or more means too many or too deep for whoever walks the value.
    """
    count, stack = 0, [(node, 0)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH or count + len(stack) > MAX_NODES:
            return MAX_NODES
        if isinstance(node, Sequence):
            stack.extend((item, depth + 1) for item in node.items)
        elif isinstance(node, Mapping):
            stack.extend((entry.value, depth + 1) for entry in node.entries)
    return count


def one_of_all(node: Node) -> Node:
    """``x[*]`` of an object whose number of instances is not known, reduced to one of them; else the node itself."""
    if isinstance(node, Reference) and node.attribute[:1] == ("[*]",):
        return Reference(node.span, node.address, node.attribute[1:], node.via)
    return node


# A function of the language: the call's span, its arguments, and the budget of the evaluation.
Function = Callable[[Span, list[Node], Budget], Node]
