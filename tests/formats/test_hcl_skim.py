"""Skimming gives what parsing gives, and parses what is asked for only."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.source import Embedding, Source, Span
from kubelint5xx.formats.hcl import Attribute, Block, Body, parse, syntax_tree
from kubelint5xx.formats.hcl_conversion import Syntax, converted
from kubelint5xx.formats.hcl_layout import layout
from kubelint5xx.formats.hcl_plain import plain, plain_attribute
from kubelint5xx.formats.hcl_skim import skim

PIECES = (
    'variable "a" {\n  default = 1 # one {\n  type    = number\n}\n',
    'variable "b" {}\n',
    'resource "aws_lb" "web" {\n  name = "wéb-${var.a}"\n\n  tags = {\n    name = "x"\n  }\n\n  access_logs {\n'
    '    name = "deep"\n  }\n  idle_timeout = 5\n}\n',
    'resource "x" "policy" {\n  name = <<EOT\n{\n  "a": 1\n}\nEOT\n  b = 2\n}\n',
    'output "o" {\n  description = <<-EOT\n    default = 3\n  name = 4\n  EOT\n  value = [\n    1,\n  ]\n}\n',
    'locals {\n  name = "a ( b"\n  default = 2\n}\n',
    "# variable {\n// }\n\n",
    "/* variable {\n}\n*/\n",
    'variable "c" { default = 1 }\n',
    "a = 1\n",
    '  variable "indented" {\n  default = 1\n  }\n',
    'module "m" {\nsource = "./m"\n  count = 2\n}\n',
    'module "odd" {\n  inputs = {\n  source = "./no"\n  }\n  source = "./m"\n}\n',
    'module "noted" {\n  # source = "./no"\n  /* count = 1\n  */\n  source = "./m"\n}\r\n',
)
NAMES = ("default", "type", "name", "value", "source", "count", "tags", "access_logs", "b", "idle_timeout", "nothing")


def shown(body: Body) -> list[object]:
    return [attribute(item) if isinstance(item, Attribute) else block(item) for item in body.items]


def attribute(item: Attribute | None) -> object:
    if item is None:
        return None
    places = [(span.start, span.end) for span in (item.span, item.name_span, item.expression.span)]
    return item.name, places, item.expression.span.text, type(item.expression)


def block(item: Block) -> object:
    places = [(span.start, span.end) for span in (item.header, item.span)]
    return item.type, item.labels, places, shown(item.body)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_skimming_gives_what_parsing_gives(text: str) -> None:
    whole, problems = parse(Source("a.tf", text))
    body, found = skim(Source("a.tf", text))
    for item, other in zip(whole.items, body.items, strict=True):
        if isinstance(item, Block) and isinstance(other, Block):
            assert [attribute(other.attribute(name)) for name in NAMES] == [
                attribute(item.body.attribute(name)) for name in NAMES
            ]
    assert shown(body) == shown(whole)
    assert found == list(problems) == []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from((*PIECES, "}\n", "{", "EOT\n", "  }\n", "x\n", "/*\n", "*/\n", '"\n')), max_size=6))
def test_what_cannot_be_read_is_a_problem_to_both(parts: list[str]) -> None:
    text = "".join(parts)
    _, problems = parse(Source("a.tf", text))
    body, found = skim(Source("a.tf", text))
    shown(body)
    assert bool(found) is bool(problems)


@pytest.mark.parametrize("piece", PIECES[:7])
def test_what_terraform_fmt_writes_is_not_parsed_for_its_blocks(piece: str) -> None:
    assert layout(piece.encode()) is not None


def test_an_error_is_told_when_its_block_is_asked_for() -> None:
    text = 'variable "a" {\n  default = 1\n}\n\nresource "x" "y" {\n  a = = 1\n  b = 2\n}\n'
    body, problems = skim(Source("a.tf", text))
    first, second = body.blocks()
    assert first.attribute("default") is not None and second.attribute("b") is not None and not problems
    assert second.body.unread and not first.body.unread
    assert [(problem.path, problem.line, problem.kind) for problem in problems] == [("a.tf", 6, "unreadable")]


NAME = st.from_regex(r"[A-Za-z_][\w]{0,4}", fullmatch=True).filter(str.isascii)
PLAIN = st.one_of(
    st.sampled_from(("true", "false", "null", "0", "007", "42", "1.5", "-3", "true.x", "a-b", "a.0", '"$x"', '"a%{b"')),
    st.text(alphabet='ab c"\\${}é#/\n', max_size=8).map(lambda text: f'"{text}"'),
    st.lists(NAME, min_size=1, max_size=4).map(".".join),
)


@settings(max_examples=300, deadline=None)
@given(PLAIN, st.sampled_from(("", " # one", "  ", "é = 1")))
def test_what_is_read_without_a_syntax_tree_is_what_the_tree_says(written: str, after: str) -> None:
    source = Source("a.tf", f'# é\nvariable "x" {{\n  default = {written}{after}\n  other = [{written}]\n}}\n')
    syntax = Syntax.of(source)
    start = syntax.data.index(b"default")
    end = start + len(f"default = {written}".encode())
    read = plain_attribute(syntax, start, end)
    tree = syntax_tree(syntax.data[start:end])
    if read is not None:
        assert not tree.has_error
        node = tree.children[0].children[0].named_children[-1]
        assert read == (end, converted(syntax.at(start), node))
    value = source.text.index(written, source.text.index("= "))
    first = len(source.text[:value].encode())
    alone = plain(syntax, first, first + len(written.encode()))
    assert (alone is None) == (read is None)
    assert read is None or alone == read[1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_what_is_read_for_another_place_is_what_would_be_read_there(text: str) -> None:
    place = Span(Source("main.tf", 'module "a" {}'), 0, 10)
    source = Source("main.tf", text, inside=Embedding(place, product="a module", cite="https://example.org"))
    body, _ = skim(source)
    whole, _ = parse(source)
    assert shown(body) == shown(whole)
    for item, other in zip(whole.items, body.items, strict=True):
        assert all(span.source is source for span in (other.span, *spans(other)))
        if isinstance(item, Block) and isinstance(other, Block):
            assert [of(other.attribute(name)) for name in NAMES] == [of(item.body.attribute(name)) for name in NAMES]


def of(item: Attribute | None) -> object:
    return item and item.expression


def spans(item: Attribute | Block) -> list[Span]:
    if isinstance(item, Attribute):
        return [item.name_span, item.expression.span]
    return [item.header, item.body.span, *(span for one in item.body.items for span in (one.span, *spans(one)))]
