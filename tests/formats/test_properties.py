from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, entries
from kubelint5xx.core.source import Source
from kubelint5xx.formats import lookup, properties


def pairs(source: str) -> list[tuple[object, object]]:
    return [(e.key.value, getattr(e.value, "value", None)) for e in entries(root(source))]


def root(source: str) -> Mapping:
    node = properties.read(Source("a.properties", source)).documents[0].root
    assert isinstance(node, Mapping)
    return node


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.b=1\nc : 2\r\nd 3\re", [("a.b", "1"), ("c", "2"), ("d", "3"), ("e", "")]),
        ("# a=1\n  ! b=2\n\n \t\nc=3", [("c", "3")]),
        ("a = x y  \n", [("a", "x y  ")]),
        ("a=1,\\\n   2,\\\r\n 3\nb=4", [("a", "1,2,3"), ("b", "4")]),
        ("a\\ b\\=c=\\u0041\\t\\q\\\\", [("a b=c", "A\tq\\")]),
        ("a==b", [("a", "=b")]),
        ("=x", [("", "x")]),
        ("a=1\na=2", [("a", "1"), ("a", "2")]),
        ("a=b\\", [("a", "b")]),
        ("\ufeffa=1", [("a", "1")]),
        ("a # b", [("a", "# b")]),
    ],
)
def test_reads_as_java_does(source: str, expected: list[tuple[object, object]]) -> None:
    assert pairs(source) == expected


def test_value_is_found_by_its_dotted_key_with_its_place() -> None:
    tree = root("# é\nserver.tomcat.keep-alive-timeout = 75s\n")
    (node,) = lookup("properties", tree, "server.tomcat.keep-alive-timeout")
    assert (node.span.text, node.span.line, node.span.column) == ("75s", 2, 36)


def test_malformed_escape_is_told() -> None:
    (problem,) = properties.read(Source("a.properties", "a=1\nb=\\u00g1")).problems
    assert (problem.line, problem.kind) == (2, "notice")
