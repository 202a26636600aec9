"""What expressions of programs come to: numbers, durations, and what a variable of the environment gives.

A duration is the text of its seconds (``65 s``). What the environment gives is a mapping that is settled when the
environment is known: ``env`` is the variable's name, ``default`` what holds where it is not set, ``empty`` stands there
where that holds for an empty one too, and ``times`` is what its number is multiplied by. A name of another file is a
mapping too: ``module`` and ``name``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span

_DURATION = pattern(r"(-?\d+(?:\.\d+)?) s")
_MAX_SHOWN = 60
# Of a value that goes through very many names, only the nearest are told.
_MAX_VIA = 16

Lookup = Callable[[str], "Node | None"]
_Quantity = tuple[float, bool]


def number(place: Span, written: str, via: tuple[Span, ...] = ()) -> Scalar | Unresolved:
    """The number that is ``written`` with underscores, a base or an exponent, as programs write it."""
    plain = written.replace("_", "")
    try:
        found = whole(float(int(plain, 0))) if re.match(r"0[xXoObB]", plain) else whole(float(plain))
    except (ValueError, OverflowError):
        return Unresolved(place, f"not a number: {shortened(written)}", via)
    return Scalar(place, found, str(found), via=via)


def duration(place: Span, seconds: float, via: tuple[Span, ...] = ()) -> Scalar:
    written = f"{whole(round(seconds, 9)):.9f}".rstrip("0").rstrip(".") + " s"
    return Scalar(place, written, written, via=via)


def computed(place: Span) -> Unresolved:
    return Unresolved(place, f"computed when the server starts: {shortened(place.text[:400])}")


def variable(place: Span, name: str, default: Node | None = None, empty: bool = False) -> Mapping:
    """What the variable ``name`` holds when the program starts, else ``default``."""
    entries = [_entry(place, "env", Scalar(place, name, name))]
    if default is not None:
        entries.append(_entry(place, "default", default))
    if empty:
        entries.append(_entry(place, "empty", Scalar(place, True, "true")))
    return Mapping(place, tuple(entries))


def imported(place: Span, module: str, name: str) -> Mapping:
    """What ``name`` of another file, which ``module`` leads to, stands for."""
    return Mapping(
        place,
        (_entry(place, "module", Scalar(place, module, module)), _entry(place, "name", Scalar(place, name, name))),
    )


def otherwise(place: Span, first: Node, second: Node, empty: bool = False) -> Node:
    """What ``first`` holds, where it holds something, else ``second``."""
    if isinstance(first, Mapping) and (name := text(first.get("env"))) and first.get("default") is None:
        read = variable(place, name, second, empty)
        return replaced(read, times) if (times := first.get("times")) else read
    if isinstance(first, Scalar):
        return first if first.value else second if first.value is None else computed(place)
    return first if isinstance(first, Unresolved) else computed(place)


def through(node: Node, place: Span) -> Node:
    """``node`` as it comes by the name that stands at ``place``."""
    match node:
        case Scalar():
            return Scalar(node.span, node.value, node.raw, node.quoted, (place, *node.via)[:_MAX_VIA])
        case Unresolved():
            return Unresolved(node.span, node.reason, (place, *node.via)[:_MAX_VIA])
    return node


def arithmetic(place: Span, operator: str, left: Node, right: Node) -> Node:
    """``left`` and ``right`` under one of ``+ - * /``."""
    for side in (left, right):
        if isinstance(side, Unresolved):
            return Unresolved(place, side.reason, side.via)
    if operator == "*":
        for held, factor in ((left, right), (right, left)):
            if isinstance(held, Mapping) and isinstance(factor, Scalar):
                return _scaled(place, held, factor)
    a, b = _quantity(left), _quantity(right)
    if a is None or b is None:
        return computed(place)
    found = _calculated(operator, a, b)
    if found is None or abs(found[0]) >= 1e15:
        return computed(place)
    result = whole(found[0])
    return duration(place, found[0]) if found[1] else Scalar(place, result, str(result))


def settle(node: Node, env: Lookup, named: Callable[[str, Mapping], Node]) -> Node:
    """``node`` with what ``env`` knows of variables, and what ``named`` gives for names of other files."""
    if not isinstance(node, Mapping):
        return node
    variable_name, times, default = text(node.get("env")), node.get("times"), node.get("default")
    if variable_name is None:
        found = settle(through(named(node.span.path, node), node.span), env, named)
        return arithmetic(node.span, "*", found, times) if times else found
    default = settle(default, env, named) if default else None
    given = env(variable_name)
    if given is None or (node.get("empty") and text(given) == ""):
        if default is not None:
            return default
        return Unresolved(node.span, f"the environment variable {variable_name} is not set")
    if isinstance(given, Unresolved):
        unset = f"; {default.raw or default.value} where unset" if isinstance(default, Scalar) else ""
        why = f"read from the environment variable {variable_name} ({given.reason}){unset}"
        return Unresolved(node.span, why, given.via)
    found = through(given, node.span)
    if times is None or not isinstance(found, Scalar):
        return found
    factor = number(found.span, (text(found) or "").strip(), found.via)
    if isinstance(factor, Unresolved):
        return factor
    result = arithmetic(found.span, "*", factor, times)
    return Scalar(result.span, result.value, result.raw, via=found.via) if isinstance(result, Scalar) else result


def shortened(written: str) -> str:
    plain = " ".join(written.split())
    return plain if len(plain) <= _MAX_SHOWN else plain[:_MAX_SHOWN].rstrip() + "…"


def whole(found: float) -> int | float:
    return int(found) if abs(found) < 1e15 and found == int(found) else found


def replaced(read: Mapping, times: Node) -> Mapping:
    """``read`` with its number multiplied by ``times``."""
    kept = tuple(entry for entry in read.entries if entry.key.value != "times")
    return Mapping(read.span, (*kept, _entry(read.span, "times", times)))


def _scaled(place: Span, held: Mapping, factor: Scalar) -> Mapping:
    before = held.get("times")
    times = arithmetic(place, "*", before, factor) if before else factor
    entries = [entry for entry in held.entries if entry.key.value != "default"]
    if default := held.get("default"):
        entries.append(_entry(place, "default", arithmetic(default.span, "*", _parsed(default), factor)))
    return replaced(Mapping(place, tuple(entries)), times)


def _parsed(node: Node) -> Node:
    """What ``Number("65")`` is, since only such numbers are multiplied."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and not _DURATION.fullmatch(node.value):
        return number(node.span, node.value.strip(), node.via)
    return node


def _quantity(node: Node) -> _Quantity | None:
    if not isinstance(node, Scalar) or isinstance(node.value, bool) or node.value is None:
        return None
    if isinstance(node.value, (int, float)):
        return float(node.value), False
    return (float(found[1]), True) if (found := _DURATION.fullmatch(node.value)) else None


def _calculated(operator: str, a: _Quantity, b: _Quantity) -> _Quantity | None:
    (x, timed), (y, other) = a, b
    try:
        if operator in ("+", "-") and timed == other:
            return (x + y if operator == "+" else x - y), timed
        if operator == "*" and not (timed and other):
            return x * y, timed or other
        if operator == "/" and (timed or not other):
            return x / y, timed and not other
    except ArithmeticError:
        pass
    return None


def _entry(place: Span, key: str, value: Node) -> Entry:
    return Entry(Scalar(place, key, key), value)
