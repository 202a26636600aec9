"""What others test their readers with: fetched as packages by ``python -m tests.suites``, read, and never kept here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.problem import Problem

SUITES = Path(__file__).parents[2] / ".tools" / "suites"


def folder(name: str, inside: str = "") -> Path:
    """Where the suite ``name`` was brought to. Skips the test where it is not there, and says so."""
    place = SUITES / name / inside
    if not place.is_dir():
        pytest.skip(f"the suite {name} is not on this machine: `python -m tests.suites` fetches it")
    return place


def exported(path: Path) -> Any:
    """What a module of JavaScript exports, where that is written as JSON."""
    text = path.read_text("utf-8").partition("export default")[2]
    return json.loads(text)


def plain(node: Node) -> Any:
    """What ``node`` says, without places; of what is not known the reason."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries, open=reason):
            known = {str(entry.key.value): plain(entry.value) for entry in entries}
            return {**known, "…": reason} if reason else known
        case Unresolved(reason=reason):
            return f"? {reason}"
    raise AssertionError(node)


def refused(reading: Reading) -> list[Problem]:
    """Why a text was not read. Each reason must be one line, at a line that there is."""
    said = [problem for problem in reading.problems if problem.kind != "notice"]
    for problem in said:
        assert problem.line >= 1 and problem.message and "\n" not in problem.message, problem
    return said
