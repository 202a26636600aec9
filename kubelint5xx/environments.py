"""One check for each environment of the configuration, and one report of all: each finding says where it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kubelint5xx.core.finding import Coverage, Finding, Report, Suppressed, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace


def merged(reports: Mapping[str, Report]) -> Report:
    """The reports of several environments as one, in the same order. The hops of each are counted."""
    every = list(reports.values())
    findings = _merged([(name, one) for name, report in reports.items() for one in report.findings])
    suppressed: dict[object, Suppressed] = {}
    for one in (one for report in every for one in report.suppressed):
        suppressed.setdefault((_identity(one.finding), str(one.place)), one)
    unknowns: dict[object, Unknown] = {}
    for unknown in (unknown for report in every for unknown in report.unknowns):
        unknowns.setdefault((unknown.rule, unknown.about, unknown.reason, str(unknown.place)), unknown)
    problems = _problems([report.problems for report in every])
    return Report(
        findings=tuple(sorted(findings, key=_order)),
        suppressed=tuple(sorted(suppressed.values(), key=lambda one: _order(one.finding))),
        problems=tuple(problems),
        unknowns=tuple(unknowns.values()),
        coverage=_coverage([report.coverage for report in every], problems),
        rules=every[0].rules,
    )


def _merged(findings: Iterable[tuple[str, Finding]]) -> list[Finding]:
    found: dict[object, Finding] = {}
    for name, finding in findings:
        known = found.setdefault(_identity(finding), finding)
        found[_identity(finding)] = replace(known, environments=(*known.environments, name))
    return list(found.values())


def _identity(finding: Finding) -> object:
    """What makes two findings one: the same rule says the same of the same place."""
    place = finding.place.in_file()
    return finding.rule, place.path, place.start, place.end, finding.severity, finding.confidence, finding.text


def _order(finding: Finding) -> tuple[str, int, int, str, str, str]:
    return finding.place.path, finding.place.start, finding.place.end, finding.rule, finding.key, finding.text


def _problems(lists: list[tuple[Problem, ...]]) -> list[Problem]:
    """What is wrong in any environment; a notice (a suppression without use) only where it holds in all of them."""
    everywhere = set.intersection(*map(set, lists))
    found = {one for problems in lists for one in problems if one.kind != "notice" or one in everywhere}
    return sorted(found, key=lambda one: (one.path, one.line, one.column, one.message, one.kind))


def _coverage(counts: list[Coverage], problems: Iterable[Problem]) -> Coverage:
    def total(of: Callable[[Coverage], int]) -> int:
        return sum(map(of, counts))

    return Coverage(
        files=max(one.files for one in counts),
        objects=total(lambda one: one.objects),
        hops=total(lambda one: one.hops),
        proved=total(lambda one: one.proved),
        failing=total(lambda one: one.failing),
        undecided=total(lambda one: one.undecided),
        unreadable=len({problem.path for problem in problems if problem.kind == "unreadable"}),
        unrendered=len({problem.path for problem in problems if problem.kind == "unrendered"}),
    )
