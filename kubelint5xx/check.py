"""The one function in the middle: files and a configuration in, a report out. No output, no network, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Finding, Report, RuleInfo, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.tree import Tree
from kubelint5xx.engine.rule import Rule, rule_names, rules_over, shipped_rules
from kubelint5xx.engine.run import abouts, run
from kubelint5xx.inputs import Inputs, read_inputs
from kubelint5xx.link.assemble import link
from kubelint5xx.link.images import Builds
from kubelint5xx.model.topology import Model
from kubelint5xx.suppress import MARK, annotations_of, apply, comments_of


def understand(tree: Tree, config: Config) -> Model:
    """The request paths of ``tree``, without judging them, and all problems of its files."""
    inputs = read_inputs(tree, config)
    model = link(inputs.documents, inputs.modules, Builds.of_tree(tree, config), config)
    return replace(model, problems=tuple(_problems(inputs, model)))


def check(tree: Tree, config: Config, rules: Iterable[Rule] | None = None) -> Report:
    """Every rule over every request path of ``tree``. Pure: the same tree and configuration give the same report."""
    inputs = read_inputs(tree, config)
    builds = Builds.of_tree(tree, config)
    model = link(inputs.documents, inputs.modules, builds, config)
    if rules is None:
        known = tuple(rules_over({about.over for about in abouts(model, config)}))
        groups = rule_names()
    else:
        known = rules = tuple(rules)
        groups = {rule.slug: rule.group for rule in known}
    # What follows from another finding yields to it before anything is deselected or suppressed.
    findings, unknowns, coverage = run(known, model, config)
    if config.select or config.ignore:
        # What was left out neither fails a hop nor leaves a question open.
        chosen = [rule for rule in known if _chosen({rule.slug, rule.group}, config)]
        _, unknowns, coverage = run(chosen, model, config)
    suppressions = [*inputs.suppressions, *annotations_of(model.annotated)]
    seen = {suppression.span.path for suppression in inputs.suppressions}
    for source in builds.sources:
        if MARK in source.text and source.path not in seen:
            suppressions.extend(comments_of(source))
    names = [*groups, *groups.values()]
    # Suppressions see what is deselected as well: one that waits for such a finding is in use.
    kept, suppressed, unused = apply(findings, suppressions, lambda slug: groups.get(slug, ""), names)
    problems = _problems(inputs, model, unused)
    unjoined = [Unknown("", missing.what, missing.reason, missing.place) for missing in model.undecided]
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
        rules=_Infos(rules),
    )


@record
class _Infos:
    """What reports say of the rules, read from their files when a report asks for it: only SARIF does."""

    rules: Iterable[Rule] | None

    def __iter__(self) -> Iterator[RuleInfo]:
        return (rule.info() for rule in (shipped_rules() if self.rules is None else self.rules))


def _problems(inputs: Inputs, model: Model, more: Iterable[Problem] = ()) -> list[Problem]:
    of_modules = (problem for module in inputs.modules.values() for problem in module.problems)
    found = {*inputs.problems, *of_modules, *model.problems, *more}
    return sorted(found, key=lambda one: (one.path, one.line, one.column, one.message, one.kind))


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
