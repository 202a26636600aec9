"""The one function in the middle: files and a configuration in, a report out. No output, no network, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Finding, Report, RuleInfo, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Rendered, Tree
from kubelint5xx.engine.abouts import abouts
from kubelint5xx.engine.rule import Rule, rule_names, rules_over, shipped_rules
from kubelint5xx.engine.run import run, strictest
from kubelint5xx.inputs import Inputs, read_inputs
from kubelint5xx.link.assemble import link
from kubelint5xx.link.images import Builds
from kubelint5xx.model.topology import Model
from kubelint5xx.suppress import MARK, Suppression, annotations_of, apply, comments_of
from kubelint5xx.unused import unused

if TYPE_CHECKING:
    from kubelint5xx.link.told import Told


def understand(tree: Tree, config: Config) -> Model:
    """The request paths of ``tree``, without judging them, and all problems of its files."""
    inputs = read_inputs(tree, config)
    model = link(inputs.documents, inputs.modules, Builds.of_tree(tree, config), config)
    return replace(model, problems=tuple(_problems(inputs, model, tree)))


def tell(tree: Tree, config: Config) -> tuple[Model, Told, Callable[[Span, bool], Span]]:
    """The request paths of ``tree``, what of them the checks of other trees can join with theirs, and where a person
    would change what stands at a place: for sure, or else likely."""
    from kubelint5xx.link.telling import tell as tell_parts

    inputs = read_inputs(tree, config)
    model, told = tell_parts(inputs.documents, inputs.modules, Builds.of_tree(tree, config), config)
    model = replace(model, problems=tuple(_problems(inputs, model, tree)))
    if isinstance(tree, Rendered):
        return model, told, tree.locate
    return model, told, _in_file


def _in_file(span: Span, _: bool) -> Span:
    return span.in_file()


def check(
    tree: Tree, config: Config, rules: Iterable[Rule] | None = None, own: Sequence[Rule] = ()
) -> Report:
    """Every rule over every request path of ``tree``. Pure: the same tree and configuration give the same report.

    ``rules``: instead of all that are shipped. ``own``: beside them.
    """
    inputs = read_inputs(tree, config)
    builds = Builds.of_tree(tree, config)
    model = link(inputs.documents, inputs.modules, builds, config)
    if rules is None:
        known = (*rules_over({about.over for about in abouts(model, config)}), *own)
        groups = {**rule_names(), **{rule.slug: rule.group for rule in own}}
    else:
        known = rules = (*rules, *own)
        groups = {rule.slug: rule.group for rule in known}
    # What follows from another finding yields to it before anything is deselected or suppressed.
    findings, unknowns, coverage = run(known, model, config)
    if any(part.select or part.ignore for part in config.everywhere()):
        # What was left out neither fails a hop nor leaves a question open.
        def chosen(rule: Rule, place: Span | None) -> bool:
            return _chosen({rule.slug, rule.group}, config.at(place.path) if place else config)

        _, unknowns, coverage = run(known, model, config, chosen)
    names = [*groups, *groups.values()]
    # Suppressions see what is deselected as well: one that waits for such a finding is in use.
    kept, annotated, unneeded = apply(
        findings, [*annotations_of(model.annotated)], lambda slug: groups.get(slug, ""), names
    )
    if isinstance(tree, Rendered):
        # Several renderings are made of one file: what is set there once is one finding.
        kept = strictest([_graded(_located(finding, tree), config) for finding in kept])
    comments = _comments(tree, inputs, builds, kept)
    kept, commented, idle = apply(kept, comments, lambda slug: groups.get(slug, ""), names)
    suppressed = [*(replace(one, finding=_located(one.finding, tree)) for one in annotated), *commented]
    read = inputs.analysed | {source.path for source in builds.sources}
    problems = _problems(inputs, model, tree, [*unneeded, *idle, *unused(tree, read, config)])
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
        unknowns=tuple(_roughly(unknown, tree) for unknown in [*unjoined, *unknowns]),
        coverage=replace(
            coverage,
            files=inputs.files,
            objects=model.objects,
            unreadable=_count(problems, "unreadable"),
            unrendered=_count(problems, "unrendered"),
        ),
        rules=_Infos(rules, tuple(own)),
    )


@record
class _Infos:
    """What reports say of the rules, read from their files when a report asks for it: only SARIF does."""

    rules: Iterable[Rule] | None
    own: tuple[Rule, ...]

    def __iter__(self) -> Iterator[RuleInfo]:
        return (rule.info() for rule in ((*shipped_rules(), *self.own) if self.rules is None else self.rules))


def _comments(tree: Tree, inputs: Inputs, builds: Builds, findings: Iterable[Finding]) -> list[Suppression]:
    """The suppressing comments of all files: also of those that a tool's output stands for, instead of the output's,
    and of values that are no objects, where a finding shows them."""
    hidden: list[Source] = []
    shown = inputs.suppressions
    if isinstance(tree, Rendered):
        paths = set(tree.paths())
        shown = [one for one in shown if tree.locate(one.span, sure=False) == one.span]
        hidden = [source for path in tree.hidden() if path not in paths and (source := _marked(tree, path)) is not None]
    seen = {suppression.span.path for suppression in shown}
    places = [place for one in findings for place in (one.place, *(cited.value.place for cited in one.evidence))]
    cited = {place.path: place.in_file().source for place in places if place is not None}
    others = [
        source
        for source in {source.path: source for source in (*cited.values(), *builds.sources, *hidden)}.values()
        if MARK in source.text and source.path not in seen
    ]
    return [*shown, *(comment for source in others for comment in comments_of(source))]


def _marked(tree: Tree, path: str) -> Source | None:
    try:
        data = tree.read(path)
        return Source(path, data.decode("utf-8-sig")) if MARK.encode() in data else None
    except (OSError, UnicodeDecodeError):
        return None


def _located(finding: Finding, tree: Tree) -> Finding:
    """The finding with the places where a person would change something, where a tool's output was judged."""
    if not isinstance(tree, Rendered):
        return finding
    from kubelint5xx.core.places import moved

    route = moved(finding.route, lambda span: tree.locate(span, sure=False))
    found = replace(moved(replace(finding, route=()), tree.locate), route=route)
    return replace(found, key=finding.key.replace(finding.place.path, found.place.path))


