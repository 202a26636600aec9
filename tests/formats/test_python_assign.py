from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import python_assign


def root(source: str) -> Mapping:
    reading = python_assign.read(Source("gunicorn.conf.py", source))
    assert not reading.problems
    node = reading.documents[0].root
    assert isinstance(node, Mapping)
    return node


def value(source: str, name: str = "x") -> Node:
    node = root(source).get(name)
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("source", "expected", "place"),
    [
        ("x = 75", 75, "75"),
        ("x: int = 75", 75, "75"),
        ("x = 7_5.0", 75.0, "7_5.0"),
        ("x = 'sync'", "sync", "'sync'"),
        ("x = None", None, "None"),
        ("x = -1", -1, "-1"),
        ("x = 60 + 15", 75, "60 + 15"),
        ("x = 2 * (30 + 5) // 2", 35, "2 * (30 + 5) // 2"),
        ("x = 1\nx = 2", 2, "2"),
        ("é = '😀'; x = 75", 75, "75"),
        ("a = y = x = 5", 5, "5"),
        ("a, x = 1, 2", 2, "2"),
        ("x = 1\rx = 3", 3, "3"),
        ("\ufeffx = 75", 75, "75"),
        ("x = 60\nx += 15", 75, "x += 15"),
        ("if a:\n  x = 1\nx = 2", 2, "2"),
    ],
)
def test_literals_have_value_and_place(source: str, expected: object, place: str) -> None:
    node = value(source)
    assert isinstance(node, Scalar)
    assert (node.value, node.span.text) == (expected, place)
    assert type(node.value) is type(expected)


def test_names_lead_to_their_literals() -> None:
    node = value("ALB = 60\nb = ALB\nx = b")
    assert isinstance(node, Scalar)
    assert (node.value, node.span.text, node.span.line) == (60, "60", 1)
    assert [place.line for place in node.via] == [3, 2]


def test_containers_hold_nodes() -> None:
    node = value("x = [1, {'a': 2, b: 3}, f()]")
    assert isinstance(node, Sequence)
    inner = node.items[1]
    assert isinstance(inner, Mapping)
    assert inner.open
    assert isinstance(inner.get("a"), Scalar)
    assert isinstance(node.items[2], Unresolved)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = multiprocessing.cpu_count() * 2 + 1", "computed when the server starts: multiprocessing.cpu_count()"),
        ("x = 1 if a else 2", "computed when the server starts: 1 if a else 2"),
        ("if a:\n  x = 1", "assigned inside an if"),
        ("try:\n  pass\nexcept E:\n  x = 1", "assigned inside a try"),
        ("for x in y: pass", "assigned inside a for loop"),
        ("with a as x: pass", "assigned inside a with block"),
        ("def f():\n  global x\n  x = 1", "assigned inside a function"),
        ("from a import x", "imported from a"),
        ("import a as x", "imported from a"),
        ("def x(): pass", "a function or class, no value"),
        ("x = 10 ** 9", "computed when the server starts: 10 ** 9"),
        ("x = 1 / 0", "cannot be computed: division by zero"),
        ("x = 1e18 * 1000", "a number too large to mean anything"),
        ("x = 'a' * 1000000000", "computed when the server starts: 'a' * 1000000000"),
        ("x = y", "computed when the server starts: y"),
        ("x = 1\ndel x", "deleted"),
    ],
)
def test_what_only_running_tells_is_unresolved(source: str, reason: str) -> None:
    node = value(source)
    assert isinstance(node, Unresolved)
    assert node.reason == reason


def test_more_names_may_exist() -> None:
    assert root("from base import *\nx = 1").open
    assert root("globals().update(a)").open
    assert not root("def on_exit(server):\n  y = 1").open
    assert root("def on_exit(server):\n  y = 1").get("y") is None


@pytest.mark.parametrize(
    ("source", "line"), [("a = 1\nb = (", 2), ("x = '\0'", 1), ("(" * 100_000, 1), ("x = " + "-" * 50_000 + "1", 1),
                         ("x = " + "1+" * 50_000 + "1", 1), ("\n" * 1_000_001, 1), ("x = '\ud800'", 1)],
)  # fmt: skip
def test_what_is_no_python_is_a_problem(source: str, line: int) -> None:
    reading = python_assign.read(Source("gunicorn.conf.py", source))
    assert not reading.documents
    assert [problem.line for problem in reading.problems] == [line]
