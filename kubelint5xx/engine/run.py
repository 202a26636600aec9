"""Rules over a model: which fail, on which evidence, and what could not be decided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Advice, Cited, Coverage, Finding, Message, Step, Unknown
from kubelint5xx.core.logic import Bindings, Outcome, Read
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import (
    Assumed,
    Confidence,
    Default,
    Derived,
    Members,
    Severity,
    Subject,
    Value,
    Written,
    in_words,
)
from kubelint5xx.engine.rule import Case, Rule, Template
from kubelint5xx.model.knobs import OVER, knobs_of
from kubelint5xx.model.topology import Edge, Hop, Model


@record
class About:
    """One thing that rules of a kind are about: the names of their expressions, bound. The first is the focus."""

    over: str
    bindings: dict[str, Subject]
    route: tuple[Step, ...] = ()

    @property
    def focus(self) -> Subject:
        return self.bindings[next(iter(OVER[self.over]))]


@record
class Failure:
    """A case that failed, before its finding is written."""

    rule: Rule
    case: Case
    about: About
    required: tuple[Read, ...]
    applied: tuple[Read, ...]

    @property
    def reads(self) -> tuple[Read, ...]:
        """What was read: first what had to hold and did not, then what told that it applies."""
        return self.required + self.applied


def abouts(model: Model, config: Config) -> Iterator[About]:
    """All that rules can be about, in the model's order."""
    budget = Subject("budget", "the configuration", None, {name: config.budget(name) for name in _BUDGETS})
    no_cluster = Subject("cluster", "the cluster", None, {})
    no_target_group = Subject("target_group", "the target group", None, {})
    none_needed = Subject("target_group", "the target group", None, {"target_type": Value("none", Default(""))})
    onward = _onward(model.edges)
    for edge in model.edges:
        sender, receiver = edge.sender.outbound, edge.receiver.inbound
        without = none_needed if edge.sender.product and edge.sender.role != "balancer" else no_target_group
        target_group = edge.target_group or without
        here = {"edge": edge.subject, "sender": sender, "target_group": target_group}
        yield About("edge", {**here, "receiver": receiver, "budget": budget}, edge.route)
        for inner in onward.get(_program(edge.receiver), (receiver,)):
            # A program without such a timeout waits for nothing that could be compared.
            if "response_timeout" in sender.values and "response_timeout" in inner.values:
                bound = {"edge": edge.subject, "sender": sender, "inner": inner}
                yield About("relay", {**bound, "budget": budget}, edge.route)
        if edge.pod is not None:
            bound = {"pod": edge.pod, "server": receiver, "cluster": edge.cluster or no_cluster}
            yield About("serving", {**here, **bound, "budget": budget}, edge.route)
    for member in model.memberships:
        cluster = member.cluster or no_cluster
        bound = {"group": member.group, "target_group": member.target_group, "cluster": cluster, "budget": budget}
        yield About("membership", bound, member.route)
    for cluster in model.clusters:
        yield About("cluster", {"cluster": cluster, "budget": budget})
    for setting in model.settings:
        cluster = setting.cluster or no_cluster
        yield About("setting", {"setting": setting.subject, "cluster": cluster, "budget": budget})
    for target in model.targets:
        yield About("target_group", {"target_group": target.subject, "budget": budget}, target.route)
    for reference in model.references:
        yield About("reference", {"reference": reference, "budget": budget})
    for attribute in model.attributes:
        yield About("attribute", {"attribute": attribute, "budget": budget})


def _onward(edges: Iterable[Edge]) -> dict[_Program, tuple[Subject, ...]]:
    """The faces with which each program sends requests on: a proxy may have another one for every route."""
    found: dict[_Program, dict[Subject, None]] = {}
    for edge in edges:
        found.setdefault(_program(edge.sender), {})[edge.sender.outbound] = None
    return {program: tuple(faces) for program, faces in found.items()}


_Program = tuple[str, str, Span | None]


def _program(hop: Hop) -> _Program:
    return hop.product, hop.name, hop.place


_BUDGETS = ("endpoint_propagation", "deregistration_propagation", "idle_margin")


def run(rules: Iterable[Rule], model: Model, config: Config) -> tuple[list[Finding], list[Unknown], Coverage]:
    """Every rule over all that it is about. Findings come in no particular order."""
    by_over: dict[str, list[Rule]] = {}
    for rule in rules:
        by_over.setdefault(rule.over, []).append(rule)
    failures: list[Failure] = []
    unknowns: dict[tuple[str, str, Span | None], Unknown] = {}
    edges: dict[Subject, set[str]] = {edge.subject: set() for edge in model.edges}
    for about in abouts(model, config):
        task = about.over == "serving" and about.bindings["edge"].read("of_task").data is True
        for rule in by_over.get(about.over, ()):
            if task and not rule.tasks:
                continue
            outcome, failure, reason = _judge(rule, about)
            if failure is not None:
                failures.append(failure)
            elif outcome == "unknown":
                name, place = about.focus.name, about.focus.place
                unknowns.setdefault((rule.slug, name, place), Unknown(rule.slug, name, reason, place))
            if (edge := about.bindings.get("edge")) is not None:
                edges[edge].add(outcome)
    counts = [_state(outcomes) for outcomes in edges.values()]
    coverage = Coverage(
        hops=len(counts),
        proved=counts.count("holds"),
        failing=counts.count("fails"),
        undecided=counts.count("unknown"),
    )
    findings = [_finding(failure, config) for failure in _without_yielding(failures)]
    return strictest(findings), list(unknowns.values()), coverage


