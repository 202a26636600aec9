"""Values that nobody reads: somebody set a grace period in a values file, and no template of the chart has it.

A key counts where no template names it, and where the tool prints the same when all below it is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import basename

from kubelint5xx.core.node import Entry, Mapping
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.render.rendering import Rendering
from kubelint5xx.render.trace import replaced
from kubelint5xx.render.written import written_below

MOST = 20  # keys of one rendering

_KEYS = pattern(
    r"(?i)termination_?grace_?period(_?seconds)?|lifecycle|pre_?stop.*|readiness_?probe|replica_?count"
    r"|pod_?disruption_?budget|pdb|.*(keep_?alive|idle)_?timeout.*|keep_?alive|alb\.ingress\.kubernetes\.io/.+"
)
_ACTION = pattern(r"(?s)\{\{.*?\}\}")
# The values as a whole, or a key that is only known when the template runs: anything could be read.
_WHOLE = pattern(r"\.Values(?![\w.])|\$\.Values(?![\w.])")


def unread_values(
    rendering: Rendering, load: Callable[[str], Source | None], dependencies: Sequence[str]
) -> list[Problem]:
    """A notice for each such key of the values that ``rendering`` was made with. Renders once, where there may be one.

    ``dependencies``: the charts within the chart; what is below their names is theirs.
    """
    templates = [source.text for path in rendering.templates if (source := load(path)) is not None]
    if len(templates) < len(rendering.templates) or any(path.endswith(".tgz") for path in rendering.files):
        return []
    # A field of an object reads nothing, whatever its name: only what stands in braces does.
    said = "\n".join(action for template in templates for action in _ACTION.findall(template))
    if _WHOLE.search(said):
        return []
    suspects: list[tuple[Entry, list[Span]]] = []
    for path in rendering.writable:
        # A chart's own values.yaml, and files named for it; of a chart in it only what its parent sets.
        inner = basename(path) == "values.yaml" and path.startswith(tuple(f"{one}/" for one in dependencies))
        source = load(path) if path in rendering.values and not inner else None
        for document in yaml.read(source).documents if source is not None else ():
            skipped = {"global", *(basename(one) for one in dependencies)}
            for entry in _entries(document.root, said, skipped):
                if spans := [one.span for one in written_below(entry.value) if one.span.text.strip()]:
                    suspects.append((entry, spans))
    if not suspects or len(suspects) > MOST:
        return []
    if rendering.again(_changed(suspects)) != rendering.text:
        return []
    return [_problem(entry) for entry, _ in suspects]


def _entries(root: object, said: str, skipped: set[str]) -> Iterator[Entry]:
    """The entries with such a key that no template names, below keys that none takes as a whole."""
    if not isinstance(root, Mapping):
        return
    for entry in root.entries:
        key = str(entry.key.value)
        if key in skipped:
            continue
        named = re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", said) is not None
        if _KEYS.fullmatch(key) and not named:
            yield entry
        elif not named or _only_parts(key, said):
            yield from _entries(entry.value, said, set())


def _only_parts(key: str, said: str) -> bool:
    """Whether wherever ``key`` is named, a key below it is named with it."""
    every = re.findall(rf"(?<![\w-]){re.escape(key)}(?![\w-])", said)
    return len(every) == len(re.findall(rf"\.{re.escape(key)}\.\w", said))


def _changed(suspects: Sequence[tuple[Entry, list[Span]]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    spans = {(span.path, span.start): span for _, found in suspects for span in found}
    for (path, _), span in sorted(spans.items(), key=lambda one: (one[0][0], -one[0][1])):
        texts[path] = replaced(span, texts.get(path, span.source.text))
    return texts


def _problem(entry: Entry) -> Problem:
    span = entry.key.span
    message = f"no template reads {entry.key.value}, so it does nothing"
    return Problem(span.path, span.line, message, "notice", span.column)
