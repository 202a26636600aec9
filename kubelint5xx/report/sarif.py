"""The report as SARIF 2.1.0, for code scanning and for editors.

What GitHub and the editors read of it decides its shape: one location a result, with a region on one line; related
locations where the message links to them; the request path as steps; fingerprints that outlive moved lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote

from kubelint5xx import __version__
from kubelint5xx.core.finding import Advice, Cited, Finding, Report, RuleInfo, Suppressed
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Severity
from kubelint5xx.report import wording
from kubelint5xx.report.fingerprint import line_hashes

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"

_Json = dict[str, Any]
_LIMIT = 1024  # GitHub refuses longer descriptions of rules.
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_PRECISION = {Confidence.HIGH: "very-high", Confidence.MEDIUM: "high", Confidence.LOW: "medium"}
_SEMANTIC_VERSION = pattern(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")

# Each kind of problem, and the hops of which nothing could be known, as notifications: level and description.
_NOTICES = {
    "unreadable": ("error", "A file, or the named part of it, was not analysed."),
    "unrendered": ("warning", "A template was not analysed, since another tool has to render it first."),
    "notice": ("note", "A file was analysed, but something about it is worth knowing."),
    "undecided": ("note", "A hop was not analysed, since the files do not tell enough about it."),
}


def render(report: Report, *, include_suppressed: bool = False, root_uri: str | None = None) -> str:
    """``report`` as a SARIF log that ends with a line break. The same report gives the same text.

    ``root_uri``: the absolute URI of the tree's root; without it the reader has to know the root. Suppressed findings
    stay out unless ``include_suppressed``, since GitHub opens them as alerts.
    """
    rules = sorted(report.rules, key=lambda rule: rule.slug)
    index = {rule.slug: at for at, rule in enumerate(rules)}
    hashes = cache(_line_hashes)
    results = [_result(finding, index, hashes) for finding in report.findings]
    if include_suppressed:
        # Where one result tells whether it is suppressed, all have to.
        results = [{**result, "suppressions": []} for result in results]
        results += [_suppressed(item, _result(item.finding, index, hashes)) for item in report.suppressed]
    driver: _Json = {
        "name": "kubelint5xx",
        "version": __version__,
        "rules": [_rule(rule, report.findings) for rule in rules],
        "notifications": [
            {
                "id": kind,
                **{key: {"text": text} for key in ("shortDescription", "fullDescription", "help")},
                "defaultConfiguration": {"level": level},
            }
            for kind, (level, text) in _NOTICES.items()
        ],
    }
    if _SEMANTIC_VERSION.fullmatch(__version__):
        driver["semanticVersion"] = __version__
    run: _Json = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "kubelint5xx/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "results": results,
    }
    if root_uri:
        run["originalUriBaseIds"] = {ROOT: {"uri": root_uri.rstrip("/") + "/"}}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False) + "\n"


def _rule(rule: RuleInfo, findings: tuple[Finding, ...]) -> _Json:
    title = _sentence(rule.title or rule.slug)
    why = _plain(rule.why).strip()
    # GitHub keeps the precision by rule, so it is as low as the least certain finding.
    least = min((finding.confidence for finding in findings if finding.rule == rule.slug), default=Confidence.MEDIUM)
    references = [f"- <{reference}>" if "://" in reference else f"- {reference}" for reference in rule.references]
    more = "\n\nReferences:\n\n" + "\n".join(references) if references else ""
    return {
        "id": rule.slug,
        **_name(rule.slug),
        "shortDescription": {"text": _cut(title)},
        "fullDescription": {"text": _cut(_sentence(" ".join(why.split("\n\n")[0].split())) if why else title)},
        "help": {
            "text": (why or title) + more.replace("<", "").replace(">", ""),
            "markdown": (rule.why.strip() or title) + more,
        },
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {
            "tags": [*([rule.group] if rule.group else []), "kubernetes", "http", "reliability"],
            "precision": _PRECISION[least],
            "problem.severity": _PROBLEM[rule.severity],
        },
    }


def _name(slug: str) -> _Json:
    # A name that differs from the id by its case only is refused by the official validator.
    return {"name": "".join(word.capitalize() for word in slug.split("-"))} if "-" in slug else {}


def _result(finding: Finding, index: dict[str, int], hashes: Callable[[Source], list[str]]) -> _Json:
    message, related = _message(finding)
    location = _location(finding.place)
    line = location["physicalLocation"]["region"]["startLine"]
    result: _Json = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVEL[finding.severity],
        "message": {"text": message},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": hashes(finding.place.source)[line - 1]},
        "properties": _properties(finding),
    }
    if finding.key:
        result["partialFingerprints"]["kubelint5xx/v1"] = finding.key
    if related:
        result["relatedLocations"] = related
    steps = [
        {"location": _location(step.place, step.label), "nestingLevel": level}
        for level, step in enumerate(finding.route)
        if step.place
    ]
    if steps:
        result["codeFlows"] = [{"message": {"text": "The path of a request."}, "threadFlows": [{"locations": steps}]}]
    if finding.advice and finding.advice.replacement and (place := _exact(finding.advice.place)):
        result["fixes"] = [_fix(finding.advice, place)]
    return result


def _suppressed(item: Suppressed, result: _Json) -> _Json:
    suppression: _Json = {"kind": "inSource", "location": _location(item.place)}
    if item.reason.strip():
        suppression["justification"] = item.reason
    return {**result, "suppressions": [suppression]}


@record(frozen=False)
class _Links:
    """The places that one message links to, in order; a place that is linked twice is listed once."""

    places: list[Span] = field(default_factory=list)
    locations: list[_Json] = field(default_factory=list)

    def to(self, cited: Cited, place: Span) -> int:
        """The id of the related location for ``cited``."""
        if place not in self.places:
            self.places.append(place)
            text = cited.label.strip() or cited.text.strip() or "A value."
            self.locations.append({"id": len(self.places), **_location(place, text)})
        return self.places.index(place) + 1


def _message(finding: Finding) -> tuple[str, list[_Json]]:
    """The message with its links, and what they lead to. Its first sentence is the alert's title."""
    links = _Links()
    parts = []
    for part in finding.message:
        if isinstance(part, str):
            parts.append(_escaped(part))
        elif part.text and (place := part.value.place):
            parts.append(f"[{_escaped(part.text)}]({links.to(part, place)})")
        else:
            parts.append(_escaped(part.text))
    said = [_sentence("".join(parts).strip() or _escaped(finding.title or finding.rule))]
    bites = wording.BITES.get(finding.bites, finding.bites)
    said.append(f"Users meet it {bites}, as {finding.status}." if finding.status else f"Users meet it {bites}.")
    said += [_escaped(_sentence(f"Assumed: {assumption}")) for assumption in finding.assumptions]
    if finding.also:
        said.append(f"{finding.also} more {'fails' if finding.also == 1 else 'fail'} by the same value.")
    if finding.advice and finding.advice.title.strip():
        said.append(_escaped(_sentence(f"Fix: {finding.advice.title}")))
    return " ".join(said), links.locations


