"""Findings that rest on what another repository sets: where they stand here, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from kubelint5xx.core.finding import Step
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Derived, Members, Subject, Value

_LISTED = 3


def is_of_others(subjects: Iterable[Subject], values: Iterable[Value]) -> bool:
    """Whether all that these rest on stands in other repositories: their own checks tell it, where it can be mended."""
    found = [place.foreign for place in _places(subjects, values)]
    return bool(found) and all(found)


def nearest(place: Span, evidence: Iterable[Value], subjects: Iterable[Subject], route: Sequence[Step]) -> Span:
    """Instead of a place in another repository the first that is here: of what decided, of what it is about, and of
    what a request passes; else where the configuration names the document that tells of it."""
    about = list(subjects)
    candidates = chain(
        _places((), evidence),
        # A cluster holds everything, and is seldom where it is mended.
        (one.place for one in about if one.place is not None and one.kind != "cluster"),
        (step.place for step in reversed(route) if step.place is not None),
        _places((), (value for one in about for value in one.values.values())),
    )
    return next((one for one in candidates if not one.foreign), place).here()


def said_elsewhere(values: Iterable[Value]) -> Iterator[str]:
    """Which documents of other repositories decide, and on which of their lines."""
    told: dict[str, tuple[Span, dict[str, None]]] = {}
    for place in _places((), values):
        stated = place.source.stated
        if stated is not None:
            _, lines = told.setdefault(place.document, (stated, {}))
            lines[f"{place.own_path}:{place.line}"] = None
    for document, (stated, lines) in told.items():
        more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
        listed = ", ".join([*lines][:_LISTED])
        here = stated.in_file()
        yield f"another repository sets it at {listed}{more}, as {document} says ({here.path}:{here.line})"


def _places(subjects: Iterable[Subject], values: Iterable[Value]) -> Iterator[Span]:
    for subject in subjects:
        if subject.place is not None:
            yield subject.place
        yield from (join.place for join in subject.joins if join.place is not None)
    for value in values:
        yield from _of_value(value)


def _of_value(value: Value) -> Iterator[Span]:
    if isinstance(value.origin, Derived):
        for part in value.origin.inputs:
            yield from _of_value(part)
    elif value.place is not None:
        yield value.place
    if isinstance(value.data, Members):
        for item in value.data.items:
            yield from _places((item,), item.values.values())
