"""Charts rendered with values that are not all known: what is the same, whatever these are, is known.

helm runs several times, with texts, numbers and nothing in place of what is not known. What differs between the
results is not known either. Where a template compares such a value, trying it out proves nothing: what that template
makes is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kubelint5xx.core import node as nodes
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Entry, Node, Scalar, Unresolved, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.render.release import Hole, Inline, Release
from kubelint5xx.render.tools import Outcome

_ACTION = pattern(r"(?s)\{\{.*?\}\}")
_COMPARES = pattern(
    r"\b(?:eq|ne|lt|le|gt|ge|has|hasKey|contains|hasPrefix|hasSuffix|regexMatch|semverCompare|ternary|switch|kindIs|typeIs)\b"
)
_SOURCE = pattern(r"(?m)^# Source: [^/\r\n]+/([^\r\n]+)")
_MAX_DEPTH = 60


@record(eq=False)
class Variant:
    """What is put in the place of the ``at``-th value that is not known."""

    name: str
    put: Callable[[int], str | int | None]


_VARIANTS = (
    Variant("text", lambda at: f"kl5xx-{at}"),
    Variant("number", lambda at: 53100 + at),
    Variant("nothing", lambda at: ""),
    Variant("even", lambda at: f"kl5xx-{at}" if at % 2 else ""),
    Variant("odd", lambda at: "" if at % 2 else f"kl5xx-{at}"),
)


def variants(release: Release) -> Iterator[Release]:
    """The release with one thing and another in the place of what is not known; itself where all is known."""
    inline = release.values[0] if release.holes else ""
    if not isinstance(inline, Inline):
        yield release
        return
    for variant in _VARIANTS:
        values = json.loads(inline.text)
        for at, hole in enumerate(release.holes):
            _put(values, hole.keys, variant.put(at))
        changed = Inline(json.dumps(values), inline.node)
        yield replace(release, values=(changed, *release.values[1:]))


def _put(values: Any, keys: Sequence[str | int], value: str | int | None) -> None:
    for key in keys[:-1]:
        values = values[key]
    values[keys[-1]] = value


def known_part(
    path: str, outcomes: Sequence[Outcome], release: Release, templates: Mapping[str, str]
) -> tuple[tuple[Document, ...], list[Problem]]:
    """What all ``outcomes`` agree on, as documents of the first, and a line for each object that is left out.

    ``templates``: the texts of the chart's templates by their paths.
    """
    first, *others = [_objects(Source(path, one.text)) for one in outcomes]
    compared = {
        name: hole for name, content in templates.items() if (hole := _compared(content, release.holes)) is not None
    }
    shared = next((hole for name, hole in compared.items() if name.rpartition("/")[2].startswith("_")), None)
    hole = release.holes[0]
    found: list[Document] = []
    problems: list[Problem] = []
    for key, document in first.items():
        judged = shared or next((one for name, one in compared.items() if name.endswith(document.origin)), None)
        there = [other.get(key) for other in others]
        if judged is not None or any(one is None for one in there):
            problems.append(_left_out(document, judged or hole, release))
            continue
        reason = f"it depends on {_named(hole)}: {hole.reason}"
        root = document.root
        for one in there:
            root = _agreed(root, one.root, reason) if one is not None else root
        found.append(replace(document, root=root))
    for other in others:
        problems += [_left_out(one, hole, release) for key, one in other.items() if key not in first]
    return tuple(found), list(dict.fromkeys(problems))


def _named(hole: Hole) -> str:
    return f"the value {'.'.join(map(str, hole.keys))}"


def _left_out(document: Document, hole: Hole, release: Release) -> Problem:
    said = f"{text(child(document.root, 'kind'))} {text(child(document.root, 'metadata', 'name')) or ''}".strip()
    here = (release.header or hole.place).in_file()
    message = f"{said} of {release.directory} is left out: it depends on {_named(hole)}: {hole.reason}"
    return Problem(here.path, here.line, message, "unrendered", here.column)


def _objects(source: Source) -> dict[tuple[str, str, int], Document]:
    """The objects of a stream: by kind and template, and a count where one template makes several of a kind."""
    found: dict[tuple[str, str, int], Document] = {}
    for document in yaml.read(source).documents:
        kind = text(child(document.root, "kind"))
        if kind is None:
            continue
        before = source.text.rfind("\n---", 0, document.root.span.start)
        named = _SOURCE.search(source.text, max(before, 0), document.root.span.start)
        origin = named[1].strip() if named else ""
        at = sum(1 for key in found if key[:2] == (kind, origin))
        found[kind, origin, at] = replace(document, origin=origin)
    return found


def _compared(template: str, holes: Sequence[Hole]) -> Hole | None:
    """The unknown value that a template compares with something, if it does."""
    for action in _ACTION.findall(template):
        if _COMPARES.search(action):
            for hole in holes:
                key = next((one for one in reversed(hole.keys) if isinstance(one, str)), "")
                if re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", action):
                    return hole
    return None


def _agreed(node: Node, other: Node, reason: str, depth: int = 0) -> Node:
    """``node``, in which all is unresolved that ``other`` has not the same."""
    if depth > _MAX_DEPTH or isinstance(node, Unresolved):
        return Unresolved(node.span, reason)
    if isinstance(node, nodes.Mapping) and isinstance(other, nodes.Mapping):
        entries = []
        for entry in node.entries:
            there = other.get(str(entry.key.value))
            agreed = Unresolved(entry.value.span, reason) if there is None else None
            entries.append(Entry(entry.key, agreed or _agreed(entry.value, there or node, reason, depth + 1)))
        here = set(node.keys())
        at = Span(node.span.source, node.span.start, node.span.start)
        missing = [key for key in dict.fromkeys(other.keys()) if key not in here]
        entries += [Entry(Scalar(at, key, key), Unresolved(at, reason)) for key in missing]
        return replace(node, entries=tuple(entries))
    if isinstance(node, nodes.Sequence) and isinstance(other, nodes.Sequence) and len(node.items) == len(other.items):
        pairs = zip(node.items, other.items, strict=True)
        return replace(node, items=tuple(_agreed(mine, theirs, reason, depth + 1) for mine, theirs in pairs))
    if isinstance(node, Scalar) and isinstance(other, Scalar) and node.value == other.value:
        return node
    return Unresolved(node.span, reason)
