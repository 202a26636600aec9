from __future__ import annotations

import re
import unicodedata
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.finding import Cited, Coverage, Finding, Report
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Assumed, Confidence, Default, Severity, Value
from kubelint5xx.report import text
from kubelint5xx.report.snippet import snippet


def plain(report: Report, *, show_unknown: bool = False, verbose: bool = False) -> str:
    return text.render(report, color=False, show_unknown=show_unknown, verbose=verbose)


def shown(expected: str) -> str:
    return dedent(expected).lstrip("\n")


def one(place: Span, *evidence: Cited, message: str = "Bad.") -> Finding:
    return Finding("some-rule", "Something", Severity.INFO, Confidence.HIGH, "load", 503, (message,), place, evidence)


def alone(*findings: Finding) -> Report:
    return Report(findings, (), (), (), Coverage(files=1), ())


def test_report_tells_each_number_with_its_place_the_path_and_the_fix(sample: Report) -> None:
    assert plain(sample) == shown("""
        error[server-closes-first] 502 on reused connections
        gunicorn closes an idle connection after 2 s, but the ALB [web] reuses it for 60 s.

              --> web/gunicorn.conf.py:2:13
                2 │ keepalive = 2
                  │             ^ idle timeout of gunicorn

             60 s  idle timeout of the ALB [web]
                   infra/main.tf:5:8 · idle = 60

             path  ALB web → Service web → gunicorn
             also  12 more fail by the same value
              fix  Set keepalive to 75

        warning[short-drain] during deploys · low confidence · in staging, production
        web goes on for 15 s only

              --> k8s/web app.yaml:2:11
                2 │     grace: 😀 '15' # seconds
                  │               ^^^^ grace of web

             15 s  time left
                   the grace period minus the preStop delay
                     15 s  grace of web
                      0 s  the default of Kubernetes, nothing that was read sets it (https://k8s.example/hooks)
                           not read: the image
                           would be set in k8s/web app.yaml:3:3 · hook: 5s

          assumed  the pods run the image's own command
              fix  Add a preStop hook

        note: k8s/web app.yaml:2: this comment suppresses nothing

        1 error, 1 warning; 1 suppressed
        2 settings clear 14 findings
        31 hops: 12 proved, 4 fail, 15 undecided; 1 chart not rendered; 2 files not read in full
        2 questions the files do not answer; --show-unknown lists them
    """)


def test_verbose_tells_the_places_that_values_came_through(sample: Report) -> None:
    assert "through infra/main.tf:2:18 · idle_timeout = var.idle" not in plain(sample)
    assert "through infra/main.tf:2:18 · idle_timeout = var.idle" in plain(sample, verbose=True)


def test_unknowns_are_listed_with_their_reasons_on_request(sample: Report) -> None:
    assert shown("""
        Not known from the files
          [server-closes-first] the idle timeout of api: its image is private
            k8s/web app.yaml:3:3
          the server of api: no file says what runs there
            k8s/web app.yaml:1:1
    """) in plain(sample, show_unknown=True)
    assert "--show-unknown" not in plain(sample, show_unknown=True)


def test_default_at_the_place_itself_is_said_to_be_not_set() -> None:
    source = Source("main.tf", 'resource "aws_lb" "web" {\n}\n')
    place = Span(source, 0, len(source.text))
    value = Value(60.0, Default("AWS ALB", "idle_timeout", "https://aws.example/alb", place))
    report = alone(one(place, Cited("60 s", "idle timeout of the ALB", value)))
    assert plain(report).split("\n\n")[1:3] == [
        "      --> main.tf:1:1\n"
        '        1 │ resource "aws_lb" "web" {\n'
        "          │ ^^^^^^^^^^^^^^^^^^^^^^^^^ idle_timeout is not set here",
        "     60 s  idle timeout of the ALB\n"
        "           the default of AWS ALB, nothing sets it (https://aws.example/alb)",
    ]


def test_no_findings_do_not_hide_what_was_not_analysed() -> None:
    seen = Coverage(files=3, unrendered=2, unreadable=1)
    assert plain(replace(alone(), coverage=seen)) == (
        "No findings\nno hop found in 3 files; 2 charts not rendered; 1 file not read in full\n"
    )


