"""Helm's values: files laid over each other, and what ``--set`` lays over them, with the places of each.

Semantics: https://helm.sh/docs/chart_template_guide/values_files/ and https://helm.sh/docs/intro/using_helm/, and for
what a text becomes typedVal() in pkg/strvals/parser.go of helm/helm.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import (
    ATTRIBUTE,
    UNKNOWN,
    Entry,
    Mapping,
    Node,
    Reference,
    Scalar,
    Sequence,
    Unresolved,
)
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span

_MAX_DEPTH = 60
_MAX_INDEX = 1000
_PART = pattern(r"((?:\\.|[^.\[\\])+)((?:\[\d+\])*)(?:\.|$)")
_INDEX = pattern(r"\[(\d+)\]")
_NUMBER = pattern(r"0|[-+]\d{1,18}|[1-9]\d{0,17}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def merged(below: Node, above: Node, depth: int = 0) -> Node:
    """``above`` laid over ``below``: maps are merged key by key, and all else is replaced.

    What an unknown part of ``above`` may set is unknown then, and so is what it does not set by its own.
    """
    if not isinstance(above, Mapping) or depth > _MAX_DEPTH:
        return above
    if isinstance(below, (Unresolved, Reference)):
        why = below.reason if isinstance(below, Unresolved) else f"it depends on {below.address}"
        return replace(above, open=above.open or why)
    if not isinstance(below, Mapping):
        return above
    given = {entry.key.value: entry for entry in above.entries}
    # Whoever may add keys may set those that nobody else sets, too.
    kept = [] if above.open else [entry for entry in below.entries if entry.key.value not in given]
    found = {entry.key.value: entry.value for entry in below.entries}
    for key, entry in given.items():
        over = found.get(key)
        kept.append(Entry(entry.key, merged(over, entry.value, depth + 1) if over is not None else entry.value))
    return Mapping(above.span, tuple(kept), above.open or below.open)


def without_nulls(node: Mapping, depth: int = 0) -> Mapping:
    """The values that a chart sees: a null takes away what the chart itself has under its key."""
    entries = tuple(
        Entry(one.key, without_nulls(one.value, depth + 1) if isinstance(one.value, Mapping) else one.value)
        for one in node.entries
        if not _is_null(one.value)
    )
    return replace(node, entries=entries) if depth <= _MAX_DEPTH else node


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def read_values(node: Node) -> Node:
    """The values that a text of YAML or an object holds; unresolved where they are not known."""
    if isinstance(node, (Scalar, Unresolved)) and node.encodes is not None:
        return node.encodes
    if isinstance(node, Unresolved) and node.text:
        partly = _parsed(Scalar(node.span, node.text, node.text))
        return _with_holes(partly, node.reason) if isinstance(partly, Mapping) else node
    return _parsed(node) if isinstance(node, Scalar) else node


def _parsed(scalar: Scalar) -> Node:
    from kubelint5xx.formats import yaml
    from kubelint5xx.formats.embedded import embedded

    reading = yaml.read(embedded(scalar))
    if reading.problems:
        return Unresolved(scalar.span, "the values are not valid YAML")
    root = reading.documents[0].root if reading.documents else None
    return Mapping(scalar.span) if root is None or _is_null(root) else root


def _with_holes(node: Node, reason: str, depth: int = 0) -> Node:
    """The node with what is not known of a text as unresolved."""
    if depth > _MAX_DEPTH:
        return Unresolved(node.span, reason)
    if isinstance(node, Scalar):
        said = node.value if isinstance(node.value, str) else ""
        return Unresolved(node.span, reason) if ATTRIBUTE in said or UNKNOWN in said else node
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_with_holes(item, reason, depth + 1) for item in node.items))
    if isinstance(node, Mapping):
        known = [one for one in node.entries if not {ATTRIBUTE, UNKNOWN} & set(str(one.key.value))]
        entries = tuple(Entry(one.key, _with_holes(one.value, reason, depth + 1)) for one in known)
        return replace(node, entries=entries, open=node.open if len(known) == len(node.entries) else reason)
    return node


def assigned(root: Node, path: str, value: Node, place: Span, as_text: bool = False) -> Node:
    """``root`` with ``value`` at ``path`` as ``--set`` writes it (``a.b\\.c[0]``); ``as_text``: as ``--set-string``."""
    steps = list(_steps(path))
    if not steps:
        return Unresolved(place, f"{path} is no name of a value")
    return _assigned(root, steps, value if as_text else _typed(value), place)


def _steps(path: str) -> Iterator[str | int]:
    at = 0
    while at < len(path):
        part = _PART.match(path, at)
        if part is None or part.end() == at:
            return
        yield part[1].replace("\\.", ".").replace("\\", "")
        yield from (min(int(one[:9]), _MAX_INDEX) for one in _INDEX.findall(part[2]))
        at = part.end()


def _assigned(node: Node | None, steps: list[str | int], value: Node, place: Span) -> Node:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(node, (Unresolved, Reference)):
        node = merged(node, Mapping(place))
    if isinstance(step, int):
        items = list(node.items) if isinstance(node, Sequence) else []
        items += [Scalar(place, None, "null")] * (step + 1 - len(items))
        items[step] = _assigned(items[step], rest, value, place)
        return Sequence(place, tuple(items))
    held = node if isinstance(node, Mapping) else Mapping(place)
    inner = _assigned(held.get(step), rest, value, place)
    entries = tuple(entry for entry in held.entries if entry.key.value != step)
    return replace(held, entries=(*entries, Entry(Scalar(place, step, step), inner)))


def _typed(node: Node) -> Node:
    """A text of the command line as Helm reads it: numbers, truth values, null, and lists in braces."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    said = node.value
    if said.lower() in _WORDS:
        return replace(node, value=_WORDS[said.lower()], quoted=False)
    if _NUMBER.fullmatch(said):
        return replace(node, value=int(said), quoted=False)
    if said.startswith("{") and said.endswith("}"):
        inner = [one.strip() for one in said[1:-1].split(",") if one.strip()]
        return Sequence(node.span, tuple(_typed(replace(node, value=one, raw=one)) for one in inner))
    return replace(node, value=said.replace("\\,", ",")) if "\\," in said else node


def literal(root: Node, key: str, value: Node, place: Span) -> Node:
    """``root`` with what the text ``value`` is in YAML at ``key``, which is one key, whatever stands in it."""
    read = _parsed(value) if isinstance(value, Scalar) and isinstance(value.value, str) and value.value else value
    return _assigned(root, [key], read, place)


def listed(node: Node, place: Span) -> Sequence:
    """What a value of ``set_list`` holds."""
    items = node.items if isinstance(node, Sequence) else (node,)
    return Sequence(place, tuple(_typed(item) for item in items))
