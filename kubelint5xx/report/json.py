"""The report as JSON for other programs. ``schemas/report.schema.json`` describes it.

Within a version fields are only added. Columns are in code points, from 1; durations are in seconds. Of the source
text only the values themselves are given, since the lines around them may hold secrets.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from kubelint5xx import __version__
from kubelint5xx.core.finding import Advice, Cited, Coverage, Finding, Report
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Data, Default, Derived, Members, Severity, Value, Version, Written, in_words

VERSION = 1
UNLIMITED = "unlimited"


def render(report: Report) -> str:
    """``report`` as a JSON text that ends with a line break. The same report gives the same text."""
    by_severity = Counter(finding.severity for finding in report.findings)
    document = {
        "version": VERSION,
        "tool": {"name": "kubelint5xx", "version": __version__},
        "summary": {
            **{str(severity): by_severity[severity] for severity in sorted(Severity, reverse=True)},
            "suppressed": len(report.suppressed),
            "unknown": len(report.unknowns),
        },
        "coverage": {name: getattr(report.coverage, name) for name in Coverage.__match_args__},
        "findings": [_finding(finding) for finding in report.findings],
        "suppressed": [
            {"finding": _finding(item.finding), "place": _place(item.place), "reason": item.reason}
            for item in report.suppressed
        ],
        "problems": [
            {"kind": p.kind, "path": p.path, "line": p.line, "column": p.column, "message": p.message}
            for p in report.problems
        ],
        "unknowns": [
            {"rule": u.rule, "about": u.about, "reason": u.reason, "place": _place(u.place)} for u in report.unknowns
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "bites": finding.bites,
        "status": finding.status,
        "message": finding.text,
        "place": _place(finding.place),
        "evidence": [_cited(cited) for cited in finding.evidence],
        "route": [{"label": step.label, "place": _place(step.place)} for step in finding.route],
        "assumptions": list(finding.assumptions),
        "advice": _advice(finding.advice),
        "environments": list(finding.environments),
        "also": finding.also,
        "key": finding.key,
    }


def _advice(advice: Advice | None) -> dict[str, Any] | None:
    if advice is None:
        return None
    replacement = advice.replacement or None
    return {"title": advice.title, "place": _place(advice.place), "replacement": replacement, "safe": advice.safe}


def _cited(cited: Cited) -> dict[str, Any]:
    return {"text": cited.text, "label": cited.label, "value": _value(cited.value)}


def _value(value: Value) -> dict[str, Any]:
    return {
        "data": _data(value.data),
        "text": in_words(value.data),
        "reason": value.reason or None,
        "confidence": str(value.confidence),
        "place": _place(value.place),
        "origin": _origin(value),
    }


def _data(data: Data) -> Any:
    match data:
        case Version():
            return str(data)
        case Members():
            items = [{"kind": item.kind, "name": item.name, "place": _place(item.place)} for item in data.items]
            return {"items": items, "open": data.open or None, "assumed": data.assumed or None}
        case float() if math.isinf(data):
            return UNLIMITED
        case _:
            return data


def _origin(value: Value) -> dict[str, Any]:
    match value.origin:
        case Written(span=span, setting=setting, unit=unit, via=via):
            # What is unknown may stand in a whole block, which is more than the value.
            source = span.text if value.known else None
            through = [_place(place) for place in via]
            return {"kind": "written", "setting": setting, "unit": unit, "source": source, "via": through}
        case Default(product=product, setting=setting, cite=cite, unseen=unseen):
            said = {"product": product, "setting": setting, "cite": cite or None, "unseen": list(unseen)}
            return {"kind": "default", **said}
        case Derived(how=how, inputs=inputs):
            return {"kind": "derived", "how": how, "inputs": [_value(each) for each in inputs]}
        case Assumed(why=why):
            return {"kind": "assumed", "why": why}


def _place(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    place: dict[str, Any] = {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return place | {"statedAt": _place(span.here())} if span.foreign else place