def _state(outcomes: set[str]) -> str:
    return next((state for state in ("fails", "unknown") if state in outcomes), "holds")


def _judge(rule: Rule, about: About) -> tuple[str, Failure | None, str]:
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


def _finding(failure: Failure, config: Config) -> Finding:
    rule, case, about = failure.rule, failure.case, failure.about
    bindings: dict[str, Subject | Value] = dict(about.bindings)
    evidence = _evidence(failure.reads, about)
    primary = _primary(case, evidence, about)
    evidence = [primary, *(cited for cited in evidence if cited.value is not primary.value)]
    place = (primary.value.place or about.focus.place or _any_place(about, evidence)).in_file()
    subjects = list(_involved(failure.reads, about))
    return Finding(
        rule=rule.slug,
        title=rule.title,
        severity=config.severity.get(rule.slug, case.severity),
        confidence=_confidence(failure, subjects),
        bites=rule.bites,
        status=_status(rule, about),
        message=_render(case.message, bindings, about),
        place=place,
        evidence=(primary, *_telling(evidence[1:])),
        route=about.route,
        assumptions=tuple(dict.fromkeys((*_assumptions(evidence, subjects), *_elsewhere(evidence, config)))),
        advice=_advice(case, bindings, about, place),
        key=f"{rule.slug}:{place.path}:{about.focus.name}:{primary.label}",
    )


def _confidence(failure: Failure, subjects: list[Subject]) -> Confidence:
    """That of the values that had to hold. What only told that the rule applies counts where it is unsure itself."""
    deciding = [read.value.confidence for read in failure.required] + [subject.confidence for subject in subjects]
    doubts = [read.value.confidence for read in failure.applied if read.value.confidence == Confidence.LOW]
    return min([*deciding, *doubts], default=Confidence.HIGH)


def _telling(evidence: list[Cited]) -> Iterator[Cited]:
    """What a reader wants to see: all numbers, else what somebody wrote or what follows from it."""
    numbers = [cited for cited in evidence if not isinstance(cited.value.data, (bool, str))]
    yield from numbers or (cited for cited in evidence if not isinstance(cited.value.origin, Default))


def _involved(reads: tuple[Read, ...], about: About) -> Iterator[Subject]:
    """On whose joins the decision rests: what the rule is about, the edge, and all whose values were read."""
    values = {id(value): value for read in reads for value in _with_inputs(read.value)}
    for subject in dict.fromkeys(about.bindings.values()):
        read = any(id(value) in values for value in subject.values.values())
        if read or subject is about.focus or subject.kind == "edge":
            yield subject
    for value in values.values():
        if isinstance(value.data, Members):
            yield from value.data.items


def _with_inputs(value: Value) -> Iterator[Value]:
    yield value
    if isinstance(value.origin, Derived):
        for part in value.origin.inputs:
            yield from _with_inputs(part)


def _evidence(reads: tuple[Read, ...], about: About) -> list[Cited]:
    found: list[Cited] = []
    seen: set[int] = set()
    for read in reads:
        if id(read.value) not in seen:
            seen.add(id(read.value))
            found.append(Cited(in_words(read.value.data), _label(read.name, about), read.value))
    return found


def _label(name: str, about: About) -> str:
    # Of a fact its name says enough: stop_budget(pod, server).
    subject, dot, quantity = name.partition("(")[0].partition(".")
    bound = about.bindings.get(subject)
    knob = knobs_of(bound.kind).get(quantity) if bound is not None else None
    words = knob.words if knob and knob.words else (quantity or subject).replace("_", " ")
    return f"{words} of {bound.name}" if dot and bound is not None and bound.kind != "budget" else words


def _primary(case: Case, evidence: list[Cited], about: About) -> Cited:
    """What a person would change: what the rule names, else what its fix sets, else the first number that is read."""
    wanted = case.at or (case.fix.set if case.fix else "")
    if wanted:
        subject, _, quantity = wanted.partition(".")
        bound = about.bindings.get(subject)
        if bound is not None and quantity:
            value = bound.read(quantity)
            return Cited(in_words(value.data), _label(wanted, about), value)
        if bound is not None:
            origin = Written(bound.place) if bound.place else Derived("")
            return Cited(bound.name, bound.name, Value(bound.name, origin))
    numbers = [cited for cited in evidence if isinstance(cited.value.data, float) and cited.value.place]
    return next(iter(numbers), evidence[0])


def _any_place(about: About, evidence: list[Cited]) -> Span:
    places = [cited.value.place for cited in evidence] + [subject.place for subject in about.bindings.values()]
    places += [step.place for step in about.route]
    return next(place for place in places if place is not None)


