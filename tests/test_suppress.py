from __future__ import annotations

import base64
from collections.abc import Iterable

import pytest

from kubelint5xx.core.finding import Cited, Finding
from kubelint5xx.core.node import Scalar
from kubelint5xx.core.source import Embedding, Source, Span
from kubelint5xx.core.value import Confidence, Default, Derived, Severity, Value, Written
from kubelint5xx.suppress import Suppression, annotations_of, apply, comments_of

RULES = ("server-closes-first", "grace-too-short", "keepalive", "drain")
GROUPS = {"server-closes-first": "keepalive", "grace-too-short": "drain"}


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def finding(place: Span, *evidence: Value, rule: str = "server-closes-first") -> Finding:
    cited = tuple(Cited("5 s", "idle timeout", value) for value in evidence)
    return Finding(rule, "Bad", Severity.ERROR, Confidence.HIGH, "idle", 502, ("Bad.",), place, cited)


def judged(*findings: Finding, by: Iterable[Suppression]) -> tuple[int, list[str], list[str]]:
    """How many findings stay, the reasons of those that do not, and the notices."""
    kept, gone, problems = apply(findings, list(by), lambda slug: GROUPS[slug], RULES)
    return len(kept), [one.reason for one in gone], [str(problem) for problem in problems]


# MARK stands for the comment's words.
FORMS = {
    "yaml, above a block": (
        "spec:\n  # MARK the app closes\n  containers:\n  - name: web\n    args: [HERE]\n  other: 1\n"
    ),
    "yaml, above an item": ("# MARK the app closes\n- name: web\n  args: [HERE]\n- name: b\n"),
    "yaml, trailing": "keepAlive: HERE # MARK the app closes\n",
    "yaml, with CRLF": "a: 1\r\n# MARK the app closes\r\nb: HERE\r\n",
    "hcl": '# MARK the app closes\nresource "aws_lb" "web" {\n  idle = HERE\n}\n',
    "hcl, with slashes": 'resource "aws_lb" "web" {\n  idle = HERE // MARK the app closes\n}\n',
    "hcl, a block comment": "/* MARK the app closes */\nlocals {\n  idle = HERE\n}\n",
    "properties": "# MARK the app closes\nserver.idle=HERE\n",
    "ini": "; MARK the app closes\nidle = HERE\n",
    "nginx": "http {\n  # MARK the app closes\n  server {\n    idle HERE;\n  }\n}\n",
    "python": "keepalive = HERE  # MARK the app closes\n",
    "python, above brackets": "# MARK the app closes\nserve(\n    idle=HERE,\n)\n",
    "xml": "<!-- MARK the app closes -->\n<Set>\n  HERE\n</Set>\n",
    "xml, trailing": "<Set>HERE</Set> <!-- MARK the app closes -->\n",
    "helm": "{{/* MARK the app closes */}}\nidle: HERE\n",
    "after another comment": "idle: HERE # noqa # MARK the app closes\n",
    "a group": "idle: HERE # kubelint5xx: ignore[keepalive] the app closes\n",
    "one of several": "idle: HERE # kubelint5xx: ignore[server-closes-first,] the app closes\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_comment_suppresses_with_its_reason(form: str) -> None:
    source = Source("some/file", FORMS[form].replace("MARK", "kubelint5xx: ignore[server-closes-first]"))
    assert judged(finding(at(source, "HERE")), by=comments_of(source)) == (0, ["the app closes"], [])


OUTSIDE = {
    "the next block": "# kubelint5xx: ignore[server-closes-first]\na:\n  b: 1\nc: HERE\n",
    "the next item": "l:\n  # kubelint5xx: ignore[server-closes-first]\n  - a: 1\n    b: 2\n  - HERE\n",
    "the line below a trailing comment": "a: 1 # kubelint5xx: ignore[server-closes-first]\nb: HERE\n",
    "the line above": "b: HERE\n# kubelint5xx: ignore[server-closes-first]\na: 1\n",
    "what follows a closing bracket": "# kubelint5xx: ignore[server-closes-first]\na {\n  b\n}\nHERE\n",
    "a text that is no comment": 'a: "kubelint5xx: ignore[server-closes-first]"\nb: HERE\n',
}


@pytest.mark.parametrize("form", OUTSIDE)
def test_a_comment_holds_for_its_own_block_only(form: str) -> None:
    source = Source("some/file", OUTSIDE[form])
    kept, reasons, problems = judged(finding(at(source, "HERE")), by=comments_of(source))
    assert (kept, reasons) == (1, [])
    assert len(problems) == (0 if "no comment" in form else 1)


def test_a_comment_holds_for_the_block_below_other_comments_and_blank_lines() -> None:
    source = Source("a", "# kubelint5xx: ignore[server-closes-first]\n\n# about a\na:\n\n  b: HERE\n")
    assert judged(finding(at(source, "HERE")), by=comments_of(source))[0] == 0


def test_a_comment_at_the_end_of_a_file_suppresses_nothing() -> None:
    for text in ("a: HERE\n# kubelint5xx: ignore[server-closes-first]", "a: HERE\n# kubelint5xx: ignore[drain] x\n\n"):
        source = Source("a", text)
        assert judged(finding(at(source, "HERE")), by=comments_of(source))[0] == 1


def test_any_place_of_a_finding_counts() -> None:
    mark = "# kubelint5xx: ignore[server-closes-first]"
    alb = Source("main.tf", f"idle = 60 {mark} 1\nvariable = var.idle {mark} 2\nblock {{ {mark} 3\n")
    app = Source("app.py", "keepalive = 2\n")
    place = at(app, "2")
    written = Value(60.0, Written(at(alb, "60")))
    through = Value(60.0, Written(at(app, "2"), via=(at(alb, "var.idle"),)))
    default = Value(60.0, Default("AWS ALB", "idle_timeout", place=at(alb, "block")))
    for value, reason in ((written, "1"), (through, "2"), (default, "3"), (Value(1.0, Derived("", (written,))), "1")):
        kept, reasons, _ = judged(finding(place, value), by=comments_of(alb))
        assert (kept, reasons) == (0, [reason])


def test_another_file_and_another_rule_are_not_suppressed() -> None:
    one, other = Source("a", "x: 1 # kubelint5xx: ignore[server-closes-first]"), Source("b", "x: 1")
    assert judged(finding(at(other, "1")), by=comments_of(one))[0] == 1
    assert judged(finding(at(one, "1"), rule="grace-too-short"), by=comments_of(one))[0] == 1


def test_a_suppression_that_does_nothing_is_reported_with_its_place() -> None:
    source = Source(
        "a.yaml",
        "x: HERE # kubelint5xx: ignore[server-closes-first, grace-too-short] why\n"
        "y: 1 # kubelint5xx: ignore[server-close-first]\n"
        "z: 1 # kubelint5xx: ignore[]\n",
    )
    kept, _, problems = judged(finding(at(source, "HERE")), by=comments_of(source))
    assert kept == 0
    assert problems == [
        "a.yaml:1: ignore[grace-too-short] suppresses nothing",
        "a.yaml:2: ignore[server-close-first] names no rule",
        "a.yaml:3: ignore[] names no rule",
    ]


def test_each_of_two_suppressions_of_one_finding_is_used_and_the_first_gives_the_reason() -> None:
    source = Source(
        "a.yaml", "# kubelint5xx: ignore[keepalive] one\nx: HERE # kubelint5xx: ignore[server-closes-first] two\n"
    )
    assert judged(finding(at(source, "HERE")), by=comments_of(source)) == (0, ["one"], [])


def test_an_annotation_holds_for_its_object() -> None:
    source = Source("a.yaml", "kind: A\nnote: server-closes-first, drain\nwhy: it drains\nx: HERE\n---\nx: THERE\n")
    whole = Span(source, 0, source.text.index("---"))
    wanted = Scalar(at(source, "server-closes-first, drain"), "server-closes-first, drain")
    reason = Scalar(at(source, "it drains"), "it drains")
    by = list(annotations_of([(whole, wanted, reason)]))
    findings = [finding(at(source, "HERE")), finding(at(source, "THERE"))]
    kept, reasons, problems = judged(*findings, by=by)
    assert (kept, reasons) == (1, ["it drains"])
    assert problems == ["a.yaml:2: ignore[drain] suppresses nothing"]


def test_a_comment_inside_an_embedded_text_keeps_to_its_lines_where_the_file_has_them() -> None:
    lines = ["# kubelint5xx: ignore[keepalive] why\n", "idle HERE\n", "idle THERE\n"]
    file = Source("k8s.yaml", "data:\n  conf: |\n" + "".join(f"    {line}" for line in lines))
    inner = Source("k8s.yaml", "".join(lines), inside=Embedding(at(file, "|"), 3, 4))
    for source in (file, inner):
        findings = [finding(at(inner, "HERE")), finding(at(inner, "THERE"))]
        assert judged(*findings, by=comments_of(source)) == (1, ["why"], [])


def test_a_comment_inside_an_encoded_text_stands_in_the_line_of_that_text() -> None:
    text = "a\nb\nc\n# kubelint5xx: ignore[keepalive] why\nidle HERE\n"
    file = Source("k8s.yaml", f"conf: {base64.b64encode(text.encode()).decode()}\n")
    inner = Source("k8s.yaml", text, inside=Embedding(Span(file, 6, len(file.text) - 1)))
    assert judged(finding(at(inner, "HERE")), by=comments_of(inner)) == (0, ["why"], [])
