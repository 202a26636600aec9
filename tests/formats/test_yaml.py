from __future__ import annotations

import re
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, child
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml


def read(text: str, wanted: str | None = None) -> Reading:
    return yaml.read(Source("a.yaml", text), re.compile(wanted, re.MULTILINE) if wanted else None)


def root(text: str) -> Node:
    reading = read(text)
    assert not [problem for problem in reading.problems if problem.kind != "notice"]
    assert len(reading.documents) == 1
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


def at(text: str, *path: str | int) -> str:
    node = child(root(text), *path)
    assert node is not None
    return node.span.text


def words(text: str) -> list[str]:
    return text.split()


# What kubectl 1.32 makes of each, by `kubectl annotate --local -o json`.
PLAIN = {
    **dict.fromkeys(words("y Y yes Yes YES true True TRUE on On ON"), True),
    **dict.fromkeys(words("n N no No NO false False FALSE off Off OFF"), False),
    **dict.fromkeys(["~", "null", "Null", "NULL", ""]),
    **{text: text for text in words("yES tRUE oN nULL t f _1 0o8 0x 0x1p3 1e400 .5e -. + 12e 1.2.3 1,000 = nan ._7")},
    **{text: text for text in words("1:30 2001-01-01 2001-1-1 2001-01-01T00:00:00Z 0b12")},
    **{"0o644": 420, "0644": 420, "-0644": -420, "0777_7": 4095, "0O17": 15, "-0o17": -15, "+0o17": 15, "0o1_7": 15},
    **{"0x1F": 31, "0X1f": 31, "0x_1F": 31, "-0x_f": -15, "0b101": 5, "-0b11": -3, "0B11": 3},
    **{"1_000": 1000, "1__0": 10, "1_": 1, "+12": 12, "089": 89, "0_8": 8, "-0": 0},
    **{"1e3": 1000, "1E3": 1000, "12e03": 12000, "10_e3": 10000, "1.0": 1, "5.": 5, ".1e1": 1, "1e-3": 0.001},
    **{".5": 0.5, "+.5": 0.5, ".5_0": 0.5, "1_0.5": 10.5, "1e21": 1e21, "1e-400": 0, "0.1": 0.1},
    **{"99999999999999999999": 1e20, "0777777777777777777777777777": 7.777777777777778e26},
    **{".inf": float("inf"), "-.INF": float("-inf")},
}


@pytest.mark.parametrize(("written", "value"), PLAIN.items())
def test_plain_scalars_mean_what_kubernetes_makes_of_them(written: str, value: object) -> None:
    node = child(root(f"k: {written}\n"), "k")
    assert isinstance(node, Scalar)
    assert node.value == value
    assert isinstance(node.value, bool) == isinstance(value, bool)
    assert (node.raw, node.quoted) == (written, False)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"123"', "123"),
        ("'y'", "y"),
        ("!!str 123", "123"),
        ("!!str", ""),
        ("! 12", "12"),
        ('!!int "0x10"', 16),
        ("!!float 3", 3),
        ("!!float 1e3", 1000),
        ('!!bool "yes"', True),
        ('!!null ""', None),
        ("!!binary aGVsbG8=", "hello"),
        ("!!timestamp 2001-01-01", "2001-01-01"),
        ("!<tag:yaml.org,2002:str> 12", "12"),
        ("!!map {a: 1}", {"a": 1}),
    ],
)
def test_quotes_and_tags_decide_the_type(written: str, value: object) -> None:
    assert data(child(root(f"k: {written}\n"), "k")) == value


@pytest.mark.parametrize("written", ["!!int", "!!int 1.5", "!!int true", "!!float abc", "!!bool 1", "!!binary '@'"])
def test_text_that_does_not_fit_its_tag_is_unresolved(written: str) -> None:
    node = child(root(f"k: {written}\n"), "k")
    assert isinstance(node, Unresolved)
    assert node.reason == f"the text does not fit its tag {written.split()[0]}"


@pytest.mark.parametrize("written", ["!Ref Role", "!Sub 'a'", "!GetAtt {a: 1}", "!Join [a, b]", "!Ref"])
def test_application_tags_are_unresolved_and_the_rest_is_read(written: str) -> None:
    node = root(f"k: {written}\nafter: 1\n")
    value = child(node, "k")
    assert isinstance(value, Unresolved)
    assert value.reason == f"the tag {written.split()[0]} is resolved elsewhere"
    assert data(child(node, "after")) == 1


def test_keys_are_text_as_in_json() -> None:
    text = "{yes: 0, 12: 0, 0x10: 0, 1.5: 0, 1e3: 0, 1e6: 0, 017: 0, ~: 0, 'on': 0, 2001-01-01: 0}"
    keys = ["true", "12", "16", "1.5", "1000", "1e+06", "15", "null", "on", "2001-01-01"]
    node = root(text)
    assert isinstance(node, Mapping)
    assert [entry.key.value for entry in node.entries] == keys
    assert [entry.key.raw for entry in node.entries][:2] == ["yes", "12"]


