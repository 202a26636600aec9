from __future__ import annotations

import json as reference
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, child
from kubelint5xx.core.source import Source
from kubelint5xx.formats import json


def read(text: str) -> Reading:
    return json.read(Source("a.json", text))


def root(text: str) -> Node:
    reading = read(text)
    assert not reading.problems
    assert reading.documents[0].format == "json"
    return reading.documents[0].root


def data(node: Node | None) -> Any:
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [data(item) for item in node.items]
        case Mapping():
            return {entry.key.value: data(entry.value) for entry in node.entries}
    return node


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_reads_what_the_standard_library_writes(value: Any, indent: int | str | None, escaped: bool) -> None:
    assert data(root(reference.dumps(value, indent=indent, ensure_ascii=escaped))) == value


@given(st.text('{}[]:,"\\ \n\t\ufeffétruefalsnul0123-+.eE/'))
def test_accepts_exactly_what_the_standard_library_accepts(text: str) -> None:
    try:
        reference.loads(text.removeprefix("\ufeff"))
        valid = True
    except (ValueError, RecursionError):
        valid = False
    reading = read(text)
    assert bool(reading.documents) == valid
    for problem in reading.problems:
        assert 1 <= problem.line <= text.count("\n") + 1
        assert problem.column >= 1


@given(st.text())
def test_any_text_is_read_without_raising(text: str) -> None:
    read(text)


def test_spans_are_exact() -> None:
    text = '\ufeff{\r\n\t"a\\/b" : [ 1, -2.5e3, true , null ],\n "é": {"x": "\\ud83d\\ude00"}, "z": {}, "l": [] }\n'
    node = root(text)
    assert data(node) == {"a/b": [1, -2500.0, True, None], "é": {"x": "😀"}, "z": {}, "l": []}
    assert node.span.text == text.strip("\ufeff\n")
    assert isinstance(node, Mapping)
    assert node.entries[0].key.span.text == '"a\\/b"'
    values = child(node, "a/b")
    assert isinstance(values, Sequence)
    assert [item.span.text for item in values.items] == ["1", "-2.5e3", "true", "null"]
    inner = child(node, "é", "x")
    assert isinstance(inner, Scalar)
    assert (inner.span.text, inner.raw, inner.quoted) == ('"\\ud83d\\ude00"', "😀", True)
    assert (inner.span.line, inner.span.column) == (3, 13)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"a": 1,\n "b" 2}', 2, 6, "not valid JSON: ':' is expected here, not '2'"),
        ('{"a": 1,}', 1, 9, "not valid JSON: a key in double quotes is expected here, not '}'"),
        ("[1\n 2]", 2, 2, "not valid JSON: ',' or ']' is expected here, not '2'"),
        ("[1,\n", 1, 3, "not valid JSON: a value is expected, and the text ends"),
        ("", 1, 1, "not valid JSON: a value is expected, and the text ends"),
        ("{}\n{}", 2, 1, "not valid JSON: more text follows after the value"),
        ('["a\nb"]', 1, 4, "not valid JSON: invalid control character"),
        ('\n"abc', 2, 1, "not valid JSON: unterminated string"),
        ("[NaN]", 1, 2, "not valid JSON: a value is expected here, not 'N'"),
    ],
)
def test_problems_say_what_is_wrong_and_where(text: str, line: int, column: int, message: str) -> None:
    (problem,) = read(text).problems
    assert (problem.line, problem.column, problem.message) == (line, column, message)
    assert not read(text).documents


def test_repeated_keys_are_kept_and_noticed() -> None:
    reading = read('{"a": 1,\n "a": 2}')
    node = reading.documents[0].root
    assert isinstance(node, Mapping)
    assert [data(value) for value in node.every("a")] == [1, 2]
    assert [str(problem) for problem in reading.problems] == ["a.json:2: key a is given twice; the last one wins"]
    assert reading.problems[0].kind == "notice"


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_a_problem(opening: str) -> None:
    assert read(opening * 100_000).problems[0].message == "nests deeper than 200 levels"


def test_numbers_beyond_all_types_do_not_raise() -> None:
    node = root(f"[{'9' * 200}, 1e999, {'9' * 10_000}]")
    assert isinstance(node, Sequence)
    assert data(node.items[0]) == 1e200
    assert isinstance(node.items[1], Unresolved)
    assert isinstance(node.items[2], Unresolved)
