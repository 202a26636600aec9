"""What the experiments rely on: the linter accuses what they run, and what they counted is what docs/ shows."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.record import replace
from kubelint5xx.engine.rule import rule_names
from lab.process import app
from lab.verdict.__main__ import experiments
from lab.verdict.experiment import Experiment, Row, Setup, misjudged
from lab.verdict.load import Load, counted
from lab.verdict.packets import ahead
from lab.verdict.relay import Relay
from lab.verdict.results import NOT_SHOWN, contradictions, read, write

ROOT = Path(__file__).parents[1]
EXPERIMENTS = list(experiments())
ROWS = read()
ROW = Row("server-closes-first", "a {a}", "a 1", "`idle 2`", True, True, 10, {200: 8, 502: 1, 0: 1})


@pytest.mark.parametrize("one", EXPERIMENTS, ids=[f"{one.rule} {one.who}" for one in EXPERIMENTS])
def test_the_linter_accuses_what_is_to_fail_and_nothing_else(one: Experiment) -> None:
    assert one.setups[0].accused and not one.setups[-1].accused
    assert not [wrong for setup in one.setups if (wrong := misjudged(one.rule, setup))]


@pytest.mark.parametrize("one", EXPERIMENTS, ids=[f"{one.rule} {one.who}" for one in EXPERIMENTS])
def test_what_was_counted_is_what_the_experiments_run(one: Experiment) -> None:
    rows = [row for row in ROWS if (row.rule, row.kind) == (one.rule, one.who)]
    assert [(row.configuration, row.accused, row.linted) for row in rows] == [
        (setup.configuration, setup.accused, bool(setup.files)) for setup in one.setups
    ]


def test_every_rule_about_failing_requests_was_counted_or_is_said_why_not() -> None:
    shown = {row.rule for row in ROWS}
    names = rule_names()
    assert shown | set(NOT_SHOWN) == {slug for slug, group in names.items() if group != "targets"}
    assert not shown & set(NOT_SHOWN)


def test_the_page_and_the_rules_pages_show_each_row() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    for row in ROWS:
        shown = f"| {row.who} | {row.configuration} |"
        assert shown in page
        assert shown in (ROOT / "docs" / "rules" / f"{row.rule}.md").read_text("utf-8")
    assert all(rule in page for rule in NOT_SHOWN)


@pytest.mark.parametrize(
    ("accused", "statuses", "speaks"),
    [
        (True, {200: 9, 502: 1}, False),
        (True, {200: 9, 0: 1}, False),
        (True, {200: 9, 404: 1}, True),
        (False, {200: 10}, False),
        (False, {200: 9, 504: 1}, True),
    ],
)
def test_a_count_speaks_against_its_rule(accused: bool, statuses: dict[int, int], speaks: bool) -> None:
    assert bool(list(contradictions([replace(ROW, accused=accused, statuses=statuses)]))) == speaks


def test_a_setup_that_the_linter_judges_in_another_way_is_named() -> None:
    closes_first = EXPERIMENTS[0]
    accused, mended = closes_first.setups
    swapped = Setup(accused.configuration, False, accused.count, accused.files)
    assert "closes an idle connection" in misjudged(closes_first.rule, swapped)
    swapped = Setup(mended.configuration, True, mended.count, mended.files)
    assert "finds nothing" in misjudged(closes_first.rule, swapped)


def test_new_rows_take_the_place_of_the_old_and_what_is_run_no_more_goes(tmp_path: Path) -> None:
    file = tmp_path / "evidence.yaml"
    other, gone = replace(ROW, kind="b", who="b 1"), replace(ROW, kind="c", who="c 1")
    write([gone, other], [("server-closes-first", "b"), ("server-closes-first", "c")], file)
    newer = replace(other, who="b 2")
    write([ROW, newer], [("server-closes-first", "a {a}"), ("server-closes-first", "b")], file)
    assert read(file) == (ROW, newer)


def test_the_clients_count_each_request_with_its_status() -> None:
    with app() as port:
        assert counted(port, Load(3, 4, (0.0, 0.01))) == Counter({200: 12})


def test_a_relay_that_forgets_flows_resets_the_next_request_and_one_that_is_dead_swallows_it() -> None:
    with app() as port, Relay(port, forgets=0.2) as relay:
        assert counted(relay.port, Load(2, 2, (0.4, 0.4))) == Counter({200: 2, 0: 2})
        relay.dead = True
        assert counted(relay.port, Load(2, 1, (0.0, 0.0), patience=0.3)) == Counter({0: 2})


@given(st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=60))
def test_a_packet_ahead_of_the_window_has_a_right_checksum(header: bytes, segment: bytes) -> None:
    made = ahead(header, segment)
    words = header[12:20] + struct.pack("!BBH", 0, 6, len(segment)) + made[20:] + b"\0" * (len(segment) % 2)
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    assert (int.from_bytes(made[24:28]) - int.from_bytes(segment[4:8])) % 2**32 == 1_000_000


def test_the_program_says_which_rules_it_can_be_asked_for() -> None:
    command = [sys.executable, "-m", "lab.verdict", "no-such-rule"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no-such-rule" in done.stderr
