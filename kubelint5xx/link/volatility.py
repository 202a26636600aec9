"""Whether the nodes of a group come and go in ordinary operation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
from kubelint5xx.core.node import Node
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Derived, Value, Written
from kubelint5xx.link.attributes import whole, why_unknown, written

# Whole words of names, labels and taints that mark nodes which do not stay.
_MARKS = pattern(r"(?:^|[^a-z0-9])(bulk|batch|burst|spot|ci|runners?|ingest|jobs?)(?:$|[^a-z0-9])")


def configured(names: Iterable[str | None], config: Config, place: Span) -> Value | None:
    """What the configuration says of a group by one of its names (patterns allowed); None where it says nothing."""
    known = [name for name in names if name]
    config = config.at(place.path)
    for patterns, volatile in ((config.stable, False), (config.volatile, True)):
        for name in known:
            for wanted, said in patterns.items():
                if fnmatchcase(name, wanted):
                    setting = "volatile" if volatile else "stable"
                    return written(volatile, said, setting)
    return None


def at_least_one(node: Node | None, setting: str) -> Value | None:
    """What a smallest size says: 0 makes the group volatile, another number does not; None where none is given."""
    if node is None:
        return None
    size = whole(node)
    if size is None:
        return Value.unknown(why_unknown(node) or f"{setting} is not a number", node.span)
    return written(size == 0, node.span, setting)


def marked(words: Iterable[tuple[str, Span]]) -> Value | None:
    """A name, label or taint that marks the nodes as short-lived."""
    for word, place in words:
        found = _MARKS.search(_separated(word))
        if found:
            said = Value(word, Written(place))
            return Value(True, Derived(f'"{found.group(1)}" marks nodes that do not stay', (said,)))
    return None


def decide(signs: Iterable[Value | None], place: Span, seen_whole: str = "") -> Value:
    """The verdict of all signs: the first that says yes, else the first that is unknown, else no.

    ``seen_whole`` tells why signs may be missing; empty where all were seen.
    """
    found = [sign for sign in signs if sign is not None]
    for sign in found:
        if sign.data is True:
            return sign
    for sign in found:
        if not sign.known:
            return sign
    if seen_whole:
        return Value.unknown(seen_whole, place)
    inputs = tuple(found) or (written(False, place),)
    return Value(False, Derived("nothing marks its nodes as short-lived", inputs))


def any_spot(signs: Iterable[Value | None], hidden: str = "") -> bool | None:
    """Whether one of the signs says that there are spot instances; None where one that could is not known."""
    found = [sign.data for sign in signs if sign is not None]
    if True in found:
        return True
    return None if hidden or None in found else False


def _separated(name: str) -> str:
    """``bulkWorkers`` in words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
