from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.expr import MAX_LENGTH, Expression, Function, compile_expression
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Data, Default, Derived, Members, Subject, Value, Version, Written

PLACE = Span(Source("a.yaml", "value"), 0, 5)
HOP = {
    "idle_timeout": "duration",
    "response_timeout": "duration",
    "keepalive": "bool",
    "resends": "bool",
    "graceful": "bool",
    "status": "number",
    "protocol": "text",
    "version": "version",
    "hooks": "set of hook",
    "handlers": "set of hook",
}
HOOK = {"transition": "text", "extended": "bool", "heartbeat": "duration"}
NAMES = {"sender": "hop", "receiver": "hop", "limit": "duration"}
TRUTH = st.sampled_from([True, False, None])


def vocabulary(kind: str) -> Mapping[str, str]:
    return {"hop": HOP, "hook": HOOK}[kind]


def double(value: Value) -> Value:
    assert isinstance(value.data, float)
    return Value(value.data * 2, Derived("twice", (value,)))


def longest(hop: Subject) -> Value:
    return hop.read("response_timeout")


FUNCTIONS = {
    "double": Function(("duration",), "duration", double),
    "longest": Function(("hop",), "duration", longest),
}


def compiled(text: str, gives: str = "") -> Expression:
    return compile_expression(text, NAMES, vocabulary, FUNCTIONS, gives)


def value(data: Data) -> Value:
    return Value(data, Written(PLACE), "" if data is not None else "nobody knows")


def hop(**values: Data) -> Subject:
    return Subject("hop", "a hop", PLACE, {name: value(data) for name, data in values.items()})


def hook(**values: Data) -> Subject:
    return Subject("hook", "a hook", PLACE, {name: value(data) for name, data in values.items()})


def result(text: str, **values: Data) -> Data:
    return compiled(text).trace({"sender": hop(**values), "receiver": hop(), "limit": value(30.0)}).data


def reads(text: str, **values: Data) -> list[str]:
    outcome = compiled(text).trace({"sender": hop(**values), "receiver": hop(), "limit": value(30.0)})
    return [read.name for read in outcome.reads]


def refused(text: str) -> str:
    with pytest.raises(RuleError) as error:
        compiled(text)
    return str(error.value)


# Three-valued logic


