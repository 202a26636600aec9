"""Rules over a model: which fail, on which evidence, and what could not be decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Coverage, Finding, Unknown
from kubelint5xx.core.logic import Outcome
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Severity, Subject
from kubelint5xx.engine.abouts import About, abouts
from kubelint5xx.engine.findings import Failure, finding_of, involved
from kubelint5xx.engine.rule import Rule
from kubelint5xx.model.topology import Edge, Model


def run(
    rules: Iterable[Rule], model: Model, config: Config, chosen: Callable[[Rule, Span | None], bool] | None = None
) -> tuple[list[Finding], list[Unknown], Coverage]:
    """Every rule over all that it is about, or only where it is ``chosen``: at the place of the finding, or of what the
    rule is about. Findings come in no particular order."""
    by_over: dict[str, list[Rule]] = {}
    for rule in rules:
        by_over.setdefault(rule.over, []).append(rule)
    failures: list[Failure] = []
    unknowns: dict[tuple[str, str, Span | None], Unknown] = {}
    edges: dict[Subject, set[str]] = {edge.subject: set() for edge in model.edges if not _is_of_others(edge, config)}
    for about in abouts(model, config):
        task = about.over == "serving" and about.bindings["edge"].read("of_task").data is True
        for rule in by_over.get(about.over, ()):
            if task and not rule.tasks:
                continue
            outcome, failure, reason = judge(rule, about)
            if chosen and not chosen(rule, finding_of(failure, config).place if failure else about.focus.place):
                continue
            if failure is not None:
                failures.append(failure)
            elif outcome == "unknown" and not (about.focus.place and about.focus.place.foreign):
                name, place = about.focus.name, about.focus.place
                unknowns.setdefault((rule.slug, name, place), Unknown(rule.slug, name, reason, place))
            if (edge := about.bindings.get("edge")) in edges:
                edges[edge].add(outcome)
    counts = [_state(outcomes) for outcomes in edges.values()]
    coverage = Coverage(
        hops=len(counts),
        proved=counts.count("holds"),
        failing=counts.count("fails"),
        undecided=counts.count("unknown"),
    )
    failures = [one for one in _without_yielding(failures) if not config.assumed or not _of_others(one)]
    findings = [finding_of(failure, config) for failure in failures]
    return strictest(findings), list(unknowns.values()), coverage


def _state(outcomes: set[str]) -> str:
    return next((state for state in ("fails", "unknown") if state in outcomes), "holds")


def judge(rule: Rule, about: About) -> tuple[str, Failure | None, str]:
    """fails, unknown, holds or n/a; the first case that fails counts.

    Where an undecided case stands before one that fails, it fails for certain; the lower severity is said.
    """
    state, undecided, most = "n/a", "", Severity.ERROR
    for case in rule.cases:
        applies = case.when.trace(about.bindings) if case.when else Outcome(True)
        if applies.data is False:
            continue
        required = case.require.trace(about.bindings)
        if required.data is True:
            state = "holds"
        elif required.data is False and applies.data is True and case.severity <= most:
            return "fails", Failure(rule, case, about, required.reads, applies.reads), ""
        else:
            undecided, most = undecided or applies.reason or required.reason, min(most, case.severity)
    return ("unknown", None, undecided) if undecided else (state, None, "")


def _without_yielding(failures: list[Failure]) -> list[Failure]:
    by_slug: dict[str, list[Failure]] = {}
    for failure in failures:
        by_slug.setdefault(failure.rule.slug, []).append(failure)

    def redundant(failure: Failure) -> bool:
        return any(
            failure.about.focus in other.about.bindings.values()
            for slug in failure.rule.yields_to
            for other in by_slug.get(slug, ())
        )

    return [failure for failure in failures if not redundant(failure)]


def _is_of_others(edge: Edge, config: Config) -> bool:
    if not config.assumed:
        return False
    # Few configurations tell of other repositories.
    from kubelint5xx.engine.elsewhere import is_of_others

    return is_of_others((edge.sender.outbound, edge.subject), ())


def _of_others(failure: Failure) -> bool:
    """Whether a finding is another repository's own. That nodes belong to a target group is no value, so that there all
    that is known of them counts."""
    from kubelint5xx.engine.elsewhere import is_of_others

    about = failure.about
    subjects = [one for one in involved(failure.reads, about) if one.kind != "budget"]
    if about.over == "membership":
        subjects = [one for name, one in about.bindings.items() if name != "budget"]
        return is_of_others(subjects, [value for one in subjects for value in one.values.values()])
    return is_of_others(subjects, [read.value for read in failure.reads])


def strictest(findings: list[Finding]) -> list[Finding]:
    """One finding for each rule and deciding place: the one that asks for most, with the number of the others."""
    groups: dict[tuple[str, str, int, int, int, str], list[Finding]] = {}
    for finding in findings:
        # Two texts that stand in one file may have the same offsets of their own.
        place, start = finding.place, finding.place.in_file().start
        # Of several subjects that one place decides about (a Service's ports), each has a name of its own.
        quantity = finding.evidence[0].label.partition(" of ")[0]
        decides = finding.evidence[0].value.place
        if decides is not None and decides.foreign:
            place, start = decides, decides.start
        groups.setdefault((finding.rule, place.path, start, place.start, place.end, quantity), []).append(finding)
    kept: list[Finding] = []
    for group in groups.values():
        first = max(group, key=lambda finding: (finding.severity, _demand(finding), finding.confidence))
        kept.append(replace(first, also=sum(1 + finding.also for finding in group) - 1))
    return kept


def _demand(finding: Finding) -> float:
    """How far the deciding value is from what the other side asks for."""
    numbers = [cited.value.data for cited in finding.evidence if isinstance(cited.value.data, float)]
    return max((abs(number - numbers[0]) for number in numbers[1:]), default=0.0) if numbers else 0.0
