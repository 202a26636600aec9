"""Findings with other places: where a value is set instead of where it came to stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span

T = TypeVar("T")


def moved(thing: T, where: Callable[[Span], Span]) -> T:
    """A record with every place in it, at any depth, as ``where`` gives it. What has no place stays the same object."""
    known: dict[int, Any] = {}

    def walk(part: Any) -> Any:
        if isinstance(part, Span):
            return where(part)
        if isinstance(part, tuple):
            changed = tuple(walk(item) for item in part)
            return part if all(a is b for a, b in zip(changed, part, strict=True)) else changed
        names = getattr(type(part), "__match_args__", ())
        if not names or isinstance(part, (Source, int)):
            return part
        if id(part) not in known:
            before = {name: getattr(part, name) for name in names}
            after = {name: walk(value) for name, value in before.items()}
            changes = {name: value for name, value in after.items() if value is not before[name]}
            # The original is kept beside its copy: while it lives, no other object gets its id.
            known[id(part)] = (part, replace(part, **changes) if changes else part)
        return known[id(part)][1]

    result: T = walk(thing)
    return result