def _properties(finding: Finding) -> _Json:
    said: _Json = {
        "confidence": str(finding.confidence),
        "bites": finding.bites,
        "status": finding.status,
        "environments": ", ".join(finding.environments),
    }
    properties = {name: value for name, value in said.items() if value}
    for cited in finding.evidence:
        properties.setdefault(cited.label, cited.text)
    # SARIF keeps this name for a list.
    properties.pop("tags", None)
    return properties


def _exact(place: Span | None) -> Span | None:
    """``place`` in its file; None where the file holds the text in another form, so that it cannot be replaced."""
    inside = place.source.inside if place else None
    while inside is not None:
        if inside.indent is None:
            return None
        inside = inside.span.source.inside
    return place.in_file() if place else None


def _fix(advice: Advice, place: Span) -> _Json:
    start, end, text = _insertion(place, advice.replacement)
    region = {
        **dict(zip(("startLine", "startColumn"), _position(place.source, start), strict=True)),
        **dict(zip(("endLine", "endColumn"), _position(place.source, end), strict=True)),
    }
    replacement = {"deletedRegion": region, "insertedContent": {"text": text}}
    change = {"artifactLocation": _artifact(place.path), "replacements": [replacement]}
    return {
        "description": {"text": _sentence(advice.title.strip() or "Change this setting")},
        "artifactChanges": [change],
    }


