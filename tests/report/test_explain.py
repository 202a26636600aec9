from __future__ import annotations

import re
from textwrap import dedent

import pytest

from kubelint5xx.core.problem import RuleError
from kubelint5xx.engine.rule import rule_files, rule_text
from kubelint5xx.report.explain import WIDTH, render

RULES = {slug: (rule_text(file), group) for group, slug, file in rule_files()}

RULE = dedent("""\
    title: A server closes first
    since: 0.1.0
    symptom: reset
    bites: idle
    over: edge
    when: sender.keepalive
    require: receiver.idle_timeout > sender.idle_timeout
    message: "{receiver} closes."
    fix: { title: "Raise it to {to}.", set: receiver.idle_timeout, to: sender.idle_timeout + 15 }
    cases:
      - when: >-
          not sender.resends and (receiver.keepalive or sender.graceful or receiver.graceful)
          and edge.protocol == "http1" and receiver.response_timeout > 1
        severity: error
      - severity: warning
    why: |
      The first
      paragraph.

      - An item
      - Another item

          code stays
           as it is

      The last paragraph.
    references: [https://example.com/a]
    examples:
      - stack: incident
        break:
          app.conf:
            "first\\nidle 75\\nlast\\n": "first\\nidle 2\\nlast\\n"
        finds: { app.conf: idle 2 }
      - stack: incident
        about: The server closes after every response.
        edit: { app.conf: { "idle 75\\n": "", "a": "b" } }
        add: { new.conf: "a\\nb" }
        remove: [old.conf]
        finds: nothing
""")


def explained(text: str = RULE) -> str:
    return render(text, "some-rule", "keepalive", color=False)


def test_a_rule_is_told_whole() -> None:
    assert explained() == dedent("""\
        some-rule
        A server closes first

          group      keepalive
          severity   error, warning
          meets      a reset connection, on reused connections
          about      each hop: a sender and the receiver of its requests
          since      0.1.0

        When it fails
          where      sender.keepalive
          must hold  receiver.idle_timeout > sender.idle_timeout
          and then the first of these that fails counts:

          error
            where      not sender.resends
                       and (receiver.keepalive or sender.graceful or receiver.graceful)
                       and edge.protocol == "http1"
                       and receiver.response_timeout > 1

          warning
            otherwise

        Why
          The first paragraph.

          - An item
          - Another item

              code stays
               as it is

          The last paragraph.

        How to fix it
          Raise it to {sender.idle_timeout + 15}.

        Examples
          examples/incident:
            app.conf
              first
            - idle 75
            + idle 2
              last
            finds app.conf: idle 2

          examples/incident: stays silent: The server closes after every response.
            app.conf
            - idle 75
            …
            - a
            + b
            new.conf (a new file)
            + a
            + b
            old.conf (removed)

        To ignore it
          Write `# kubelint5xx: ignore[some-rule] reason` on a line that the finding shows, or above its
          block.

        References
          https://example.com/a
    """)


def test_several_fixes_are_a_list_without_repetition() -> None:
    text = RULE.replace("- severity: warning", '- { severity: warning, fix: { title: "Or that." } }')
    assert "How to fix it\n  - Raise it to {sender.idle_timeout + 15}.\n  - Or that.\n" in explained(text)


def test_a_rule_without_cases_and_examples_has_no_empty_sections() -> None:
    text = re.sub(r"cases:.*?(?=why:)", "severity: info\n", RULE, flags=re.S).partition("examples:")[0]
    said = explained(text)
    assert "severity   info\n" in said
    assert "Examples" not in said
    assert "first of these" not in said


@pytest.mark.parametrize("slug", RULES)
def test_every_shipped_rule_can_be_explained_in_100_columns(slug: str) -> None:
    text, group = RULES[slug]
    said = render(text, slug, group, color=False)
    prose = said.partition("\nExamples\n")[0] + said.partition("\nTo ignore it\n")[2]
    long = [line for line in prose.splitlines() if len(line) > WIDTH and "https://" not in line]
    assert long == []
    assert f"ignore[{slug}]" in said
    assert not any(line != line.rstrip() for line in said.splitlines())


def test_colours_change_nothing_but_colours() -> None:
    coloured = render(RULE, "some-rule", "keepalive", color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == explained()
    assert "\x1b[31m- idle 75\x1b[0m" in coloured


def test_controls_in_a_rule_of_somebody_else_do_not_reach_the_terminal() -> None:
    said = explained(RULE.replace("A server closes first", '"A \\e[31mserver"').replace("idle 2", "idle \\e2"))
    assert "\x1b" not in said


def test_what_is_no_rule_is_refused() -> None:
    with pytest.raises(RuleError):
        explained("title: x\n")