def test_spans_cover_exactly_what_is_written() -> None:
    text = (
        "é: &x  'q '  # c\nt: !!str  2\nb: |\n  one\n\n  two\n\n# after\nl:\n  - 1\n  - {f: [a, b]} # c\n\n"
        "m: &m\n  n: o\n  p:\nlast: !x # c\n  v\n"
    )
    assert at(text, "é") == "'q '"
    assert at(text, "t") == "2"
    assert at(text, "b") == "|\n  one\n\n  two"
    assert at(text, "l") == "- 1\n  - {f: [a, b]}"
    assert at(text, "l", 1, "f") == "[a, b]"
    assert at(text, "m") == "n: o\n  p:"
    assert at(text, "m", "p") == ""
    assert at(text, "last") == "v"
    assert root(text).span.text == text.rstrip()


def test_every_document_has_spans_in_the_whole_text() -> None:
    first = "\ufeff# Source: c/templates/a.yaml\r\na: 1\r\n"
    reading = read(first + "---\r\n\r\n---\n# none\n--- # Source: x\nb: 2\n---\n~\n")
    assert [data(document.root) for document in reading.documents] == [{"a": 1}, {"b": 2}]
    assert [document.origin for document in reading.documents] == ["c/templates/a.yaml", ""]
    assert reading.documents[0].root.span.text == "a: 1"
    second = child(reading.documents[1].root, "b")
    assert second is not None
    assert (second.span.text, second.span.line, second.span.column) == ("2", 8, 4)


def test_dashes_inside_block_scalars_do_not_separate() -> None:
    assert data(root("a: |\n  ---\n  x\nb: ---x\n")) == {"a": "---\nx\n", "b": "---x"}


def test_directives_belong_to_the_document_after_them() -> None:
    assert data(root("%YAML 1.1\n%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 1\n")) == {"a": "1"}


def test_a_broken_document_costs_only_itself() -> None:
    reading = read("a: 1\n---\nb: c: d\n---\ne: [1\n---\nf: 2\n")
    assert [data(document.root) for document in reading.documents] == [{"a": 1}, {"f": 2}]
    assert [(problem.line, problem.kind) for problem in reading.problems] == [(3, "unreadable"), (5, "unreadable")]
    assert str(reading.problems[0]) == "a.yaml:3: not valid YAML: mapping values are not allowed in this context"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n\t- b\n", 2, "not valid YAML: a tab stands where only spaces may indent"),
        ("a: 1\nb: *none\n", 2, "not valid YAML: the alias *none has no anchor before it"),
        ("é: 1\nb: \x07\n", 2, "holds a control character that YAML forbids"),
        ("a: 1\nb: \ud800\n", 2, "holds half of a surrogate pair"),
        (
            "a: [1\nb: 2]",
            2,
            "not valid YAML: did not find expected ',' or ']', in the flow sequence that starts at line 2",
        ),
    ],
)
def test_problems_say_what_is_wrong_and_where(text: str, line: int, message: str) -> None:
    (problem,) = read("---\n" + text).problems
    assert (problem.line, problem.message, problem.kind) == (line + 1, message, "unreadable")


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n{{- if .x }}\nb: 2\n",
        "a: 1\nb: {{ .Values.x }}\n",
        "a:\n  {{ include `x` . }}: c\n",
        "a: b\n%{ if x }\nc: d\n",
    ],
)
def test_templates_are_named_as_such(text: str) -> None:
    (problem,) = read(text).problems
    assert problem.kind == "unrendered"
    assert problem.line == 2
    assert problem.message.endswith("render it first")
    assert not read(text).documents
    assert len(read("x: 1\nx: 2\n" + text).problems) == 1


def test_braces_in_strings_and_comments_are_no_template() -> None:
    assert data(root("a: '{{ x }}'\nb: ${{ y }}\n")) == {"a": "{{ x }}", "b": "${{ y }}"}
    assert read("# {{ x }}\na: b: c\n").problems[0].kind == "unreadable"


def test_unwanted_documents_are_not_parsed() -> None:
    text = "kind: Pod\nbroken: [\n---\nkind: Service\na: 1\n"
    reading = read(text, r"^kind: Service\b")
    assert [data(document.root) for document in reading.documents] == [{"kind": "Service", "a": 1}]
    assert reading.problems == ()
    assert read(text, "Ingress") == Reading()
    assert len(read("\ufeffkind: Service\n", "^kind: Service").documents) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [("|\n  x", "x\n"), ("|\n  x\n   ", "x\n \n"), (">-\n  x", "x"), ("|+\n  x\n\n", "x\n\n"), ("x", "x")],
)
def test_a_last_line_without_its_end_is_read_as_go_yaml_reads_it(text: str, value: str) -> None:
    assert data(root(f"a: {text}")) == {"a": value}
    assert root(f"a: {text}").span.end <= len(f"a: {text}")


