from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import hocon, lookup


def values(written: str, key: str) -> list[object]:
    root = hocon.read(Source("application.conf", written)).documents[0].root
    return [node.value if isinstance(node, Scalar) else type(node) for node in lookup("hocon", root, key)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a.b = 75 s", ["75 s"]),
        ("a { b: 75s // long\n }", ["75s"]),
        ('{ "a": { "b": "x y" } }', ["x y"]),
        ("a { b = 1 }\na.b = 2", ["1", "2"]),
        ("a = { b = 1, b = ${?X} }", ["1", Unresolved]),
        ("a { b = pre${X} }", [Unresolved]),
        ("a.b = [1, 2]", [Sequence]),
        ("a.b += 1", [Unresolved]),
        ('a { # note\n c = """x\n}""", b = infinite }', ["infinite"]),
        ('"a.b" = 1', ["1"]),
        ("a {\n  b { c = 1 }\n}", [Mapping]),
        ("c = 1", []),
    ],
)
def test_a_setting_is_found_however_it_is_nested(written: str, expected: list[object]) -> None:
    assert values(written, "a.b") == expected


def test_an_include_leaves_open_what_else_is_set() -> None:
    root = hocon.read(Source("f", 'include "other.conf"\na { include required(file("x")), b = 1 }')).documents[0].root
    assert isinstance(root, Mapping) and root.open
    inner = root.get("a")
    assert isinstance(inner, Mapping) and inner.open and inner.keys() == ["b"]


@pytest.mark.parametrize(("written", "line"), [("a = 1\nb = {\n c = 2", 3), ("a = [1", 1), ("a = 1\n= 2", 2), ("a", 1)])
def test_what_does_not_parse_is_a_problem_in_its_line(written: str, line: int) -> None:
    reading = hocon.read(Source("f", written))
    assert [problem.line for problem in reading.problems] == [line]
    assert len(reading.documents) == 1


def test_nesting_is_bounded() -> None:
    assert "nested" in hocon.read(Source("f", "a{" * 5000)).problems[0].message
    assert "nested" in hocon.read(Source("f", "a=" + "[" * 5000)).problems[0].message
