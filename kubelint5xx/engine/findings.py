"""Findings: what a case that failed says, at which place, on which evidence, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Advice, Cited, Finding, Message
from kubelint5xx.core.logic import Bindings, Read
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import (
    Assumed,
    Confidence,
    Default,
    Derived,
    Members,
    Subject,
    Value,
    Written,
    in_words,
)
from kubelint5xx.engine.abouts import About
from kubelint5xx.engine.rule import Case, Rule, Template
from kubelint5xx.model.knobs import knobs_of


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


def finding_of(failure: Failure, config: Config) -> Finding:
    rule, case, about = failure.rule, failure.case, failure.about
    bindings: dict[str, Subject | Value] = dict(about.bindings)
    evidence = _evidence(failure.reads, about)
    primary = _primary(case, evidence, about)
    evidence = [primary, *(cited for cited in evidence if cited.value is not primary.value)]
    place = primary.value.place or about.focus.place or _any_place(about, evidence)
    place = _here(place, evidence, about) if place.foreign else place.in_file()
    subjects = list(involved(failure.reads, about))
    return Finding(
        rule=rule.slug,
        title=rule.title,
        severity=config.at(place.path).severity.get(rule.slug, case.severity),
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


def _here(place: Span, evidence: Iterable[Cited], about: About) -> Span:
    # Few configurations tell of other repositories.
    from kubelint5xx.engine.elsewhere import nearest

    return nearest(place, (cited.value for cited in evidence), about.bindings.values(), about.route)


def _confidence(failure: Failure, subjects: list[Subject]) -> Confidence:
    """That of the values that had to hold. What only told that the rule applies counts where it is unsure itself."""
    deciding = [read.value.confidence for read in failure.required] + [subject.confidence for subject in subjects]
    doubts = [read.value.confidence for read in failure.applied if read.value.confidence == Confidence.LOW]
    return min([*deciding, *doubts], default=Confidence.HIGH)


def _telling(evidence: list[Cited]) -> Iterator[Cited]:
    """What a reader wants to see: all numbers, else what somebody wrote or what follows from it."""
    numbers = [cited for cited in evidence if not isinstance(cited.value.data, (bool, str))]
    yield from numbers or (cited for cited in evidence if not isinstance(cited.value.origin, Default))


def involved(reads: tuple[Read, ...], about: About) -> Iterator[Subject]:
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
    for value in (part for cited in evidence if config.assumed for part in _with_inputs(cited.value)):
        place = value.place.in_file() if value.place else None
        if place is not None and config.assumes(place):
            yield f"{place.path}:{place.line} says what another repository sets"
    if config.assumed:
        from kubelint5xx.engine.elsewhere import said_elsewhere

        yield from said_elsewhere(cited.value for cited in evidence)


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
    if not isinstance(current.origin, Written) or current.origin.span.foreign or not math.isfinite(seconds):
        return ""
    text, unit = current.origin.span.text, current.origin.unit
    bare = text.strip("\"'")
    if not (bare.isascii() and bare.isdigit()) or unit not in ("s", "ms"):
        return ""
    # What takes whole numbers may take no others; rules ask for at least so much.
    return text.replace(bare, str(math.ceil(seconds * 1000 if unit == "ms" else seconds)))
