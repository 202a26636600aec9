from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import (
    Assumed,
    Confidence,
    Data,
    Default,
    Derived,
    Join,
    Members,
    Origin,
    Subject,
    Value,
    Version,
    Written,
    in_words,
)

SPAN = Span(Source("a.yaml", "grace: 30"), 7, 9)
PARTS = st.lists(st.integers(0, 40), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("origin", "data", "expected"),
    [
        (Written(SPAN), 5.0, Confidence.HIGH),
        (Default("nginx", "keepalive_timeout"), 5.0, Confidence.MEDIUM),
        (Default("nginx", "keepalive_timeout", unseen=("nginx.conf",)), 5.0, Confidence.LOW),
        (Default("AWS ALB"), True, Confidence.HIGH),
        (Assumed("the only candidate"), 5.0, Confidence.LOW),
        (Written(SPAN), Members(), Confidence.HIGH),
        (Written(SPAN), Members(assumed="only these are in sight"), Confidence.LOW),
        (Derived("nothing"), 5.0, Confidence.HIGH),
    ],
)
def test_confidence_follows_from_the_origin(origin: Origin, data: Data, expected: Confidence) -> None:
    assert Value(data, origin).confidence is expected


ORIGINS = st.recursive(
    st.sampled_from([Written(SPAN), Default("nginx", "x"), Default("nginx", "x", unseen=("y",)), Assumed("z")]),
    lambda inner: st.lists(inner.map(lambda origin: Value(1.0, origin)), max_size=3).map(
        lambda inputs: Derived("computed", tuple(inputs))
    ),
    max_leaves=6,
)


@given(ORIGINS)
def test_what_is_derived_is_as_sure_as_the_least_sure_of_its_inputs(origin: Origin) -> None:
    def leaves(value: Value) -> list[Confidence]:
        if isinstance(value.origin, Derived):
            return [sure for part in value.origin.inputs for sure in leaves(part)]
        return [value.confidence]

    value = Value(1.0, origin)
    assert value.confidence == min(leaves(value), default=Confidence.HIGH)


def test_the_place_of_a_value_is_where_a_person_would_look() -> None:
    block = Span(SPAN.source, 0, 5)
    assert Value(1.0, Written(SPAN)).place is SPAN
    assert Value(1.0, Default("nginx", "x", place=block)).place is block
    assert Value(1.0, Derived("sum", (Value(1.0, Assumed("?")), Value(1.0, Written(SPAN))))).place is SPAN
    assert Value.unknown("a template", SPAN).place is SPAN
    assert not Value.unknown("a template").known


def test_a_subject_that_was_joined_by_assumption_is_not_sure() -> None:
    sure = Subject("pod", "web", SPAN, {}, (Join("by its selector"),))
    assert sure.confidence is Confidence.HIGH
    assert (
        Subject("pod", "web", SPAN, {}, (*sure.joins, Join("the only one", assumed=True))).confidence is Confidence.LOW
    )
    assert sure.read("grace") == Value.unknown("grace of web was not read", SPAN)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.29", (1, 29)),
        ("v1.29.3", (1, 29, 3)),
        ("v1.29.0-eksbuild.1", (1, 29, 0)),
        (" 20-alpine ", (20,)),
        ("1.x", (1,)),
        ("7.4rc1.2", (7, 4)),
        ("latest", None),
        ("", None),
        ("v", None),
        ("²", None),
    ],
)
def test_a_version_is_the_numbers_that_its_text_begins_with(text: str, parts: tuple[int, ...] | None) -> None:
    found = Version.parse(text)
    assert (found.parts if found else None) == parts


def test_a_version_of_absurd_length_is_some_version() -> None:
    assert Version.parse("9" * 5000 + ".1") == Version((999_999_999, 1), "9" * 5000 + ".1")


@given(PARTS)
def test_a_version_that_is_printed_parses_again(parts: list[int]) -> None:
    assert Version.parse(".".join(map(str, parts))) == Version(tuple(parts), ".".join(map(str, parts)))


@given(PARTS, PARTS)
def test_versions_of_equal_length_are_ordered_as_their_numbers(a: list[int], b: list[int]) -> None:
    size = min(len(a), len(b))
    x, y = a[:size], b[:size]
    assert Version(tuple(x)).compare(Version(tuple(y))) == (x > y) - (x < y)


@given(PARTS, PARTS, st.lists(st.integers(0, 40), max_size=2))
def test_more_parts_never_contradict_what_fewer_parts_left_possible(
    a: list[int], b: list[int], more: list[int]
) -> None:
    bound = Version(tuple(b))
    assert set(Version((*a, *more)).orders(bound)) <= set(Version(tuple(a)).orders(bound))


@given(PARTS, st.lists(st.integers(0, 40), min_size=1, max_size=2))
def test_a_bound_holds_all_that_begins_like_it(parts: list[int], more: list[int]) -> None:
    assert Version((*parts, *more)).compare(Version(tuple(parts))) == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "unknown"),
        (True, "yes"),
        (False, "no"),
        (60.0, "60 s"),
        (0.25, "250 ms"),
        (0.0, "0 s"),
        (2592000.0, "2592000 s"),
        (math.inf, "no limit"),
        ("http1", "http1"),
        (Version.parse("v1.29.3"), "1.29.3"),
        (Version((1, 29)), "1.29"),
        (Members(), "none"),
        (Members((Subject("hook", "a", None, {}), Subject("hook", "b", None, {}))), "a, b"),
    ],
)
def test_data_in_words(data: Data, words: str) -> None:
    assert in_words(data) == words
