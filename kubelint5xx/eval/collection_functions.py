"""Terraform's functions over lists, sets and maps. See ``functions`` for what a function is."""

from __future__ import annotations

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Span
from kubelint5xx.eval.operand import (
    Budget,
    Failure,
    Function,
    Unknown,
    boolean,
    equal,
    identity,
    is_null,
    known,
    made,
    mapping,
    number,
    object_of,
    one_of_all,
    ordered,
    sequence,
    string,
    whole,
    why_unknown,
)


def _lookup(span: Span, arguments: list[Node], budget: Budget) -> Node:
    table, key = mapping(arguments[0]), string(arguments[1])
    found = table.get(key)
    if found is not None:
        return found
    if table.open:
        raise Unknown(table.open)
    if len(arguments) < 3:
        raise Failure(span, f"there is no {key} in this map")
    return arguments[2]


def _merge(span: Span, arguments: list[Node], budget: Budget) -> Node:
    entries: dict[object, Entry] = {}
    unknown = ""
    for argument in arguments:
        reason = why_unknown(argument)
        table = None if reason or is_null(argument) else mapping(argument)
        if table is not None:
            reason = table.open
        if reason:
            # It may override whatever came before it.
            unknown = reason
            entries = {key: Entry(entry.key, Unresolved(span, reason)) for key, entry in entries.items()}
        if table is not None:
            budget.spend(len(table.entries) + len(entries) * bool(reason))
            entries.update((entry.key.value, entry) for entry in table.entries)
    return Mapping(span, tuple(entries.values()), unknown)


def _concat(span: Span, arguments: list[Node], budget: Budget) -> Node:
    items = [item for argument in arguments for item in sequence(argument)]
    budget.spend(len(items))
    return Sequence(span, tuple(items))


def _flatten(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    out: list[Node] = []
    stack = list(reversed(sequence(argument)))
    while stack:
        budget.spend()
        item = stack.pop()
        if isinstance(item, Sequence):
            stack.extend(reversed(item.items))
        elif isinstance(item, Unresolved):
            # It may be a list of any length.
            raise Unknown(item.reason)
        else:
            out.append(item)
    return Sequence(span, tuple(out))


def _distinct(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    items = sequence(argument)
    budget.spend(len(items))
    unique: dict[object, Node] = {}
    for item in items:
        unique.setdefault(identity(item), item)
    return Sequence(span, tuple(unique.values()))


def _toset(span: Span, arguments: list[Node], budget: Budget) -> Node:
    if len(arguments) == 1 and is_null(arguments[0]):
        return arguments[0]
    items = sequence(_distinct(span, arguments, budget))
    if all(isinstance(item, Scalar) and isinstance(item.value, str) for item in items):
        items = tuple(sorted(items, key=string))
    return Sequence(span, items)


def _setunion(span: Span, arguments: list[Node], budget: Budget) -> Node:
    return _toset(span, [_concat(span, arguments, budget)], budget)


def _tolist(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return argument if is_null(argument) else Sequence(span, sequence(argument))


def _tomap(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return argument if is_null(argument) else mapping(argument)


def _compact(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    items = sequence(argument)
    budget.spend(len(items))
    for item in items:
        if isinstance(item, Unresolved):
            raise Unknown(item.reason)
    return Sequence(span, tuple(item for item in items if not (isinstance(item, Scalar) and item.value in (None, ""))))


def _keys(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return Sequence(span, tuple(entry.key for entry in ordered(mapping(argument))))


def _values(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return Sequence(span, tuple(entry.value for entry in ordered(mapping(argument))))


def _zipmap(span: Span, arguments: list[Node], budget: Budget) -> Node:
    keys, values = (sequence(argument) for argument in arguments)
    if len(keys) != len(values):
        raise Failure(span, "zipmap() needs lists of one length")
    return object_of(span, ((made(k.span, string(k), k), v) for k, v in zip(keys, values, strict=True)))


def _element(span: Span, arguments: list[Node], budget: Budget) -> Node:
    found = one_of_all(arguments[0])
    if found is not arguments[0]:
        return found
    items = sequence(found)
    if not items:
        raise Failure(span, "element() of an empty list")
    return items[whole(arguments[1]) % len(items)]


def _one(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    found = one_of_all(argument)
    if found is not argument:
        return found
    items = sequence(argument)
    if len(items) > 1:
        raise Failure(span, "one() of a list with several items")
    return items[0] if items else made(span, None)


def _slice(span: Span, arguments: list[Node], budget: Budget) -> Node:
    items, start, end = sequence(arguments[0]), whole(arguments[1]), whole(arguments[2])
    if not 0 <= start <= end <= len(items):
        raise Failure(span, "slice() beyond the list")
    return Sequence(span, items[start:end])


def _reverse(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return Sequence(span, sequence(argument)[::-1])


def _sort(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return Sequence(span, tuple(sorted(sequence(argument), key=string)))


def _range(span: Span, arguments: list[Node], budget: Budget) -> Node:
    numbers = [whole(argument) for argument in arguments]
    if len(numbers) == 3 and numbers[2] == 0:
        raise Failure(span, "range() with a step of 0")
    if len(numbers) == 2 and numbers[1] < numbers[0]:
        numbers.append(-1)
    found = range(*numbers)
    # Terraform's own limit.
    if len(found) > 1024:
        raise Failure(span, "range() gives more than 1024 values")
    return Sequence(span, tuple(made(span, value) for value in found))


def _length(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    found = known(argument)
    if isinstance(found, Mapping):
        return made(span, len(ordered(found)))
    return made(span, len(found.items) if isinstance(found, Sequence) else len(string(found)))


def _contains(span: Span, arguments: list[Node], budget: Budget) -> Node:
    items, wanted = sequence(arguments[0]), known(arguments[1])
    budget.spend(len(items))
    answers = [equal(item, wanted) for item in items]
    if True not in answers and None in answers:
        raise Unknown("a part of the list is not known")
    return made(span, True in answers)


def _coalescelist(span: Span, arguments: list[Node], budget: Budget) -> Node:
    for argument in arguments:
        if not is_null(argument) and sequence(argument):
            return argument
    raise Failure(span, "coalescelist() has no argument with items")


def _all_true(span: Span, arguments: list[Node], budget: Budget) -> Node:
    return made(span, all(boolean(item) for item in sequence(arguments[0])))


def _any_true(span: Span, arguments: list[Node], budget: Budget) -> Node:
    return made(span, any(boolean(item) for item in sequence(arguments[0])))


def _sum(span: Span, arguments: list[Node], budget: Budget) -> Node:
    return made(span, sum(number(item) for item in sequence(arguments[0])))


COLLECTION: dict[str, Function] = {
    "alltrue": _all_true,
    "anytrue": _any_true,
    "coalescelist": _coalescelist,
    "compact": _compact,
    "concat": _concat,
    "contains": _contains,
    "distinct": _distinct,
    "element": _element,
    "flatten": _flatten,
    "keys": _keys,
    "length": _length,
    "lookup": _lookup,
    "merge": _merge,
    "one": _one,
    "range": _range,
    "reverse": _reverse,
    "setunion": _setunion,
    "slice": _slice,
    "sort": _sort,
    "sum": _sum,
    "tolist": _tolist,
    "tomap": _tomap,
    "toset": _toset,
    "values": _values,
    "zipmap": _zipmap,
}
