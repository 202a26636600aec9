"""Findings that the user chose to ignore: comments on any of a finding's places, and annotations on objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from kubelint5xx.core.finding import Finding, Suppressed
from kubelint5xx.core.node import Node, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Derived, Value, Written

MARK = "kubelint5xx:"

# `# kubelint5xx: ignore[slug, slug] reason`, after any comment sign, and up to the comment's end where it has one.
_COMMENT = pattern(
    r"(?:#|//|;|<!--|/\*)[ \t]*(kubelint5xx:[ \t]*ignore\[([^\]\n]*)\]"
    r"[ \t]*([^\n]*?))[ \t]*(?:-->|\*/(?:[ \t]*-?\}\})?)?[ \t]*\r?$",
    re.M,
)
_ALONE = pattern(r"^\s*(?:#|//|;|<!--|/\*|\{\{/\*)")


@record(frozen=False)
class Suppression:
    """One wish to ignore ``slugs`` on the lines ``first`` to ``last``, or within ``whole`` where that is given.

    ``used`` holds those that it did ignore.
    """

    span: Span
    slugs: tuple[str, ...]
    reason: str
    first: int
    last: int
    whole: Span | None = None
    used: set[str] = field(default_factory=set)

    def covers(self, slug: str, group: str, place: Span) -> bool:
        if not (slug in self.slugs or group in self.slugs) or place.path != self.span.path:
            return False
        if self.whole is not None:
            # Several objects may share a line.
            return self.whole.start <= place.in_file().start < self.whole.end
        return self.first <= place.line <= self.last


def comments_of(source: Source) -> Iterator[Suppression]:
    """The suppressing comments of a file. One that stands alone holds for the block that follows it."""
    for match in _COMMENT.finditer(source.text):
        slugs = tuple(slug.strip() for slug in match[2].split(",") if slug.strip())
        first = last = source.line_of(match.start())
        if _ALONE.match(source.line_text(first)):
            last = _end_of_block(source, first + 1)
        span = Span(source, *match.span(1))
        yield Suppression(span, slugs, match[3].strip(), _line_in_file(source, first), _line_in_file(source, last))


def _line_in_file(source: Source, line: int) -> int:
    """The file's line, where ``source`` is a text that stands in a file."""
    start = source.line_start(line)
    return Span(source, start, start).line


def annotations_of(objects: Iterable[tuple[Span, Node, Node | None]]) -> Iterator[Suppression]:
    """The suppressing annotations of objects: each with the object's span, the annotation, and the reason's."""
    for whole, wanted, reason in objects:
        slugs = tuple(slug.strip() for slug in (text(wanted) or "").split(",") if slug.strip())
        yield Suppression(wanted.span, slugs, text(reason) or "", whole.line, whole.end_line, whole)


def _end_of_block(source: Source, line: int) -> int:
    """The last line of what begins at ``line``: all that is indented deeper, and the bracket that closes it."""
    total = source.line_of(len(source.text))
    while line < total and (not source.line_text(line).strip() or _ALONE.match(source.line_text(line))):
        line += 1
    if line > total:
        return total
    indent = _indent(source.line_text(line))
    last = line
    for following in range(line + 1, total + 1):
        text = source.line_text(following)
        if not text.strip():
            continue
        if _indent(text) > indent:
            last = following
        elif _indent(text) == indent and text.strip()[0] in "})]":
            return following
        else:
            break
    return last


def _indent(text: str) -> int:
    # The items of a YAML sequence may stand as deep as their key.
    stripped = text.lstrip()
    return len(text) - len(stripped) + (1 if stripped.startswith("- ") else 0)


def apply(
    findings: Iterable[Finding], suppressions: list[Suppression], group_of: Callable[[str], str], known: Iterable[str]
) -> tuple[list[Finding], list[Suppressed], list[Problem]]:
    """Findings that stay, those that are suppressed, and a notice for each suppression that suppresses nothing."""
    kept: list[Finding] = []
    gone: list[Suppressed] = []
    for finding in findings:
        hit = _first_hit(finding, suppressions, group_of(finding.rule))
        if hit is None:
            kept.append(finding)
        else:
            gone.append(Suppressed(finding, hit.span, hit.reason))
    slugs = set(known)
    return kept, gone, [problem for one in suppressions for problem in _unused(one, slugs)]


def _first_hit(finding: Finding, suppressions: list[Suppression], group: str) -> Suppression | None:
    if not suppressions:
        return None
    places = list(places_of(finding))
    found: Suppression | None = None
    for suppression in suppressions:
        if any(suppression.covers(finding.rule, group, place) for place in places):
            suppression.used.update({finding.rule, group} & set(suppression.slugs))
            found = found or suppression
    return found


def places_of(finding: Finding) -> Iterator[Span]:
    """Every place that a finding shows."""
    yield finding.place
    for cited in finding.evidence:
        yield from _value_places(cited.value)


def _value_places(value: Value) -> Iterator[Span]:
    match value.origin:
        case Derived(inputs=inputs):
            for part in inputs:
                yield from _value_places(part)
        case Written(span=span, via=via):
            yield span
            yield from via
        case _ if value.place is not None:
            yield value.place


def _unused(suppression: Suppression, known: set[str]) -> Iterator[Problem]:
    span = suppression.span
    if not suppression.slugs:
        yield Problem(span.path, span.line, "ignore[] names no rule", "notice", span.column)
    for slug in suppression.slugs:
        if slug in suppression.used:
            continue
        message = f"ignore[{slug}] suppresses nothing" if slug in known else f"ignore[{slug}] names no rule"
        yield Problem(span.path, span.line, message, "notice", span.column)
