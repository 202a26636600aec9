from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.source import Embedding, Source, Span

# Line feeds, with or without a carriage return before them; nothing else breaks a line.
TEXTS = st.lists(st.sampled_from(["a", " ", "é", "😀", "\u2028", "\x0b", "\n", "\r\n"]), max_size=30).map("".join)


def lines_of(text: str) -> list[str]:
    """The lines by the meaning of str.splitlines, with what breaks lines only there taken for letters."""
    plain = text.replace("\u2028", "x").replace("\x0b", "x")
    ends: list[str] = []
    at = 0
    for line in plain.splitlines(keepends=True):
        ends.append(text[at : at + len(line)])
        at += len(line)
    if not text or text.endswith("\n"):
        ends.append("")
    return ends


@given(TEXTS, st.data())
def test_lines_and_columns_are_those_of_splitlines(text: str, data: st.DataObject) -> None:
    source, lines = Source("a", text), lines_of(text)
    start = data.draw(st.integers(0, len(text)))
    span = Span(source, start, data.draw(st.integers(start, len(text))))
    before = sum(map(len, lines[: span.line - 1]))
    assert before <= start <= before + len(lines[span.line - 1])
    assert span.column == start - before + 1
    assert source.line_start(span.line) == before
    assert source.line_text(span.line) == lines[span.line - 1].rstrip("\r\n")


@given(TEXTS, st.data())
def test_an_end_stands_after_the_last_code_point(text: str, data: st.DataObject) -> None:
    source = Source("a", text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = Span(source, start, end)
    assert source.line_start(span.end_line) + span.end_column - 1 == end
    assert (span.line, span.column) <= (span.end_line, span.end_column)
    first = span.first_line()
    assert first.start == start
    assert "\n" not in first.text
    assert span.text.startswith(first.text)


@given(TEXTS, st.integers(-3, 50))
def test_the_span_of_a_line_is_the_line_without_its_blanks(text: str, line: int) -> None:
    source = Source("a", text)
    span = source.span_of_line(line)
    assert span.text == source.line_text(span.line).strip()
    assert span.line == max(1, min(line, len(lines_of(text))))


def test_columns_count_code_points_beyond_the_basic_plane_once() -> None:
    source = Source("a.yaml", "😀: 5\r\nb: 6\r\n")
    at = source.text.index("5")
    assert str(Span(source, at, at + 1)) == "a.yaml:1:4"
    at = source.text.index("6")
    assert str(Span(source, at, at + 1)) == "a.yaml:2:4"


def test_offsets_beyond_the_text_stand_in_its_last_line() -> None:
    source = Source("a", "x\ny")
    assert source.line_of(99) == 2
    assert source.line_of(-1) == 1


def test_sources_compare_by_identity() -> None:
    assert Source("a", "x") != Source("a", "x")


def test_an_embedded_text_leads_to_its_place_in_the_file() -> None:
    file = Source("k8s.yaml", "data:\n  conf: |\n    idle 5\n    keep 6\n")
    block = Span(file, file.text.index("|"), len(file.text))
    inner = Source("k8s.yaml", "idle 5\nkeep 6\n", inside=Embedding(block, 3, 4))
    at = inner.text.index("6")
    span = Span(inner, at, at + 1)
    assert str(span) == "k8s.yaml:4:10"
    assert span.in_file().text == "6"
    folded = Source("k8s.yaml", "idle 5", inside=Embedding(block))
    assert Span(folded, 5, 6).line == 2
