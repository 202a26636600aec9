from __future__ import annotations

import textwrap

from hypothesis import example, given
from hypothesis import strategies as st

from kubelint5xx.core.node import Scalar, child
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.formats.embedded import embedded


def scalar_at(text: str, *path: str | int) -> Scalar:
    node = child(yaml.read(Source("cm.yaml", textwrap.dedent(text))).documents[0].root, *path)
    assert isinstance(node, Scalar)
    return node


def place_of(source: Source, needle: str) -> tuple[int, int, str]:
    at = source.text.index(needle)
    span = Span(source, at, at + len(needle))
    return span.line, span.column, span.in_file().text


def test_a_literal_block_keeps_lines_and_columns():
    block = embedded(
        scalar_at("data:\n  nginx.conf: |\n\n    http {\n      keepalive_timeout 2s;\n    }\n", "data", "nginx.conf")
    )
    assert block.path == "cm.yaml"
    assert block.text == "\nhttp {\n  keepalive_timeout 2s;\n}\n"
    assert place_of(block, "keepalive_timeout") == (5, 7, "keepalive_timeout")


def test_a_simple_value_of_one_line_keeps_its_column():
    assert place_of(embedded(scalar_at('a: "mode: ipvs"\n', "a")), "ipvs") == (1, 11, "ipvs")
    assert place_of(embedded(scalar_at("a: mode=ipvs\n", "a")), "ipvs") == (1, 9, "ipvs")


def test_what_is_folded_or_escaped_stands_for_the_first_line_of_its_value():
    for text in ('a: 1\nb: "x\\ny: 2"\n', "a: 1\nb: >\n  x\n  y: 2\n"):
        span = Span(source := embedded(scalar_at(text, "b")), source.text.index("y"), source.text.index("y") + 1)
        assert (span.line, span.column) == (2, 4)


def test_a_decoded_text_stands_where_it_is_written_or_for_its_value():
    outer = Source("a.tf", "user_data = base64encode(<<-EOT\n    #!/bin/sh\n    sysctl -w a=1\n  EOT\n)\n")
    call = Scalar(Span(outer, 12, len(outer.text) - 1), "aGVsbG8=", "aGVsbG8=")
    assert place_of(embedded(call, "#!/bin/sh\nsysctl -w a=1\n"), "sysctl") == (3, 5, "sysctl")
    assert place_of(embedded(call, "elsewhere\n"), "else") == (1, 13, "base64encode(<<-EOT")


def test_a_text_within_an_embedded_text_leads_to_the_file():
    outer = embedded(scalar_at("data:\n  values: |\n    config: |\n      mode: ipvs\n", "data", "values"))
    inner = child(yaml.read(outer).documents[0].root, "config")
    assert isinstance(inner, Scalar)
    assert place_of(embedded(inner), "ipvs") == (4, 13, "ipvs")


@example("", "a: |\n  ", "\\\x85")
@given(st.text(max_size=30), st.sampled_from(["a: |\n  ", "a: >\n  ", 'a: "', "a: '", "a: "]), st.text(max_size=40))
def test_every_span_of_an_embedded_text_lies_in_the_file(before, opening, body):
    documents = yaml.read(Source("x.yaml", f"# {before}\n{opening}{body}")).documents
    node = child(documents[0].root, "a") if documents else None
    if not isinstance(node, Scalar):
        return
    source = embedded(node)
    for start in range(len(source.text) + 1):
        span = Span(source, start, min(start + 1, len(source.text))).in_file()
        assert 0 <= span.start <= span.end <= len(span.source.text)
        assert span.line >= 1 and span.column >= 1 and span.end_line >= span.line
