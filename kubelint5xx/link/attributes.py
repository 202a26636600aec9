"""A resource's attributes and blocks as values of the vocabulary, with their origins."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Data, Default, Value, Written
from kubelint5xx.hops.convert import convert
from kubelint5xx.hops.table import Row
from kubelint5xx.model.knobs import DURATION, NUMBER


def is_set(node: Node | None) -> bool:
    """Whether something is written: null counts as nothing."""
    return node is not None and not (isinstance(node, Scalar) and node.value is None)


def why_unknown(node: Node) -> str:
    """Why a node has no value; empty where it has one."""
    if isinstance(node, Unresolved):
        return node.reason
    if isinstance(node, Reference):
        return f"it is set from {'.'.join((node.address, *node.attribute))}, which is not known from the files"
    return ""


def value_of(node: Node, setting: str, kind: str) -> Value:
    """The value that ``node`` gives to ``setting``, of the vocabulary's type ``kind``; durations are in seconds."""
    found = convert(Row(setting, kind), node, setting)
    if found is not None and kind == NUMBER and isinstance(found.data, float) and found.data.is_integer():
        # A count has no unit.
        found = replace(found, data=int(found.data))
    return found or Value.unknown(f"{setting} is empty", node.span)


def length_of(node: Node, setting: str) -> Value:
    """A duration that is written with its units, as programs in Go take them."""
    found = convert(Row(setting, DURATION, unit="text"), node, setting)
    return found or Value.unknown(f"{setting} is empty", node.span)


def attribute(body: Mapping, key: str, kind: str, default: Value) -> Value:
    """The value of an attribute, or ``default`` where it is not set; where it could be and is not seen, in doubt."""
    node = body.get(key)
    if node is not None and is_set(node):
        return value_of(node, key, kind)
    if (hidden := why_hidden(body, key)) and isinstance(default.origin, Default):
        origin = default.origin
        doubt = Default(origin.product, origin.setting, origin.cite, origin.place, (*origin.unseen, hidden))
        return Value(default.data, doubt)
    return default


def blocks(body: Node | None, *path: str) -> Iterator[Mapping]:
    """The blocks at a path of block types, as configurations (the type repeats) or plans (lists) write them."""
    if not path:
        if isinstance(body, Mapping):
            yield body
        elif isinstance(body, Sequence):
            for item in body.items:
                yield from blocks(item)
        return
    for outer in blocks(body):
        for found in outer.every(path[0]):
            yield from blocks(found, *path[1:])


_DYNAMIC = 'the dynamic block "'


def hidden_blocks(body: Mapping) -> dict[str, str]:
    """The names of the blocks of which there may be more than are seen, with the reasons; under the empty name why
    there may be more of anything."""
    if not body.open:
        return {}
    first, *others = body.open.split(f"; {_DYNAMIC}")
    reasons = [first, *(_DYNAMIC + other for other in others)]
    return {reason.split('"')[1] if reason.startswith(_DYNAMIC) else "": reason for reason in reasons}


def why_hidden(body: Mapping, key: str) -> str:
    """Why there may be an attribute or more blocks of this name than are seen; empty where all are.

    A dynamic block that is not known hides blocks of its own name only.
    """
    for node in body.every(key):
        if isinstance(node, Unresolved):
            return node.reason
    hidden = hidden_blocks(body)
    return hidden.get("") or hidden.get(key, "")


def text_at(body: Node | None, key: str) -> str | None:
    """The text of an attribute where it is known."""
    return text(body.get(key)) if isinstance(body, Mapping) else None


def truth(node: Node | None) -> bool | None:
    """Yes or no, where a scalar says so."""
    if not isinstance(node, Scalar):
        return None
    if isinstance(node.value, bool):
        return node.value
    return {"true": True, "false": False}.get((text(node) or "").lower())


def whole(node: Node | None) -> int | None:
    """The whole number that a scalar holds, also as text."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    try:
        return int(float(text(node) or ""))
    except (ValueError, OverflowError):
        return None


def written(data: Data, place: Span, setting: str = "") -> Value:
    """A value that follows from what stands at ``place``."""
    inside = place.source.inside
    if inside is not None and inside.product:
        return Value(data, Default(inside.product, setting, inside.cite, place))
    return Value(data, Written(place, setting))
