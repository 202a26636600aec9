from __future__ import annotations

import pytest

from kubelint5xx.core.problem import RuleError
from kubelint5xx.hops.table import parse, products, table
from kubelint5xx.report.servers import Known, Tally, defaults, render, tally

CITE = "https://example.org/manual"
TABLE = f"""
title: A
role: server
own:
  quick: {{ argv: --quick, type: bool, default: false, cite: {CITE} }}
  written: {{ argv: --idle, type: duration, default: 7, cite: {CITE} }}
knobs:
  inbound.keepalive: {{ argv: --keep, cite: {CITE} }}
  inbound.idle_timeout:
    argv: --idle
    default: [{{ when: quick, is: 0.5 }}, {{ when: 'version < "7"', same_as: written }}, {{ is: unlimited }}]
    cite: {CITE}
  graceful: {{ default: true }}
"""


def test_each_case_of_a_default_is_told_with_its_condition_and_source() -> None:
    assert list(defaults(parse("a", TABLE))) == [
        Known(
            "inbound.idle_timeout",
            (("500 ms", "quick"), ("that of --idle (7 s where unset)", 'version < "7"'), ("no limit", "")),
            CITE,
        ),
        Known("graceful", (("yes", ""),), ""),
    ]


def test_a_server_is_shown_with_its_defaults_and_where_they_stand() -> None:
    shown = render(["daphne"]).splitlines()
    assert shown[0] == "Daphne (server; daphne)"
    at = shown.index("  inbound.idle_timeout      60 s")
    assert shown[at + 1].strip().startswith("https://")


def test_all_known_servers_are_shown() -> None:
    titles = [block.splitlines()[0] for block in render(products()).split("\n\n")]
    assert [title.removesuffix(")").rpartition("; ")[2] for title in titles] == list(products())


def test_a_name_without_a_table_is_refused() -> None:
    with pytest.raises(RuleError, match="did you mean 'gunicorn'"):
        render(["gunicron"])


def test_every_default_names_its_source_and_a_good_part_was_measured() -> None:
    count = tally(map(table, products()))
    assert count.products == len(products()) >= 62
    assert count.cited == count.defaults >= 420
    assert count.measured >= 60


def test_what_is_unknown_or_only_falls_back_is_no_default() -> None:
    text = (
        "title: A\nrole: proxy\nanswers: { timeout: 504, cite: https://a }\nknobs:\n"
        "  inbound.idle_timeout: { default: [{ is: unknown }], cite: https://a }\n"
        "  inbound.header_timeout: { fallback: inbound.idle_timeout }\n"
        "  graceful: { default: true }\n"
        "  response_timeout: { default: 5, cite: https://a, measured: { version: '1', value: 5 } }\n"
    )
    assert tally([parse("a", text)]) == Tally(products=1, defaults=3, cited=2, measured=1)