def _status(rule: Rule, about: About) -> int | None:
    sender = about.bindings.get("sender") or about.bindings.get("target_group")
    if sender is None:
        return None
    status = sender.read(f"{rule.symptom}_status").data if rule.symptom != "crash" else None
    return int(status) if isinstance(status, (int, float)) else None


def _assumptions(evidence: list[Cited], subjects: list[Subject]) -> Iterator[str]:
    for subject in subjects:
        yield from (join.said for join in subject.joins if join.assumed)
    for cited in evidence:
        yield from _assumed(cited.value)


def _elsewhere(evidence: list[Cited], config: Config) -> Iterator[str]:
    """Where the decision takes the configuration's word for what another repository sets."""
    for value in (part for cited in evidence if config.assume for part in _with_inputs(cited.value)):
        place = value.place.in_file() if value.place else None
        if place is not None and config.assumes(place):
            yield f"{place.path}:{place.line} says what another repository sets"


def _assumed(value: Value) -> Iterator[str]:
    if isinstance(value.data, Members) and value.data.assumed:
        yield value.data.assumed
    match value.origin:
        case Assumed(why=why) if why:
            yield why
        case Default(unseen=unseen, product=product, setting=setting):
            what = f"{setting} is at {product}'s default" if setting else f"{product} does what it does by default"
            yield from (f"{what}; not read: {place}" for place in unseen)
        case Derived(inputs=inputs):
            for part in inputs:
                yield from _assumed(part)


def _render(template: Template, bindings: Bindings, about: About) -> Message:
    """The message with its values; a default says whose it is, and sentences begin with a capital."""
    parts: list[str | Cited] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(subject := bindings.get(part.text.strip()), Subject):
            parts.append(subject.name)
        else:
            value = part.evaluate(bindings)
            parts.append(Cited(_with_source(value), _label(part.text, about), value))
    begins = True
    for index, words in enumerate(parts):
        if isinstance(words, str):
            if begins and words.startswith("the "):
                parts[index] = "T" + words[1:]
            begins = words.endswith(". ")
    return tuple(parts)


def _plain(template: Template, bindings: Bindings) -> str:
    """The template's text with bare values."""
    words = ""
    for part in template.parts:
        if isinstance(part, str):
            words += part
        elif isinstance(subject := bindings.get(part.text.strip()), Subject):
            words += subject.name
        else:
            words += in_words(part.evaluate(bindings).data)
    return words


def _with_source(value: Value) -> str:
    """A value as messages print it: a default says whose it is."""
    words = in_words(value.data)
    match value.origin:
        case Default(product=product, setting=setting) if setting:
            return f"{words} ({product}'s default)"
        case Assumed():
            return f"{words} (assumed)"
    return words


def _advice(case: Case, bindings: Bindings, about: About, place: Span) -> Advice | None:
    if case.fix is None:
        return None
    to = case.fix.to.evaluate(bindings) if case.fix.to else None
    scope: dict[str, Subject | Value] = {**bindings, **({"to": to} if to else {})}
    title = _plain(case.fix.title, scope)
    replacement, where = "", place
    subject, _, quantity = case.fix.set.partition(".")
    if to is not None and isinstance(to.data, float) and subject in about.bindings:
        bound = about.bindings[subject]
        current = bound.read(quantity)
        if to.data > current.most:
            return Advice(_beyond(bound, quantity, current.most, about), place)
        replacement = _written_as(to.data, current)
        where = current.place or place
    return Advice(title, where, replacement, case.fix.safe)


def _beyond(subject: Subject, quantity: str, most: float, about: About) -> str:
    """What to do instead, where a fix asks for more than can be set."""
    knob = knobs_of(subject.kind).get(quantity)
    words = (knob.words if knob else "") or quantity.replace("_", " ")
    sender = about.bindings.get("sender")
    instead = f"Lower the {words} of {sender.name}" if sender and sender is not subject else f"Ask for a lower {words}"
    return f"{instead}: {subject.name} takes {in_words(most)} at most."


def _written_as(seconds: float, current: Value) -> str:
    """``seconds`` in the unit and the form of the text that it would replace; empty where that is no whole number."""
    if not isinstance(current.origin, Written) or not math.isfinite(seconds):
        return ""
    text, unit = current.origin.span.text, current.origin.unit
    bare = text.strip("\"'")
    if not (bare.isascii() and bare.isdigit()) or unit not in ("s", "ms"):
        return ""
    # What takes whole numbers may take no others; rules ask for at least so much.
    return text.replace(bare, str(math.ceil(seconds * 1000 if unit == "ms" else seconds)))


def strictest(findings: list[Finding]) -> list[Finding]:
    """One finding for each rule and deciding place: the one that asks for most, with the number of the others."""
    groups: dict[tuple[str, str, int, int, int, str], list[Finding]] = {}
    for finding in findings:
        # Two texts that stand in one file may have the same offsets of their own.
        place, start = finding.place, finding.place.in_file().start
        # Of several subjects that one place decides about (a Service's ports), each has a name of its own.
        quantity = finding.evidence[0].label.partition(" of ")[0]
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