def test_a_key_of_many_lines_is_named_in_one() -> None:
    key = '"a\\n' + "b" * 100 + '"'
    (problem,) = yaml.read(Source("a.yaml", f"{key}: 1\n{key}: 2\n")).problems
    assert problem.message == f"key a {'b' * 58}… is given twice; the last one wins"


def test_repeated_keys_are_kept_and_noticed() -> None:
    reading = read("a: 1\nb:\n  c: 1\n  c: 2\n  'c': 3\n12: x\n'12': y\n")
    node = reading.documents[0].root
    inner = child(node, "b")
    assert isinstance(inner, Mapping)
    assert [data(value) for value in inner.every("c")] == [1, 2, 3]
    assert data(inner.get("c")) == 3
    assert [str(problem) for problem in reading.problems] == [
        "a.yaml:5: key c is given 3 times; the last one wins",
        "a.yaml:7: key 12 is given twice; the last one wins",
    ]
    assert {problem.kind for problem in reading.problems} == {"notice"}


@pytest.mark.parametrize(
    ("merging", "merged"),
    [
        ("<<: *x, a: 1", {"a": 1, "c": 3}),
        ("a: 1, <<: *x", {"a": 2, "c": 3}),  # kubectl too lets the later of both win
        ("<<: [*x, *y]", {"a": 2, "c": 3, "e": 6}),
        ("<<: [*y, *x]", {"a": 5, "c": 3, "e": 6}),
        ("!!merge <<: *x", {"a": 2, "c": 3}),
        ("<<: {z: 1}", {"z": 1}),
        ("'<<': 1", {"<<": 1}),
        ("!!str <<: 1", {"<<": 1}),
        ("v: <<", {"v": "<<"}),
    ],
)
def test_merge_keys_are_flattened_as_kubernetes_does(merging: str, merged: dict[str, object]) -> None:
    node = root(f"x: &x {{a: 2, c: 3}}\ny: &y {{a: 5, e: 6}}\nd: {{{merging}}}\n")
    assert data(child(node, "d")) == merged


@pytest.mark.parametrize("given", ["3", "~", "[a]", "!Ref x", "*self"])
def test_a_merge_that_cannot_be_known_leaves_the_mapping_open(given: str) -> None:
    node = child(root(f"d: &self {{<<: {given}, a: 1}}\n"), "d")
    assert isinstance(node, Mapping)
    assert node.open
    assert data(node) == {"a": 1}


def test_aliases_give_the_anchors_value_and_tell_the_way() -> None:
    node = root("t: &t 60\nl: &l [1]\nu: *t\nv: *l\n")
    aliased = child(node, "u")
    assert isinstance(aliased, Scalar)
    assert aliased.value == 60
    assert aliased.span.line == 1
    assert [(span.line, span.text) for span in aliased.via] == [(3, "*t")]
    assert child(node, "v") is child(node, "l")


def test_an_anchor_may_be_given_again() -> None:
    assert data(root("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")) == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_an_alias_of_itself_is_unresolved() -> None:
    inner = child(root("a: &x {b: *x}\n"), "a", "b")
    assert isinstance(inner, Unresolved)
    assert inner.reason == "the alias refers to itself"


def test_without_libyaml_the_trees_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, 'q', !Ref r]}\nc: |\n  t\nd: *x\ne: ! 1\n---\nf: [\n"
    fast = read(text)
    monkeypatch.setattr(yaml, "_Parser", pyyaml.SafeLoader)
    slow = read(text)
    assert repr(slow.documents) == repr(fast.documents)
    assert len(slow.problems) == len(fast.problems) == 1


# Without y and n, which PyYAML writes plain and Kubernetes reads as booleans.
WORDS = st.text("abcxzé ^-:#'\"{[\n", max_size=8)
TREES: st.SearchStrategy[Any] = st.recursive(
    WORDS | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(TREES, st.booleans())
def test_agrees_with_pyyaml_on_texts_and_integers(tree: Any, flow: bool) -> None:
    written = pyyaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    assert data(root(written)) == tree


def walk(node: Node) -> Any:
    yield node
    for below in node.items if isinstance(node, Sequence) else ():
        yield from walk(below)
    for entry in node.entries if isinstance(node, Mapping) else ():
        yield entry.key
        yield from walk(entry.value)


@given(TREES)
def test_plain_scalars_of_one_line_stand_in_their_span(tree: Any) -> None:
    for node in walk(root("# é\n" + pyyaml.safe_dump(tree, allow_unicode=True, width=10_000))):
        if isinstance(node, Scalar) and not node.quoted and "\n" not in node.span.text:
            assert node.span.text == node.raw
