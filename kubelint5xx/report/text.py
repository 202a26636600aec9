"""The report for people at a terminal: each finding with its numbers and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.core.finding import Cited, Finding, Report, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Confidence, Default, Derived, Members, Severity, Value, Written, in_words
from kubelint5xx.report import wording
from kubelint5xx.report.snippet import clipped, snippet, visible
from kubelint5xx.report.style import BLUE, BOLD, CYAN, DIM, GREEN, RED, YELLOW, Style

# More findings than this are told by the setting that decides them.
GROUPED_FROM = 10
_LISTED = 5
_LABELS = 9  # The width of the column that holds labels, numbers of lines and values.
_COLOURS = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.INFO: BLUE}
_Said = Iterator[tuple[str, str]]


def render(report: Report, *, color: bool, show_unknown: bool, verbose: bool = False) -> str:
    """``report`` as text that ends with a line break. The same report gives the same text.

    ``show_unknown`` lists what the files do not answer, with the reasons. ``verbose`` lists what else is folded, and
    the places that values came through.
    """
    style = Style(color)
    blocks = [_group(group, style, verbose) for group in _groups(report.findings)]
    blocks += _notices(report.problems, style, verbose)
    if show_unknown and report.unknowns:
        blocks.append(_unknowns(report.unknowns, style))
    blocks.append(_totals(report, style, show_unknown))
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


def _groups(findings: tuple[Finding, ...]) -> list[list[Finding]]:
    """Findings of one deciding place together, in the order of the first of each; few findings stand alone."""
    if len(findings) <= GROUPED_FROM:
        return [[finding] for finding in findings]
    groups: dict[tuple[str, int, int], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_identity(finding.place), []).append(finding)
    return list(groups.values())


def _identity(place: Span) -> tuple[str, int, int]:
    # By path: several environments read the same file as several sources.
    return place.path, place.start, place.end


def _group(group: list[Finding], style: Style, verbose: bool) -> list[str]:
    first, *others = group
    lines = list(_finding(first, style, verbose))
    if others:
        listed = others if verbose else others[:_LISTED]
        said = [f"{_header(other, style)}: {visible(other.text)}" for other in listed]
        if len(others) > len(listed):
            said.append(style(f"and {len(others) - len(listed)} more by the same setting; --verbose lists them", DIM))
        lines += ["", *_rows((("also" if at == 0 else "", text) for at, text in enumerate(said)), style)]
    return lines


def _finding(finding: Finding, style: Style, verbose: bool) -> Iterator[str]:
    yield _header(finding, style)
    yield visible(finding.text)
    yield ""
    yield from _source(finding, style)
    for rows in (_safe(_values(finding, verbose)), _safe(_context(finding))):
        if rows:
            yield ""
            yield from _rows(rows, style)


def _header(finding: Finding, style: Style) -> str:
    severity = style(str(finding.severity), BOLD, _COLOURS[finding.severity])
    parts = [f"{severity}[{style(finding.rule, BOLD)}] {wording.when(finding)}"]
    if finding.confidence is not Confidence.HIGH:
        parts.append(f"{finding.confidence} confidence")
    if finding.environments:
        parts.append("in " + ", ".join(map(visible, finding.environments)))
    return " · ".join(parts)


def _source(finding: Finding, style: Style) -> Iterator[str]:
    """The place, its line and the mark below it, which says what is seen there."""
    part = snippet(finding.place)
    bar = style("│", BLUE)
    yield f"{style('-->'.rjust(_LABELS), BLUE)} {visible(str(finding.place))}"
    yield f"{style(str(finding.place.line).rjust(_LABELS), BLUE)} {bar} {part.text}"
    primary = finding.evidence[0] if finding.evidence else None
    label = visible(_mark(primary)) if primary and _marked(primary, finding) else ""
    mark = style("^" * part.width, BOLD, _COLOURS[finding.severity])
    yield f"{' ' * _LABELS} {bar} {' ' * part.indent}{mark} {label}"


def _marked(cited: Cited, finding: Finding) -> bool:
    place = cited.value.place
    return place is not None and _identity(place) == _identity(finding.place)


def _mark(cited: Cited) -> str:
    match cited.value.origin:
        case Default(setting=setting) if setting:
            return f"{setting} is not set here"
        case Written():
            return cited.label
        case _:
            return ""


def _values(finding: Finding, verbose: bool) -> _Said:
    """The values that decided, each with its origin; without the written one that the mark shows already."""
    told: list[Cited] = []
    for at, cited in enumerate(finding.evidence):
        if cited in told:
            continue
        shown = at == 0 and isinstance(cited.value.origin, Written) and _marked(cited, finding)
        if not shown or (verbose and _through(cited.value)):
            yield cited.text, cited.label
            yield from (("", line) for line in _origin(cited.value, finding, told, verbose))
        told.append(cited)


def _origin(value: Value, finding: Finding, told: list[Cited], verbose: bool) -> Iterator[str]:
    """Where ``value`` comes from, in lines. What was ``told`` before is named, not told again."""
    if not value.known:
        yield f"unknown: {value.reason}"
    match value.origin:
        case Written(span=span):
            yield f"{span} · {clipped(span)}"
            if verbose:
                yield from (f"through {place} · {clipped(place)}" for place in _through(value))
        case Default(place=place, unseen=unseen) as origin:
            yield wording.default(origin)
            if unseen:
                yield f"not read: {', '.join(unseen)}"
            if place and _identity(place) != _identity(finding.place):
                yield f"would be set in {place} · {clipped(place)}"
        case Assumed(why=why, place=place):
            if value.known:
                yield f"assumed: {why}"
            if place:
                yield f"from {place} · {clipped(place)}"
        case Derived(how=how, inputs=inputs):
            yield how
            words = [in_words(each.data) for each in inputs]
            width = max(map(len, words), default=0)
            for each, said in zip(inputs, words, strict=True):
                label = next((cited.label for cited in told if cited.value == each), None)
                lines = [label] if label else [*_origin(each, finding, told, verbose)]
                yield from (f"  {'' if at else said:>{width}}  {line}" for at, line in enumerate(lines or [""]))
    if isinstance(value.data, Members) and value.data.assumed:
        yield f"assumed: {value.data.assumed}"


def _through(value: Value) -> tuple[Span, ...]:
    return value.origin.via if isinstance(value.origin, Written) else ()


def _context(finding: Finding) -> _Said:
    if finding.route:
        yield "path", " → ".join(step.label for step in finding.route)
    for at, assumption in enumerate(finding.assumptions):
        yield "" if at else "assumed", assumption
    if finding.also:
        yield "also", f"{finding.also} more {'fails' if finding.also == 1 else 'fail'} by the same value"
    if finding.advice:
        yield "fix", finding.advice.title


def _rows(rows: Iterable[tuple[str, str]], style: Style) -> Iterator[str]:
    for label, text in rows:
        yield f"{style(label.rjust(_LABELS), GREEN if label == 'fix' else CYAN)}  {text}"


def _safe(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(visible(label), visible(text)) for label, text in rows]


def _notices(problems: tuple[Problem, ...], style: Style, verbose: bool) -> Iterator[list[str]]:
    """What else is worth saying. What was not analysed is named on stderr, whatever the format, and counted here."""
    said = [f"{style('note', BOLD, BLUE)}: {visible(str(one))}" for one in problems if one.kind == "notice"]
    listed = said if verbose else said[:GROUPED_FROM]
    more = len(said) - len(listed)
    if said:
        yield [*listed, *([style(f"and {more} more; --verbose lists them", DIM)] if more else [])]


def _unknowns(unknowns: tuple[Unknown, ...], style: Style) -> list[str]:
    lines = [style("Not known from the files", BOLD)]
    for unknown in unknowns:
        rule = f"[{unknown.rule}] " if unknown.rule else ""
        lines.append(f"  {rule}{visible(unknown.about)}: {visible(unknown.reason)}")
        if unknown.place:
            lines.append(style(f"    {visible(str(unknown.place))}", DIM))
    return lines


def _totals(report: Report, style: Style, show_unknown: bool) -> list[str]:
    worst = max((finding.severity for finding in report.findings), default=None)
    colour = GREEN if worst is None else _COLOURS[worst]
    lines = [style(wording.totals(report), BOLD, colour), wording.coverage(report.coverage)]
    failing = sum(1 + finding.also for finding in report.findings)
    settings = len({_identity(finding.place) for finding in report.findings})
    if failing > GROUPED_FROM and settings < failing:
        verb = "clears" if settings == 1 else "clear"
        lines.insert(1, f"{wording.count(settings, 'setting')} {verb} {failing} findings")
    if report.unknowns and not show_unknown:
        asked = wording.count(len(report.unknowns), "question")
        lines.append(style(f"{asked} the files do not answer; --show-unknown lists them", DIM))
    return lines