def test_many_findings_are_grouped_by_the_setting_that_decides_them() -> None:
    source = Source("alb.tf", "idle = 60\nother = 5\n")
    idle, other = Span(source, 7, 9), Span(source, 18, 19)
    findings = [one(other if number == 3 else idle, message=f"Server {number} fails.") for number in range(12)]
    report = plain(alone(*findings))
    assert report.count("-->") == 2
    assert report.split("\n\n")[2].splitlines() == [
        "     also  info[some-rule] 503 under load: Server 1 fails.",
        "           info[some-rule] 503 under load: Server 2 fails.",
        "           info[some-rule] 503 under load: Server 4 fails.",
        "           info[some-rule] 503 under load: Server 5 fails.",
        "           info[some-rule] 503 under load: Server 6 fails.",
        "           and 5 more by the same setting; --verbose lists them",
    ]
    assert "2 settings clear 12 findings" in report
    assert "Server 11 fails." in plain(alone(*findings), verbose=True)
    assert plain(alone(*findings[:10])).count("-->") == 10


def test_colours_change_nothing_but_colours(sample: Report) -> None:
    coloured = text.render(sample, color=True, show_unknown=True)
    assert "\x1b[1;31merror\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain(sample, show_unknown=True)
    assert "\x1b" not in plain(sample, show_unknown=True)


def test_text_of_files_cannot_steer_the_terminal(sample: Report) -> None:
    evil = "\x1b[2J\x9b\u202e\r"
    source = Source(f"a{evil}.yaml", f"{evil}key: 1\n")
    value = Value(1.0, Assumed(evil, Span(source, 0, 3)))
    finding = replace(sample.findings[1], place=Span(source, 0, 9), evidence=(Cited(evil, evil, value),))
    finding = replace(finding, message=(evil,), assumptions=(evil,), environments=(evil,))
    out = plain(alone(finding))
    assert "␛[2J" in out
    assert not set(out) & set(evil) - set("[2J")


def test_long_line_is_clipped_around_its_span() -> None:
    source = Source("a.json", '{"x": "' + "a" * 5000 + '", "idle": 60, "y": "' + "b" * 5000 + '"}')
    start = source.text.index("60")
    part = snippet(Span(source, start, start + 2))
    assert part.text[part.indent : part.indent + part.width] == "60"
    assert part.text.startswith("…") and part.text.endswith("…")
    assert len(part.text) == 122


@given(st.text(st.sampled_from("ab \n"), max_size=300), st.data())
def test_mark_stands_below_the_span(content: str, data: st.DataObject) -> None:
    source = Source("a", content)
    start = data.draw(st.integers(0, len(content)))
    span = Span(source, start, data.draw(st.integers(start, len(content))))
    part = snippet(span, limit=20)
    marked = part.text.ljust(300)[part.indent : part.indent + part.width].replace("…", " ")
    assert marked.strip() == span.first_line().text[: part.width].strip() or not span.first_line().text


@given(st.text(st.sampled_from("ab\t\r\n😀漢é\u0301\x1b\u202e"), max_size=300), st.data())
def test_snippet_of_any_text_is_short_and_printable(content: str, data: st.DataObject) -> None:
    source = Source("a", content)
    start = data.draw(st.integers(0, len(content)))
    part = snippet(Span(source, start, data.draw(st.integers(start, len(content)))))
    assert part.width >= 1 and part.indent >= 0
    assert not [c for c in part.text if unicodedata.category(c) in ("Cc", "Cf")]
    assert len(part.text) <= 4 * min(len(source.line_text(source.line_of(start))), 120) + 2


def test_mark_counts_tabs_and_wide_characters_as_the_terminal_does() -> None:
    source = Source("a", "\tkey: 漢字 e\u0301 60\n")
    start = source.text.index("60")
    part = snippet(Span(source, start, start + 2))
    assert (part.text, part.indent, part.width) == ("    key: 漢字 e\u0301 60", 16, 2)
