"""What a rule read, taken away: a finding may stay only where every possible value would leave it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import pytest

from kubelint5xx.check import understand
from kubelint5xx.core.record import replace
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.core.value import Assumed, Data, Derived, Members, Subject, Value, Version
from kubelint5xx.engine.abouts import About, abouts
from kubelint5xx.engine.findings import Failure
from kubelint5xx.engine.rule import shipped_rules
from kubelint5xx.engine.run import judge
from kubelint5xx.model.knobs import vocabulary
from kubelint5xx.rule_tests import Example
from tests.rules.stacks import FIRING, config_of, files_with

RULES = {rule.slug: rule for rule in shipped_rules()}
OF_TYPE: dict[str, tuple[Data, ...]] = {
    "duration": (0.0, 1.0, 29.0, 600.0, 1e9, math.inf),
    "number": (0.0, 1.0, 1e9),
    "bool": (True, False),
    "version": (Version((1, 0)), Version((1, 18)), Version((9, 9))),
    "text": ("instance", "ip", "Local", "http1", "grpc", "sleep", "exec", "sh", "terminating", "false", "another"),
}


@cache
def failures(name: str) -> tuple[Failure, ...]:
    """How the rule of a firing example fails in it, before anything is yielded, merged or left out."""
    example: Example = dict(FIRING)[name]
    files = files_with(example)
    config = config_of(files)
    rule = RULES[example.rule]
    about = [about for about in abouts(understand(MemoryTree(files), config), config) if about.over == rule.over]
    return tuple(failure for one in about if (failure := judge(rule, one)[1]) is not None)


def all_inputs(value: Value) -> Iterator[Value]:
    yield value
    if isinstance(value.origin, Derived):
        for part in value.origin.inputs:
            yield from all_inputs(part)


def quantities(failure: Failure) -> Iterator[tuple[Subject, str]]:
    """The quantities that the failing rule read, also by way of facts and of members of sets."""
    read = {id(value) for one in failure.reads for value in all_inputs(one.value)}
    subjects = list(dict.fromkeys(failure.about.bindings.values()))
    for subject in subjects:
        for name, value in subject.values.items():
            if isinstance(value.data, Members):
                subjects.extend(value.data.items)
            if id(value) in read:
                yield subject, name


def with_value(about: About, subject: Subject, quantity: str, value: Value) -> About:
    changed = replace(subject, values={**subject.values, quantity: value})

    def swapped(one: Subject) -> Subject:
        if one is subject:
            return changed
        sets = {name: held for name, held in one.values.items() if isinstance(held.data, Members)}
        for name, held in sets.items():
            assert isinstance(held.data, Members)
            if subject in held.data.items:
                items = tuple(changed if item is subject else item for item in held.data.items)
                one = replace(one, values={**one.values, name: replace(held, data=replace(held.data, items=items))})
        return one

    return replace(about, bindings={name: swapped(one) for name, one in about.bindings.items()})


@pytest.mark.parametrize("name", [name for name, _ in FIRING])
def test_what_is_not_known_is_no_finding_unless_every_value_would_be(name: str) -> None:
    assert failures(name)
    for failure in failures(name):
        rule, about = failure.rule, failure.about
        met = list(quantities(failure))
        assert met
        for subject, quantity in met:
            blank = with_value(about, subject, quantity, Value.unknown("a template"))
            outcome, left, reason = judge(rule, blank)
            if left is None:
                assert outcome != "unknown" or reason
                continue
            kind = vocabulary(subject.kind)[quantity]
            for data in OF_TYPE.get(kind, ()):
                known = with_value(about, subject, quantity, Value(data, Assumed("any value")))
                assert judge(rule, known)[0] == "fails", f"{quantity} of {subject.name} = {data}"


@pytest.mark.parametrize("name", [name for name, _ in FIRING])
def test_of_what_a_finding_rests_on_something_decides(name: str) -> None:
    for failure in failures(name):
        outcomes = [
            judge(failure.rule, with_value(failure.about, subject, quantity, Value.unknown("a template")))[0]
            for subject, quantity in quantities(failure)
        ]
        assert "unknown" in outcomes


@pytest.mark.parametrize("name", [name for name, one in FIRING if RULES[one.rule].over == "membership"])
def test_a_set_that_may_hold_more_decides_nothing(name: str) -> None:
    for failure in failures(name):
        for subject, quantity in quantities(failure):
            value = subject.values[quantity]
            if isinstance(value.data, Members) and not value.data.items:
                opened = replace(value, data=replace(value.data, open="a module is not in the files"))
                about = with_value(failure.about, subject, quantity, opened)
                assert judge(failure.rule, about)[0] == "unknown"
