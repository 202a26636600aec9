"""Which of a program's settings count: those of its active profiles, and those that no file shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx import formats
from kubelint5xx.core.node import Node, text
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Confidence
from kubelint5xx.hops.resolve import Settings, own_value
from kubelint5xx.hops.table import Place, Table

_FILES = ("yaml", "properties", "json", "hocon")


def active_names(known: Table, settings: Iterable[Settings], place: Span) -> tuple[str, ...] | None:
    """The active profiles, the stronger ones later; None where they are not known."""
    value = own_value(known, known.active, settings, place)
    if value is None or not isinstance(value.data, str) or value.confidence is Confidence.LOW:
        return None
    return tuple(name for part in value.data.split(",") if (name := part.strip()))


def counting(known: Table, settings: Settings, active: tuple[str, ...] | None) -> Iterator[Settings]:
    """``settings`` if they count; marked as doubtful where that depends on profiles which are not known."""
    written = _activation(known, settings)
    if written is None:
        yield settings
        return
    names = [part.strip() for part in (text(written) or "").split(",")]
    simple = all(name.replace("-", "").replace("_", "").isalnum() for name in names)
    if active is None or not simple:
        yield replace(settings, doubt=f"it counts only where {text(written) or 'a condition'} is active")
    elif set(names) & set(active):
        yield settings


def elsewhere(known: Table, place: Place, settings: Iterable[Settings], at: Span) -> Iterator[Settings]:
    """What is set from a place that no file shows, where ``place`` says that there is one."""
    value = own_value(known, place.elsewhere, settings, at)
    if value is not None and value.data is not False:
        yield Settings(place.format, None, place.label, "it is not among the files")


def _activation(known: Table, settings: Settings) -> Node | None:
    if not known.activation or settings.format not in _FILES or settings.root is None:
        return None
    keys = known.own[known.activation].keys.get(settings.format, ())
    found = [node for key in keys for node in formats.lookup(settings.format, settings.root, key)]
    return found[-1] if found else None
