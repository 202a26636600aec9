"""Numbers that only make sense in another unit: 65 where milliseconds count, 75000 where seconds do, or ``60s`` where
only a bare number is taken.

What a product means by zero or a negative number is its own affair, and a number with its unit behind it says itself
what it means.
"""

from __future__ import annotations

from kubelint5xx.core.node import Node, Scalar, Sequence, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.value import Default, Derived, Subject, Value, Written
from kubelint5xx.hops.convert import seconds
from kubelint5xx.hops.table import Row
from kubelint5xx.model.topology import Setting

WHERE = "implausible"
SHORT, LONG, UNIT = "short", "long", "unit"

_BARE = pattern(r"\d+(\.\d*)?|\.\d+")
_SHOWN = 40


def implausible(row: Row, node: Node, key: str, hop: str) -> Setting | None:
    """The setting ``key`` of ``hop`` that ``node`` is, where it cannot be meant as it is taken; else None."""
    while isinstance(node, Sequence) and node.items:
        node = node.items[0]
    if row.plausible is None or not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    written = (text(node) or "").strip()
    if written.lower() in row.words:
        return None
    # Durations that a program computes come with their unit, however bare they stand there.
    shown = node.span.first_line().text.strip().strip("\"'")
    bare = _BARE.fullmatch(written) is not None or _BARE.fullmatch(shown) is not None
    strict = row.unit in ("s", "ms")
    if not bare and not strict:
        return None
    length = seconds(written, row.bare)
    if length is None or length <= 0:
        return None
    name = key.removesuffix("=").rpartition("/")[2]
    if not bare:
        return _setting(row, node, name, hop, written, UNIT, None, length)
    low, high = row.plausible
    if low <= length <= high:
        return None
    fault = SHORT if length < low else LONG
    digits = float(written if _BARE.fullmatch(written) else shown)
    return _setting(row, node, name, hop, written, fault, length, digits if fault == SHORT else length / 1000)


def why(setting: Setting) -> str:
    """Why such a setting has no value; empty where it does not even read as one."""
    if not setting.subject.read("taken").known:
        return ""
    key, written = setting.subject.read("key").data, setting.subject.read("text").data
    return f"{key} is {written}, which only makes sense in another unit than {setting.subject.read('unit').data}"


def _setting(
    row: Row, node: Scalar, name: str, hop: str, written: str, fault: str, taken: float | None, meant: float
) -> Setting:
    place = node.span
    shown = written if len(written) <= _SHOWN else written[: _SHOWN - 1] + "…"
    unit = {"ms": "milliseconds", "s": "seconds"}[row.bare] if taken is None or taken > 1e-6 else "nanoseconds"
    origin = Written(place, name, row.unit if row.unit in ("s", "ms") else "", node.via)
    nature, missing = Default(hop, "", "", place), "only a bare number is taken"
    values = {
        "key": Value(name, Written(place)),
        "text": Value(shown, Written(place)),
        "where": Value(WHERE, nature),
        "fault": Value(fault, nature),
        "unit": Value(unit, nature),
        "taken": Value(taken, origin, "" if taken is not None else missing),
        "meant": Value(meant, Derived("the same number in the other unit", (Value(shown, Written(place)),))),
    }
    return Setting(Subject("setting", f"the setting {name} of {hop}", place, values))

