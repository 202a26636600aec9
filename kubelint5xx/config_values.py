"""The kinds of values that a configuration file has, each read with its place."""

from __future__ import annotations

import re
from difflib import get_close_matches

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import InputError

_DURATION = pattern(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def unknown_key(at: Scalar, key: str, known: list[str]) -> InputError:
    """The error for a key that does not exist, with the nearest one that does."""
    near = get_close_matches(key, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
    return InputError.at(at.span, f"{key!r} is not a key of the configuration{hint}")


def mapping_of(node: Node, what: str) -> Mapping:
    """The node as a mapping. Raises InputError where it is none."""
    if isinstance(node, Mapping):
        return node
    raise InputError.at(node.span, f"{what} is not a mapping")


def texts_of(node: Node) -> tuple[str, ...]:
    """A list of texts, or one of them alone. Raises InputError where anything else is in it."""
    found = node.items if isinstance(node, Sequence) else (node,)
    texts = [item.value for item in found if isinstance(item, Scalar) and isinstance(item.value, str)]
    if len(texts) < len(found):
        raise InputError.at(node.span, "a list of texts is needed here; a number is one in quotes")
    return tuple(texts)


def seconds_of(node: Node) -> float | None:
    """A duration with its unit, or a number of seconds; None where it is neither."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, (int, float)):
        return float(node.value) if 0 <= node.value < float("inf") else None
    match = _DURATION.fullmatch(node.value or "")
    return float(match[1]) * _SECONDS[match[2]] if match else None