def both(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else None if a is None or b is None else True


def either(a: bool | None, b: bool | None) -> bool | None:
    return True if a is True or b is True else None if a is None or b is None else False


@given(TRUTH, TRUTH)
def test_and_or_not_are_those_of_kleene(a: bool | None, b: bool | None) -> None:
    assert result("sender.keepalive and sender.resends", keepalive=a, resends=b) is both(a, b)
    assert result("sender.keepalive or sender.resends", keepalive=a, resends=b) is either(a, b)
    assert result("not sender.keepalive", keepalive=a) is (None if a is None else not a)


@given(TRUTH, TRUTH, TRUTH)
def test_laws_of_de_morgan_and_distribution_hold_with_unknowns(a: bool | None, b: bool | None, c: bool | None) -> None:
    for one, other in (
        ("not (sender.keepalive and sender.resends)", "not sender.keepalive or not sender.resends"),
        ("not (sender.keepalive or sender.resends)", "not sender.keepalive and not sender.resends"),
        (
            "sender.keepalive and (sender.resends or sender.graceful)",
            "sender.keepalive and sender.resends or sender.keepalive and sender.graceful",
        ),
    ):
        values = {"keepalive": a, "resends": b, "graceful": c}
        assert result(one, **values) is result(other, **values)


FORMULAS = st.recursive(
    st.sampled_from(["sender.keepalive", "sender.resends", "sender.graceful"]),
    lambda inner: st.one_of(
        inner.map(lambda a: f"(not {a})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    ),
    max_leaves=8,
)


@given(FORMULAS, TRUTH, TRUTH, TRUTH)
def test_what_is_decided_with_unknowns_is_what_every_possible_value_gives(
    text: str, a: bool | None, b: bool | None, c: bool | None
) -> None:
    decided = result(text, keepalive=a, resends=b, graceful=c)
    possible = {
        result(text, keepalive=x, resends=y, graceful=z)
        for x in ([True, False] if a is None else [a])
        for y in ([True, False] if b is None else [b])
        for z in ([True, False] if c is None else [c])
    }
    if decided is not None:
        assert possible == {decided}


@given(FORMULAS, TRUTH, TRUTH, TRUTH)
def test_the_values_that_were_read_decide_alone(text: str, a: bool | None, b: bool | None, c: bool | None) -> None:
    values: dict[str, Data] = {"keepalive": a, "resends": b, "graceful": c}
    outcome = compiled(text).trace({"sender": hop(**values)})
    seen = {read.name.partition(".")[2] for read in outcome.reads}
    if outcome.data is not None:
        assert result(text, **{name: data if name in seen else None for name, data in values.items()}) is outcome.data


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_a_comparison_with_an_unknown_is_unknown_and_says_why(operator: str) -> None:
    outcome = compiled(f"sender.idle_timeout {operator} limit").trace(
        {"sender": hop(idle_timeout=None), "limit": value(1.0)}
    )
    assert outcome.data is None
    assert outcome.reason == "nobody knows"


def test_a_quantity_that_nobody_read_is_unknown() -> None:
    assert result("sender.idle_timeout > 5") is None


# Traces


def test_a_trace_holds_exactly_the_values_that_decided() -> None:
    both_read = ["sender.keepalive", "sender.resends"]
    assert reads("sender.keepalive and sender.resends", keepalive=True, resends=True) == both_read
    assert reads("sender.keepalive and sender.resends", keepalive=True, resends=False) == ["sender.resends"]
    assert reads("sender.keepalive or sender.resends", keepalive=False, resends=True) == ["sender.resends"]
    assert reads("sender.keepalive or sender.resends", keepalive=False, resends=False) == both_read
    assert reads("sender.idle_timeout + 5 > limit", idle_timeout=60.0) == ["sender.idle_timeout", "limit"]


def test_an_expression_that_only_reads_gives_the_value_itself() -> None:
    sender = hop(idle_timeout=60.0)
    assert compiled("sender.idle_timeout").evaluate({"sender": sender}) is sender.values["idle_timeout"]


def test_a_computed_value_names_its_inputs() -> None:
    sender = hop(idle_timeout=60.0)
    found = compiled("sender.idle_timeout + 15").evaluate({"sender": sender})
    assert found == Value(75.0, Derived("sender.idle_timeout + 15", (sender.values["idle_timeout"],)))


def test_a_yes_is_not_taken_for_the_number_one_that_it_was_computed_from() -> None:
    found = compiled("sender.status >= 1").evaluate({"sender": hop(status=1.0)})
    assert found.data is True
    assert isinstance(found.origin, Derived)


# Sets


def group(*transitions: str | None, open: str = "", assumed: str = "") -> Members:
    return Members(tuple(hook(transition=text) for text in transitions), open, assumed)


QUANTIFIED = 'any(hook.transition == "t" for hook in sender.hooks)'


@pytest.mark.parametrize(
    ("members", "some", "every", "no"),
    [
        (group(), False, True, True),
        (group(open="more may exist"), None, None, None),
        (group("t"), True, True, False),
        (group("t", open="more may exist"), True, None, False),
        (group("l"), False, False, True),
        (group("l", open="more may exist"), None, False, None),
        (group("t", "l"), True, False, False),
        (group("t", None), True, None, False),
        (group("l", None), None, False, None),
        (group("l", assumed="only these are in sight"), False, False, True),
        (None, None, None, None),
    ],
)
def test_quantifiers_need_a_closed_set_unless_a_member_decides(
    members: Members | None, some: bool | None, every: bool | None, no: bool | None
) -> None:
    assert result(QUANTIFIED, hooks=members) is some
    assert result(QUANTIFIED.replace("any", "all"), hooks=members) is every
    assert result(QUANTIFIED.replace("any", "none"), hooks=members) is no


def test_a_member_that_decides_is_all_that_is_read_and_else_the_set_is_read_too() -> None:
    assert reads(QUANTIFIED, hooks=group("l", "t")) == ["hook.transition"]
    assert reads(QUANTIFIED, hooks=group("l", "m")) == ["sender.hooks", "hook.transition", "hook.transition"]


def test_what_follows_from_a_set_that_is_only_assumed_closed_has_low_confidence() -> None:
    sender = hop(hooks=group(assumed="only these are in sight"))
    assert str(compiled(QUANTIFIED).evaluate({"sender": sender}).confidence) == "low"


def test_quantifiers_nest() -> None:
    text = "any(all(a.extended or b.extended for b in sender.handlers) for a in sender.hooks)"
    yes, no = Members((hook(extended=True),)), Members((hook(extended=False),))
    assert result(text, hooks=yes, handlers=no) is True
    assert result(text, hooks=no, handlers=no) is False


# Numbers, texts, versions


def test_literals_take_the_unit_of_what_they_meet() -> None:
    assert compiled("sender.idle_timeout + 15").type == "duration"
    assert compiled("15 + sender.idle_timeout").type == "duration"
    assert compiled("2 * sender.status").type == "number"
    assert compiled("15", "duration").type == "duration"
    assert isinstance(compiled("15", "duration").evaluate({}).data, float)
    assert result("max(sender.idle_timeout, 90)", idle_timeout=60.0) == 90.0
    assert result("min(sender.idle_timeout, limit) - -1", idle_timeout=60.0) == 31.0


def test_no_limit_is_more_than_any_time_and_what_it_cannot_give_is_unknown() -> None:
    assert result("sender.idle_timeout > limit", idle_timeout=math.inf) is True
    assert result("sender.idle_timeout == unlimited", idle_timeout=math.inf) is True
    assert result("sender.idle_timeout + 5", idle_timeout=math.inf) == math.inf
    assert result("sender.idle_timeout - unlimited", idle_timeout=math.inf) is None
    assert result("sender.idle_timeout * 0", idle_timeout=math.inf) is None
    assert result("sender.idle_timeout - unlimited > 5 or sender.keepalive", idle_timeout=math.inf, keepalive=True)


def test_comparisons_chain() -> None:
    assert result("5 < sender.idle_timeout <= limit", idle_timeout=30.0) is True
    assert result("5 < sender.idle_timeout <= limit", idle_timeout=31.0) is False


@pytest.mark.parametrize(
    ("version", "test", "expected"),
    [
        ("1.14", '< "1.15"', True),
        ("1.15", '>= "1.15"', True),
        ("1.15.3", '== "1.15"', True),
        ("v1.29.0-eksbuild.1", '< "1.30"', True),
        ("1", '< "1.15"', None),
        ("1.30", '< "1.30.1"', None),
        ("1.30", '>= "1.30.0"', True),
        ("1.30", '> "1.30.0"', None),
        ("1.30", '< "1.30.0"', False),
        ("1.9", '< "1.10"', True),
        ("2", '>= "1.30.1"', True),
    ],
)
def test_versions_compare_by_the_parts_that_are_written(version: str, test: str, expected: bool | None) -> None:
    assert result(f"sender.version {test}", version=Version.parse(version)) is expected


def test_texts_compare_for_equality_and_with_lists() -> None:
    assert result('sender.protocol in ("http1", "grpc")', protocol="grpc") is True
    assert result('sender.protocol not in ("http1", "grpc")', protocol="grpc") is False
    assert result('sender.protocol in ("http1",)', protocol=None) is None
    assert result('sender.protocol != "http1"', protocol="grpc") is True


def test_written_tells_what_a_file_says_from_what_a_default_gives() -> None:
    default = Value(5.0, Default("gunicorn", "keepalive"))
    computed = Value(5.0, Derived("sum", (value(1.0), default)))
    for origin, expected in ((value(5.0), True), (default, False), (computed, False), (value(None), None)):
        sender = Subject("hop", "a hop", PLACE, {"idle_timeout": origin})
        assert compiled("written(sender.idle_timeout)").trace({"sender": sender}).data is expected


def test_facts_take_values_and_whole_subjects() -> None:
    assert result("double(sender.idle_timeout + 1) == 122", idle_timeout=60.0) is True
    assert result("longest(sender) > limit", response_timeout=60.0) is True
    assert reads("longest(sender) > limit", response_timeout=60.0) == ["longest", "limit"]


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sender.idle_timout > 5", "did you mean 'idle_timeout'?"),
        ("sendr.idle_timeout > 5", "did you mean 'sender'?"),
        ("longst(sender) > 5", "did you mean 'longest'?"),
        ("sender.idle_timeout > sender.status", "a duration does not compare with a number"),
        ("sender.idle_timeout + sender.status > 5", "a duration and a number do not add"),
        ("sender.idle_timeout * limit > 5", "two durations do not multiply"),
        ("sender.idle_timeout > '5'", "a duration does not compare with a text"),
        ("sender.keepalive > sender.resends", "a bool has no order"),
        ("sender.protocol < 'x'", "a text has no order"),
        ("sender.keepalive + 1", "a bool and a literal number do not add"),
        ("sender.version < 'latest'", "is not a version"),
        ("sender.version < 1.15", "a version does not compare with a literal number"),
        ("sender == receiver", "a hop does not compare with a hop"),
        ("sender.hooks == sender.handlers", "a set of hook does not compare with a set of hook"),
        ("sender.idle_timeout and sender.keepalive", "is a duration, and a yes or no is needed"),
        ("not sender.protocol", "is a text, and a yes or no is needed"),
        ("sender.protocol in 'http1'", "`in` takes a text"),
        ("sender.protocol in ('http1', 5)", "`in` takes a text"),
        ("sender.protocol in ('http1', sender.protocol)", "`in` takes a text"),
        ("max(sender.idle_timeout, sender.status)", "max takes two or more numbers of one unit"),
        ("max(sender.idle_timeout)", "max takes two or more numbers of one unit"),
        ("written(sender)", "written takes one quantity"),
        ("double(sender.status)", "double takes a duration here, not a number"),
        ("longest(sender, sender)", "longest takes 1 arguments"),
        ("any(sender.keepalive)", "any is written any(… for item in some.set)"),
        ("any(h.extended for h in sender.hooks if h.extended)", "any is written any(… for item in some.set)"),
        ("any(h.extended for h in sender.hooks for g in sender.hooks)", "any is written"),
        ("any(h.heartbeat for h in sender.hooks)", "is a duration, and a yes or no is needed"),
        ("any(h.extended for h in sender.idle_timeout)", "is a duration, not a set"),
        ("any(sender.extended for sender in sender.hooks)", "'sender' already has a meaning here"),
    ],
)
def test_wrong_names_and_types_are_errors_that_help(text: str, message: str) -> None:
    assert message in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sender.keepalive and",
        "x = 5",
        "import os",
        "lambda: 5",
        "[h.extended for h in sender.hooks]",
        "{h for h in sender.hooks}",
        "(h.extended for h in sender.hooks)",
        "sender.idle_timeout.real",
        "sender.__class__",
        "sender.__class__.__mro__",
        "__import__('os')",
        "sender.idle_timeout.__add__(5)",
        "longest(hop=sender)",
        "longest(*sender)",
        "max(*sender.hooks)",
        "f'{sender.idle_timeout}'",
        "(x := sender.idle_timeout) > 5",
        "2 ** 99999999",
        "sender.idle_timeout / 2",
        "sender.idle_timeout % 2",
        "1 << 9999999",
        "~1",
        "+sender.idle_timeout",
        "-sender.idle_timeout",
        "sender['idle_timeout']",
        "sender.hooks[0]",
        "sender.keepalive if sender.resends else sender.graceful",
        "sender.keepalive is None",
        "None",
        "...",
        "b'x'",
        "1j",
        "[1, 2]",
        "await sender",
        "5 < sender.idle_timeout in (1,)",
        "1" * 400,
        "\0",
    ],
)
def test_what_is_not_in_the_grammar_is_refused(text: str) -> None:
    refused(text)


def test_huge_expressions_are_refused() -> None:
    assert "longer than" in refused("not " * MAX_LENGTH + "sender.keepalive")
    assert "parts" in refused(" or ".join(["limit>1"] * 120))
    refused("(" * 900 + "limit" + ")" * 900)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_rule_error(text: str) -> None:
    with suppress(RuleError):
        compiled(text)


@given(
    st.lists(
        st.sampled_from(
            ["sender", ".", "idle_timeout", "keepalive", " and ", " not ", "(", ")", " > ", "5", "any", "for"]
        ),
        max_size=12,
    ).map("".join)
)
def test_what_compiles_evaluates_without_an_exception(text: str) -> None:
    try:
        expression = compiled(text)
    except RuleError:
        return
    expression.evaluate({"sender": hop(), "receiver": hop(), "limit": value(None)})


def test_the_type_that_is_asked_for_has_to_come_out() -> None:
    with pytest.raises(RuleError, match="comes to a duration, and a bool is needed"):
        compiled("sender.idle_timeout", "bool")
