"""From what is written to the vocabulary's data: durations in seconds, yes and no, numbers, versions."""

from __future__ import annotations

import math

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.value import Data, Default, Value, Version, Written
from kubelint5xx.hops.table import ALL_OTHERS, Row
from kubelint5xx.model.knobs import BOOL, DURATION, NUMBER, VERSION

DISABLED, FALLBACK, UNLIMITED = "disabled", "fallback", "unlimited"

_SCALE = {"s": 1.0, "ms": 0.001}
_NUMBER = pattern(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_PART = pattern(r"(\d+(?:\.\d+)?)\s*([a-zµμ]+)\s*")
_CLOCK = pattern(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_UNITS = {
    **dict.fromkeys(("ns", "nanos", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "micros", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "millis", "milli", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
    **dict.fromkeys(("y", "year", "years"), 31536000.0),
}
_BOOLS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
_NOUNS = {DURATION: "duration", BOOL: "yes or no", NUMBER: "number", VERSION: "version"}


def convert(row: Row, node: Node, key: str) -> Value | None:
    """The value that ``node`` gives to ``row``; None where the product takes it as if nothing were set.

    What is not known or does not convert is an unknown value with its reason.
    """
    if isinstance(node, Sequence) and node.items:
        # Directives may take further parameters behind the value.
        return convert(row, node.items[0], key)
    origin: Written | Default
    inside = node.span.source.inside
    if inside is not None and inside.product:
        origin = Default(inside.product, key, inside.cite, node.span)
    else:
        origin = Written(node.span, key, _unit(row), () if isinstance(node, (Sequence, Mapping)) else node.via)
    if isinstance(node, Unresolved):
        return Value(None, origin, node.reason)
    if isinstance(node, Reference):
        return Value(None, origin, f"it is set from {node.address}, which is not known from the files")
    if not isinstance(node, Scalar):
        return Value(None, origin, f"{key} holds more than one value")
    written = (text(node) or "").strip()
    data = _data(row, node, written)
    if data is None:
        noun = f"number of {'seconds' if row.unit == 's' else 'milliseconds'}" if _strict(row) else _NOUNS[row.type]
        return Value(None, origin, f"{_shortened(written)} is not a {noun}")
    return None if data == FALLBACK else Value(data, origin)


def is_set(node: Node | None) -> bool:
    """Whether something is written: a key with nothing behind it is as good as none."""
    return node is not None and not (isinstance(node, Scalar) and node.value is None)


def seconds(written: str, bare: str = "s") -> float | None:
    """The duration in a text such as ``75``, ``75s``, ``1m30s``, ``500 ms``, ``PT1M`` or ``00:02:10``.

    A number alone is in ``bare`` (``s`` or ``ms``). None where the text is no duration.
    """
    lowered = written.strip().lower()
    if _NUMBER.fullmatch(lowered):
        return float(lowered) * _SCALE[bare]
    if clock := _CLOCK.fullmatch(lowered):
        days, hours, minutes, rest = clock.groups()
        return float(days or 0) * 86400 + float(hours) * 3600 + float(minutes) * 60 + float(rest)
    iso = lowered.startswith("p")
    body = lowered.lstrip("p").replace("t", "", 1) if iso else lowered
    total, at = 0.0, 0
    while part := _PART.match(body, at):
        if part[2] not in _UNITS:
            return None
        total += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    # A nanosecond has no exact number, but a sum of them that is a second should be one.
    return round(total, 9) if at and at == len(body) else None


def _data(row: Row, node: Scalar, written: str) -> Data:
    if written.lower() in row.words:
        return row.words[written.lower()]
    if ALL_OTHERS in row.words:
        return row.words[ALL_OTHERS]
    match row.type:
        case "duration":
            if isinstance(node.value, bool):
                return None
            if _strict(row) and not _NUMBER.fullmatch(written):
                return None
            return _limits(row, seconds(written, row.bare))
        case "number":
            return _counted(_limits(row, float(written))) if _NUMBER.fullmatch(written) else None
        case "bool":
            return _BOOLS.get(written.lower())
        case "version":
            return Version.parse(written)
    return written


def _limits(row: Row, number: float | None) -> Data:
    meaning = row.zero if number == 0 else row.negative if number is not None and number < 0 else None
    match meaning:
        case None:
            return number if number is None or number >= 0 or row.type == NUMBER else None
        case "unlimited":
            return math.inf
        case "disabled":
            return 0.0
        case "fallback":
            return FALLBACK
    return float(meaning)


def _counted(number: Data) -> Data:
    """A whole number as one: a fraction is printed as a length of time."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _strict(row: Row) -> bool:
    return row.type == DURATION and row.unit in _SCALE


def _unit(row: Row) -> str:
    return row.unit if _strict(row) else ""


def _shortened(written: str) -> str:
    return repr(written if len(written) <= 40 else written[:39] + "…")