def _insertion(place: Span, text: str) -> tuple[int, int, str]:
    """Where to write ``text``. New lines go to the end of the line before: editors move column 1 to the indentation."""
    source, at = place.source, place.start
    fresh = place.start == place.end and at > 0 and source.text[at - 1] == "\n" and text.endswith("\n")
    if not fresh:
        return place.start, place.end, text
    newline = "\r\n" if source.text[:at].endswith("\r\n") else "\n"
    before = at - len(newline)
    return before, before, newline + text.removesuffix("\n").removesuffix("\r")


def _notifications(report: Report) -> list[_Json]:
    found = []
    for problem in report.problems:
        physical: _Json = {"artifactLocation": _artifact(problem.path)} if problem.path else {}
        if physical and problem.line > 0:
            physical["region"] = {"startLine": problem.line}
        locations = [{"physicalLocation": physical}] if physical else []
        found.append(_notification(problem.kind, problem.message, locations))
    for unknown in report.unknowns:
        if not unknown.rule:
            text = f"{unknown.about}: {unknown.reason}" if unknown.about else unknown.reason
            found.append(_notification("undecided", text, [_location(unknown.place)] if unknown.place else []))
    return found


def _notification(kind: str, text: str, locations: list[_Json]) -> _Json:
    level, description = _NOTICES[kind]
    notification: _Json = {
        "descriptor": {"id": kind, "index": list(_NOTICES).index(kind)},
        "level": level,
        "message": {"text": _escaped(_sentence(text.strip() or description))},
    }
    return {**notification, "locations": locations} if locations else notification


def _location(span: Span, text: str = "") -> _Json:
    if span.foreign:
        # What is in another repository cannot be opened: the location is where the configuration tells of it.
        text = f"{text.removesuffix('.')}: {span}" if text.strip() else str(span)
        span = span.here()
    physical = {"artifactLocation": _artifact(span.path), "region": _region(span)}
    message = {"message": {"text": _escaped(text)}} if text.strip() else {}
    return {"physicalLocation": physical, **message}


def _region(span: Span) -> _Json:
    """The first line of ``span``, widened to one character where nothing of the line is in it."""
    span = span.in_file()
    source, line = span.source, span.line
    low = source.line_start(line)
    high = low + len(source.line_text(line))
    start = min(span.start, high)
    end = min(max(span.end, start), high)
    if start == end:
        start, end = (start, start + 1) if start < high else (max(low, start - 1), end)
    (_, first), (_, last) = _position(source, start), _position(source, end)
    return {"startLine": line, "startColumn": first, "endLine": line, "endColumn": last}


def _position(source: Source, offset: int) -> tuple[int, int]:
    """Line and column of ``offset``, both from 1, the column in UTF-16 units."""
    line = source.line_of(offset)
    before = source.text[source.line_start(line) : offset]
    return line, 1 + len(before) + sum(character > "\uffff" for character in before)


def _artifact(path: str) -> _Json:
    # Names of files may hold bytes that are no UTF-8, which Python keeps as surrogates.
    return {"uri": quote(path.encode("utf-8", "surrogateescape")), "uriBaseId": ROOT}


def _line_hashes(source: Source) -> list[str]:
    return line_hashes(source.text)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _escaped(text: str) -> str:
    """``text`` without meaning to readers that look for links."""
    return text.replace("[", "\\[").replace("]", "\\]")


def _cut(text: str) -> str:
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"


def _plain(markdown: str) -> str:
    """``markdown`` as a reader of plain text would have it: no marks of code, links with their address behind."""
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"\1 (\2)", markdown).replace("`", "")
