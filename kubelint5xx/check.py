"""The one function in the middle: files and a configuration in, a report out. No output, no network, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Finding, Report, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import Tree
from kubelint5xx.engine.rule import Rule, shipped_rules
from kubelint5xx.engine.run import run
from kubelint5xx.inputs import read_inputs
from kubelint5xx.link.assemble import link
from kubelint5xx.link.images import Builds
from kubelint5xx.model.topology import Model
from kubelint5xx.suppress import MARK, annotations_of, apply, comments_of, places_of


def understand(tree: Tree, config: Config) -> Model:
    """The request paths of ``tree``, without judging them."""
    inputs = read_inputs(tree, config)
    return link(inputs.documents, inputs.modules, Builds.of_tree(tree, config), config)


def check(tree: Tree, config: Config, rules: Iterable[Rule] | None = None) -> Report:
    """Every rule over every request path of ``tree``. Pure: the same tree and configuration give the same report."""
    known = tuple(rules) if rules is not None else shipped_rules()
    inputs = read_inputs(tree, config)
    model = link(inputs.documents, inputs.modules, Builds.of_tree(tree, config), config)
    # What follows from another finding yields to it before anything is deselected or suppressed.
    findings, unknowns, coverage = run(known, model, config)
    if config.select or config.ignore:
        # What was left out neither fails a hop nor leaves a question open.
        chosen = [rule for rule in known if _chosen({rule.slug, rule.group}, config)]
        _, unknowns, coverage = run(chosen, model, config)
    suppressions = [*inputs.suppressions, *annotations_of(model.annotated)]
    seen = {suppression.span.path for suppression in suppressions}
    for source in _cited_sources(findings):
        if MARK in source.text and source.path not in seen:
            suppressions.extend(comments_of(source))
    groups = {rule.slug: rule.group for rule in known}
    names = [*groups, *groups.values()]
    # Suppressions see what is deselected as well: one that waits for such a finding is in use.
    kept, suppressed, unused = apply(findings, suppressions, lambda slug: groups.get(slug, ""), names)
    problems = [*inputs.problems, *(p for m in inputs.modules.values() for p in m.problems), *model.problems]
    problems += unused
    unjoined = [Unknown("", missing.what, missing.reason, missing.place) for missing in model.undecided]
    problems = sorted(set(problems), key=lambda one: (one.path, one.line, one.column, one.message, one.kind))
    return Report(
        findings=tuple(sorted((one for one in kept if _selected(one, config, groups)), key=_order)),
        suppressed=tuple(
            sorted(
                (one for one in suppressed if _selected(one.finding, config, groups)),
                key=lambda one: _order(one.finding),
            )
        ),
        problems=tuple(problems),
        unknowns=tuple([*unjoined, *unknowns]),
        coverage=replace(
            coverage,
            files=inputs.files,
            objects=model.objects,
            unreadable=_count(problems, "unreadable"),
            unrendered=_count(problems, "unrendered"),
        ),
        rules=tuple(rule.info() for rule in known),
    )


def _count(problems: list[Problem], kind: str) -> int:
    """How many files have such a problem."""
    return len({problem.path for problem in problems if problem.kind == kind})


def _chosen(names: set[str], config: Config) -> bool:
    return (not config.select or bool(names & set(config.select))) and not names & set(config.ignore)


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.place.path, finding.place.start, finding.place.end, finding.rule, finding.key


def _selected(finding: Finding, config: Config, groups: dict[str, str]) -> bool:
    names = {finding.rule, groups[finding.rule]}
    if not _chosen(names, config):
        return False
    if finding.severity < config.min_severity or finding.confidence < config.min_confidence:
        return False
    return not any(
        names & set(ignored)
        for pattern, ignored in config.per_path_ignore.items()
        if fnmatchcase(finding.place.path, pattern)
    )


def _cited_sources(findings: Iterable[Finding]) -> Iterable[Source]:
    """Files that a finding points into and that were read on the way: server configuration, sources, Dockerfiles."""
    found: dict[str, Source] = {}
    for finding in findings:
        for place in places_of(finding):
            found.setdefault(place.path, place.in_file().source)
    return found.values()
