from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from kubelint5xx.core.finding import Finding
from kubelint5xx.core.value import Confidence, Severity
from kubelint5xx.engine.rule import rule_names
from kubelint5xx.rule_tests import run_stack
from tests.incidents.case_files import CASES, FOUND, GROUPS, INDEX, Case, Expected, summary

# Those of which the deciding values are all known.
_TOLD_IN_FULL = (
    1, 3, 5, 7, 9, 13, 15, 17, 21, 23, 25, 27, 31, 37, 39, 43, 49, 53, 57, 59, 67, 69, 71, 73, 77, 79, 85, 89, 91, 93,
    97, 101, 105, 109, 111, 113, 115, 119, 121, 125, 127, 129, 131, 137, 143, 153, 155, 163, 169, 173, 177,
)
TOLD_IN_FULL = [f"I{number:03}" for number in _TOLD_IN_FULL]

cases = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def found_in(files: Mapping[str, str]) -> tuple[Finding, ...]:
    report = run_stack(files)
    assert report.problems == ()
    return report.findings


def is_at(finding: Finding, expected: Expected) -> bool:
    return (
        finding.rule == expected.rule
        and finding.place.path == expected.file
        and expected.text in finding.place.source.line_text(finding.place.line)
    )


def told(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{one.severity} {one.confidence} {one.rule} {one.place}: {one.text}" for one in findings]


def is_loud(finding: Finding) -> bool:
    return finding.severity >= Severity.WARNING and finding.confidence >= Confidence.MEDIUM


@cases
def test_the_broken_state_is_found_and_the_healed_one_is_not(case: Case) -> None:
    broken, healed = found_in(case.broken), found_in(case.healed)
    causes = {expected.rule for expected in case.finds}
    for expected in case.finds:
        at = [finding for finding in broken if is_at(finding, expected)]
        if case.group == FOUND:
            assert at, f"{expected} is not among {told(broken)}"
            assert any(is_loud(finding) for finding in at) != bool(expected.quiet), told(tuple(at))
        else:
            assert not at, f"found now: {told(tuple(at))}"
    allowed = case.also | causes
    assert [line for line, one in zip(told(broken), broken, strict=True) if one.rule not in allowed] == []
    assert [line for line, one in zip(told(healed), healed, strict=True) if one.rule not in case.also] == []
    assert case.also <= {finding.rule for finding in (*broken, *healed)}


@cases
def test_a_case_is_complete(case: Case) -> None:
    assert case.about.endswith(".")
    assert {expected.rule for expected in case.finds} | case.also <= set(rule_names())
    assert not {expected.rule for expected in case.finds} & case.also
    assert case.group != FOUND or (case.finds and case.healed != case.broken)


def test_every_incident_told_in_full_is_in_one_group() -> None:
    assert tuple(group for group, _ in INDEX) == GROUPS
    count = Counter(incident for _, entries in INDEX for incident, _ in entries)
    assert [incident for incident, times in count.items() if times > 1] == []
    assert sorted(count) == sorted(TOLD_IN_FULL)
    assert summary().startswith("incidents: ")


def test_the_index_names_the_cases_and_gives_reasons_for_what_has_none() -> None:
    """A group has the name of a case, or a sentence that says why there is none."""
    names = {case.name for case in CASES}
    entries = [(incident, group, text) for group, pairs in INDEX for incident, text in pairs]
    assert [entry for entry in entries if entry[2] not in names and not entry[2].endswith(".")] == []
    assert [entry for entry in entries if entry[1] == FOUND and entry[2] not in names] == []
    named = {entry for entry in entries if entry[2] in names}
    assert named <= {(case.incident, case.group, case.name) for case in CASES}
    assert {(case.incident, case.group) for case in CASES} == {(incident, group) for incident, group, _ in named}
