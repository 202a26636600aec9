"""The phrases that several formats share: when a fault bites, where a number comes from, the totals."""

from __future__ import annotations

from collections import Counter

from kubelint5xx.core.finding import Coverage, Finding, Report
from kubelint5xx.core.value import Default, Severity

BITES = {
    "always": "always",
    "idle": "on reused connections",
    "load": "under load",
    "deploy": "during deploys",
    "scale": "when nodes scale",
}


def count(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def when(finding: Finding) -> str:
    """What users see, and when: ``502 on reused connections``; without the status where it is not known."""
    bites = BITES.get(finding.bites, finding.bites)
    return f"{finding.status} {bites}" if finding.status else bites


def default(origin: Default) -> str:
    """Whose default a value is and who says so: ``the default of gunicorn, nothing sets it (https://…)``.

    Where a place that could set it was not read, the phrase says only that nothing *read* sets it.
    """
    nothing = "nothing that was read sets it" if origin.unseen else "nothing sets it"
    cite = f" ({origin.cite})" if origin.cite else ""
    return f"the default of {origin.product}, {nothing}{cite}"


def totals(report: Report) -> str:
    """``2 errors, 1 warning; 3 suppressed``."""
    found = Counter(finding.severity for finding in report.findings)
    parts = [
        count(found[severity], str(severity)) if severity is not Severity.INFO else f"{found[severity]} info"
        for severity in sorted(Severity, reverse=True)
        if found[severity]
    ]
    suppressed = f"; {len(report.suppressed)} suppressed" if report.suppressed else ""
    return (", ".join(parts) or "No findings") + suppressed


def coverage(seen: Coverage) -> str:
    """``31 hops: 12 proved, 4 fail, 15 undecided; 3 charts not rendered; 2 files not read in full``."""
    if seen.hops:
        states = ((seen.proved, "proved"), (seen.failing, "fail"), (seen.undecided, "undecided"))
        parts = [f"{count(seen.hops, 'hop')}: " + ", ".join(f"{number} {state}" for number, state in states if number)]
    else:
        parts = [f"no hop found in {count(seen.files, 'file')}"]
    if seen.unrendered:
        parts.append(f"{count(seen.unrendered, 'chart')} not rendered")
    if seen.unreadable:
        parts.append(f"{count(seen.unreadable, 'file')} not read in full")
    return "; ".join(parts)