def _graded(finding: Finding, config: Config) -> Finding:
    """The finding with the severity that is said where it now stands."""
    said = config.at(finding.place.path).severity.get(finding.rule) if config.nested else None
    return replace(finding, severity=said) if said is not None else finding


def _roughly(unknown: Unknown, tree: Tree) -> Unknown:
    if unknown.place is None or not isinstance(tree, Rendered):
        return unknown
    return replace(unknown, place=tree.locate(unknown.place, sure=False))


def _problems(inputs: Inputs, model: Model, tree: Tree, more: Iterable[Problem] = ()) -> list[Problem]:
    of_modules = (problem for module in inputs.modules.values() for problem in module.problems)
    found = {*inputs.problems, *of_modules, *model.problems, *more}
    if isinstance(tree, Rendered):
        # What could not be rendered is told by who tried.
        told = {problem.path for problem in tree.problems}
        found = {one for one in found if one.kind != "unrendered" or one.path not in told}
        found = {*map(tree.explain, found), *tree.problems}
    return sorted(map(_in_one_line, found), key=lambda one: (one.path, one.line, one.column, one.message, one.kind))


def _in_one_line(problem: Problem) -> Problem:
    """Names in files can hold line breaks, and what a message quotes is theirs."""
    words = problem.message
    return problem if words.isprintable() else replace(problem, message=" ".join(words.split()))


def _count(problems: list[Problem], kind: str) -> int:
    """How many files have such a problem."""
    return len({problem.path for problem in problems if problem.kind == kind})


def _chosen(names: set[str], config: Config) -> bool:
    return (not config.select or bool(names & set(config.select))) and not names & set(config.ignore)


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.place.path, finding.place.start, finding.place.end, finding.rule, finding.key


def _selected(finding: Finding, config: Config, groups: dict[str, str]) -> bool:
    names = {finding.rule, groups[finding.rule]}
    config = config.at(finding.place.path)
    if not _chosen(names, config):
        return False
    if finding.severity < config.min_severity or finding.confidence < config.min_confidence:
        return False
    return not any(
        names & set(ignored)
        for pattern, ignored in config.per_path_ignore.items()
        if fnmatchcase(finding.place.path, pattern)
    )
