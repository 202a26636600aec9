from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence
from kubelint5xx.core.source import Source
from kubelint5xx.formats import lookup, toml

TEXT = """# a
title = "x \\u00e9 \\"y\\""  # b
[a.b]
c = 1_000
"d e" = -1.5e3
f.g = [1, 'two', # three
  true,]
[[t]]
n = {x = 1, y.z = "q"}
[[t]]
[t.sub]
k = 0x1F
[a]
s = '''
it's'''
l = \"\"\"one \\
   two\"\"\"
"""


def plain(node: Node) -> Any:
    match node:
        case Mapping(entries=entries):
            return {str(entry.key.value): plain(entry.value) for entry in entries}
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Scalar(value=value):
            return value
    raise AssertionError(node)


def test_it_reads_what_the_standard_library_reads() -> None:
    reading = toml.read(Source("a.toml", TEXT))
    assert not reading.problems
    assert plain(reading.documents[0].root) == tomllib.loads(TEXT)


def test_every_value_has_its_place() -> None:
    root = toml.read(Source("a.toml", TEXT)).documents[0].root
    (node,) = lookup("toml", root, "a.b.c")
    assert (node.span.text, node.span.line) == ("1_000", 4)
    (node,) = lookup("toml", root, "a.b.f.g")
    assert (node.span.line, node.span.end_line) == (6, 7)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a", 1), ("a = ", 1), ("a = 1 b", 1), ("a = 1\na = 2", 2), ("[a", 1), ("a = 'x\n'", 1), ("a = [1 2]", 1),
        ("a = 1\n[a]", 2), ("a = {b = 1", 1), ("= 1", 1), ("a = " + "[" * 500, 1), ("a." * 500 + "b = 1", 1),
    ],
)  # fmt: skip
def test_broken_text_is_a_problem_with_its_line(text: str, line: int) -> None:
    (problem,) = toml.read(Source("a.toml", text)).problems
    assert problem.line == line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = True", "True is no value; a text needs quotes"),
        ("a = 012", "012 is no value"),
        ("a = 1__0", "1__0 is no value"),
        ("a = 2021-02-29", "2021-02-29 is no value"),
        ("a = 07:60:00", "07:60:00 is no value"),
        ('a = "\\q"', r"\q is no escape"),
        ('a = "\\ud800"', r"\ud800 is no escape"),
        ('a = "\x07"', "a quote stays open, or holds a control character"),
        ("a = 1 # \0", "a control character stands in a comment"),
        ("[a]\n[a]", "the table a is defined twice"),
        ("[a]\nb.c = 1\n[a.b]", "the table b is defined twice"),
        ("[a.b]\n[a]\nb.c = 1", "the table b is defined twice"),
        ("[[a]]\n[a]", "a is no table"),
        ("a = {}\n[a.b]", "a is no table"),
    ],
)
def test_what_is_no_toml_is_no_value(text: str, said: str) -> None:
    (problem,) = toml.read(Source("a.toml", text)).problems
    assert problem.message.startswith(f"not valid TOML: {said}")


def test_what_toml_1_1_added_is_read() -> None:
    text = 'a = "\\x41\\e"\nb = {c = 1, # d\n}\ne = 07:30\nf = 0x1f\ng = 3e1_0\nh = -inf\ni = 1e999'
    reading = toml.read(Source("a.toml", text))
    read = {"a": "A\x1b", "b": {"c": 1}, "e": "07:30", "f": 31, "g": 3e10, "h": "-inf", "i": "1e999"}
    assert not reading.problems and plain(reading.documents[0].root) == read


def test_what_stands_before_an_error_is_read() -> None:
    assert plain(toml.read(Source("a.toml", "a = 1\nb = ")).documents[0].root) == {"a": 1}


KEYS = st.text(st.sampled_from("ab_-1"), min_size=1, max_size=3)
VALUES = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.sampled_from("a'\"\\é\n ="), max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    def written(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        return str(value) if isinstance(value, int) else f"[{', '.join(map(written, value))}]"

    text = "\n".join(f"{key} = {written(value)}" for key, value in values.items())
    reading = toml.read(Source("a.toml", text))
    assert not reading.problems
    assert plain(reading.documents[0].root) == values
