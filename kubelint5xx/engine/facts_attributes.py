"""What rules ask of load balancers' attributes and annotations: are they known, in range, and what else was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubelint5xx.core.expr import Function
from kubelint5xx.core.value import Data, Derived, Value
from kubelint5xx.engine.spelling import distance
from kubelint5xx.model import aws_attributes as aws

# How many slips of the pen a long name may have to be taken for another one, and how long it has to be for each.
_SLIPS, _LETTERS_A_SLIP = 2, 6
_DIGITS = str.maketrans("", "", "0123456789")


def is_limited(key: Value) -> Value:
    """Whether AWS limits the length of time that an attribute sets."""
    return _of(key, "is limited by AWS", lambda text: text in aws.RANGES)


def shortest_allowed(key: Value) -> Value:
    """The shortest time that AWS accepts for an attribute; 0 for one that it does not limit."""
    return _of(key, "shortest time that AWS accepts", lambda text: aws.RANGES.get(text, (0.0, 0.0))[0])


def longest_allowed(key: Value) -> Value:
    """The longest time that AWS accepts for an attribute; no limit for one that it does not limit."""
    return _of(key, "longest time that AWS accepts", lambda text: aws.RANGES.get(text, (0.0, float("inf")))[1])


def is_whole_number(text: Value) -> Value:
    """Whether a text is a whole number, without a unit."""
    return _of(text, "is a whole number", lambda said: said.isascii() and said.strip().removeprefix("-").isdecimal())


def true_holder(key: Value, holder: Value) -> Value:
    """What has an attribute of that name: ``holder`` where it does or where nothing known has, else another."""

    def found(text: str) -> str:
        given = str(holder.data)
        holders = [each for each in (aws.BALANCER, aws.TARGET_GROUP, aws.LISTENER) if text in aws.attributes_of(each)]
        return given if given in holders or not holders else holders[0]

    return _of(key, "what has the attribute", found, holder)


def meant_attribute(key: Value, holder: Value) -> Value:
    """The attribute of ``holder`` that a key was meant to be and is not; empty for one that exists or resembles none,
    and for what others than AWS read."""

    def found(text: str) -> str:
        return "" if text in aws.RANGES else _nearest(text, aws.attributes_of(str(holder.data)))

    return _of(key, "attribute that was meant", found, holder)


def is_annotation_read(key: Value) -> Value:
    """Whether any release of the AWS Load Balancer Controller, or of the AWS cloud provider, reads an annotation."""
    return _of(key, "is read by a controller", aws.is_read)


def meant_annotation(key: Value) -> Value:
    """The annotation that a key was meant to be and is not; empty for one that is read or resembles none."""
    return _of(key, "annotation that was meant", lambda text: "" if aws.is_read(text) else _annotation(text))


def _annotation(text: str) -> str:
    prefix = aws.INGRESS_PREFIX if text.startswith(aws.INGRESS_PREFIX) else aws.SERVICE_PREFIX
    names = (name.removeprefix(prefix) for name in aws.known_annotations() if name.startswith(prefix))
    found = _nearest(text.removeprefix(prefix), names)
    return prefix + found if found else ""


def _nearest(text: str, known: Iterable[str]) -> str:
    limit = min(_SLIPS, len(text) // _LETTERS_A_SLIP + 1)
    best, least = "", limit + 1
    for name in sorted(known):
        # Of http2 and http3 neither is a slip of the pen.
        if name == text or name.translate(_DIGITS) == text.translate(_DIGITS):
            return ""
        if (apart := distance(text.lower(), name, limit)) < least:
            best, least = name, apart
    return best


def _of(value: Value, how: str, compute: Callable[[str], Data], *others: Value) -> Value:
    inputs = (value, *others)
    if unknown := next((each for each in inputs if not each.known), None):
        return Value.unknown(unknown.reason, unknown.place)
    return Value(compute(str(value.data)), Derived(how, inputs))


FACTS = {
    "is_limited": Function(("text",), "bool", is_limited),
    "shortest_allowed": Function(("text",), "duration", shortest_allowed),
    "longest_allowed": Function(("text",), "duration", longest_allowed),
    "is_whole_number": Function(("text",), "bool", is_whole_number),
    "true_holder": Function(("text", "text"), "text", true_holder),
    "meant_attribute": Function(("text", "text"), "text", meant_attribute),
    "is_annotation_read": Function(("text",), "bool", is_annotation_read),
    "meant_annotation": Function(("text",), "text", meant_annotation),
}
