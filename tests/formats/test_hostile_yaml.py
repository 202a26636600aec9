from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Sequence, child
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml

MANY = 100_000


def read(text: str) -> Reading:
    return yaml.read(Source("a.yaml", text))


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "- ", "? ", "- ? ", "{{ ", "[\n"])
def test_deep_nesting_is_a_problem_and_no_crash(opening: str) -> None:
    (problem,) = read(opening * MANY).problems
    assert problem.message == "nests deeper than 200 levels"
    assert problem.kind == "unreadable"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert len(read("[" * 200 + "]" * 200).documents) == 1
    assert not read("[" * 201 + "]" * 201).documents


def bomb(levels: int, width: int = 10) -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_share_their_nodes() -> None:
    node = child(read(bomb(5)).documents[0].root, "a4")
    assert isinstance(node, Sequence)
    assert all(item is node.items[0] for item in node.items)


def test_alias_bombs_are_refused_where_they_go_off() -> None:
    reading = read(bomb(30) + "\n---\nb: 1\n")
    assert [problem.message for problem in reading.problems] == ["its aliases stand for more than 1,000,000 values"]
    assert len(reading.documents) == 1  # the other document
    wide = read(f"a: &a [{'x, ' * 2000}]\nb: [{'*a, ' * 2000}]\n")
    assert [problem.line for problem in wide.problems] == [2]


def test_merge_bombs_are_cut_and_say_so() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    lines = [f"a0: &a0 {{{keys}}}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 50)}]}}" for n in range(1, 100)]
    root = read("\n".join(lines)).documents[0].root
    last = child(root, "a99")
    assert isinstance(last, Mapping)
    assert last.open == "merge keys bring in more than 100,000 entries"


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_EVENTS", 1000)
    assert len(read("[" + "a," * 990 + "]").documents) == 1
    (problem,) = read("[" + "a," * 1000 + "]").problems
    assert problem.message == "holds more than 1,000 values"


def test_documents_beyond_the_limit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_DOCUMENTS", 3)
    reading = read("--- a\n--- [\n--- b\n--- c\n")
    assert len(reading.documents) == 2
    assert reading.problems[-1].message == "has more than 3 documents; the rest is not read"
    assert reading.problems[-1].line == 4


@pytest.mark.parametrize(
    "text",
    [
        "# Source: a" + " " * MANY + "b\na: 1",
        "a: !a " + "# " * MANY,
        "a: !a\n" + "#\n" * MANY + "  b",
        "&a " * MANY,
        "%\n" * MANY,
        "\n{{ a" * MANY,
        "a" * MANY + "{",
        "a: " + "9" * MANY,
        "a: 0x" + "f" * MANY,
        "#" * MANY + "\n" + " " * MANY,
        'a: "' + "\\\n" * MANY,
        "---\n" * MANY,
    ],
)
def test_reading_time_grows_with_the_text_only(text: str) -> None:
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 3


SEEDS = [
    "a: &x {b: [1, 'q']}\nc: |-\n  text\n\n  more\nd: *x\n<<: *x\n",
    '# Source: a/b.yaml\nkind: Service\n---\n- - a\n  - ? b\n    : !Ref c\n- "\\x41"\n...\n',
    "a: {{ .x }}\nb: !!binary aGk=\nc: >+\n  folded\n  text\n\n\ud800",
]
BITS = st.sampled_from(
    [*"&*!|>{}[],:?-#%@`'\"\\\t\r\n \ufeff\x00\x85é😀", "---", "\n---\n", "<<", "!!int ", "{{", "*x", "&x "]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        at, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
        text = text[:at] + draw(BITS) + text[at + cut :]
    return text


@given(st.text() | mutated())
def test_any_text_is_read_without_raising(text: str) -> None:
    reading = read(text)
    lines = text.count("\n") + 1
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in reading.problems)
    for document in reading.documents:
        assert 0 <= document.root.span.start <= document.root.span.end <= len(text)
