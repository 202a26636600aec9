"""Values are laid over each other as Helm does it, and what is not known stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval.helm_release import helm_release
from kubelint5xx.eval.helm_values import assigned, listed, merged, read_values, without_nulls
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.formats import yaml

HERE = Span(Source("main.tf", "set"), 0, 3)


def read(text: str) -> Node:
    return yaml.read(Source("values.yaml", text)).documents[0].root


def plain(node: Node | None) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        found = {str(entry.key.value): plain(entry.value) for entry in node.entries}
        return {**found, "...": node.open} if node.open else found
    assert isinstance(node, Unresolved)
    return f"?{node.reason}"


def said(value: str) -> Scalar:
    return Scalar(HERE, value, value, True)


def test_maps_are_merged_lists_are_replaced_and_nulls_take_away() -> None:
    below = read("{a: {b: 1, c: 2}, d: [1, 2], e: {f: 1}, g: 1}")
    above = read("{a: {c: 3}, d: [3], e: null, g: {h: 1}}")
    found = merged(below, above)
    assert isinstance(found, Mapping)
    assert plain(without_nulls(found)) == {"a": {"b": 1, "c": 3}, "d": [3], "g": {"h": 1}}


def test_a_null_reaches_through_the_values_that_are_laid_over_each_other() -> None:
    user = merged(read("{a: {b: 1}}"), read("{a: {b: null}}"))
    found = merged(read("{a: {b: 5, c: 6}}"), user)
    assert isinstance(found, Mapping)
    assert plain(without_nulls(found)) == {"a": {"c": 6}}


def test_what_an_unknown_part_may_set_is_unknown() -> None:
    unknown = Unresolved(HERE, "var.more")
    later = merged(merged(read("{a: 1, b: {c: 2}}"), unknown), read("{b: {d: 3}}"))
    assert plain(later) == {"b": {"d": 3}, "...": "var.more"}
    over = merged(read("{a: 1, b: {c: 2}}"), later)
    # Nobody knows any more what a is, nor whether b has a c of its own.
    assert plain(over) == {"b": {"c": 2, "d": 3}, "...": "var.more"}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("a.b", "1", {"a": {"b": 1, "z": 0}}),
        (r"a.x\.y/z", "true", {"a": {"z": 0, "x.y/z": True}}),
        ("l[1].n", "x", {"a": {"z": 0}, "l": [None, {"n": "x"}]}),
        ("a", "null", {"a": None}),
        ("a", "{1,b}", {"a": [1, "b"]}),
        ("a", "007", {"a": "007"}),
        ("a", "True", {"a": True}),
        ("a", "Null", {"a": None}),
        ("a", "+5", {"a": 5}),
        ("a", "0", {"a": 0}),
        ("a.z.y", "1", {"a": {"z": {"y": 1}}}),
    ],
)
def test_set_assigns_as_helm_reads_it(path: str, value: str, expected: object) -> None:
    assert plain(assigned(read("{a: {z: 0}}"), path, said(value), HERE)) == expected


def test_set_string_keeps_the_text_and_a_list_its_items() -> None:
    assert plain(assigned(Mapping(HERE), "a", said("1"), HERE, as_text=True)) == {"a": "1"}
    assert plain(listed(Sequence(HERE, (said("1"), said("b"))), HERE)) == [1, "b"]


def test_a_text_that_is_partly_known_tells_its_known_values() -> None:
    text = Unresolved(HERE, "var.role", (), "a:\n  role: \ufffd\n  m: 1\n\ufffc: 2\n")
    assert plain(read_values(text)) == {"a": {"role": "?var.role", "m": 1}, "...": "var.role"}
    assert plain(read_values(Unresolved(HERE, "var.all", (), "\ufffd"))) == "?var.all"
    assert plain(read_values(said("a: [")))[0] == "?"
    assert plain(read_values(said(""))) == {}


def test_a_set_of_type_literal_has_one_key_and_a_value_in_yaml() -> None:
    source = """\
resource "helm_release" "web" {
  name   = "web"
  chart  = "web"
  values = ["{a: {b: 1}, c: {d: 1}}"]
  set    = [{ name = "a.b", value = "2", type = "literal" }, { name = "c", value = "[x, 1.5]", type = "literal" }]
}
"""
    (resource,) = load_module("", {"main.tf": Source("main.tf", source)}).resources(("helm_release",))
    assert plain(helm_release(resource).values) == {"a": {"b": 1}, "a.b": 2, "c": ["x", 1.5]}
