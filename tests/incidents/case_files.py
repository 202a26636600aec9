"""Incidents that operators told of in public, as files of our own: a broken state and what healed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kubelint5xx.core.record import record
from kubelint5xx.rule_tests import Example, mutated, stack_files

FOLDER = Path(__file__).parent
FOUND, MISSED, NOT_DETECTABLE = GROUPS = ("found", "missed", "not-detectable")
_KEYS = {"about", "incident", "finds", "also", "heal", "add", "remove", "missed", "not-detectable"}
_KEYS_OF_FIND = {"rule", "file", "text", "quiet"}


@record
class Expected:
    """A finding of ``rule`` in a line of ``file`` that holds ``text``.

    ``quiet`` says why it is below what fails a run by default (severity warning, confidence medium); empty: it is not.
    """

    rule: str
    file: str
    text: str
    quiet: str = ""


@record
class Case:
    """One incident. ``finds`` are the findings that tell its cause, ``also`` other rules that fire, rightly.

    Of a case in another group than ``found``, ``finds`` is what ought to be found and is not.
    """

    name: str
    incident: str
    about: str
    group: str
    finds: tuple[Expected, ...]
    also: frozenset[str]
    broken: Mapping[str, str]
    healed: Mapping[str, str]


def read_case(folder: Path) -> Case:
    """The case in ``folder``. Raises RuleError where its healing does not meet its files."""
    data: dict[str, Any] = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    assert not data.keys() - _KEYS, f"{folder.name}: {data.keys() - _KEYS}"
    finds = tuple(Expected(**item) for item in data.get("finds", ()))
    group = next((group for group in GROUPS if group in data), FOUND)
    broken = stack_files(folder / "files")
    heal = Example(
        rule=folder.name,
        stack="files",
        about="",
        edits=data.get("heal", {}),
        add=data.get("add", {}),
        remove=tuple(data.get("remove", ())),
    )
    return Case(
        name=folder.name,
        incident=data["incident"],
        about=data["about"],
        group=group,
        finds=finds,
        also=frozenset(data.get("also", ())),
        broken=broken,
        healed=mutated(heal, broken),
    )


CASES = tuple(read_case(folder) for folder in sorted((FOLDER / "cases").iterdir()) if folder.is_dir())


def pairs(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """The index as it is written, with what a mapping would drop: a key that is there twice."""

    def of(node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return [(key.value, of(value)) for key, value in node.value]
        return node.value

    return of(yaml.compose(path.read_text(encoding="utf-8")))


INDEX = pairs(FOLDER / "index.yaml")
GROUP_OF = {incident: group for group, entries in INDEX for incident, _ in entries}


def summary() -> str:
    """How many incidents are found, in one line."""
    count = Counter(GROUP_OF.values())
    return f"incidents: {count[FOUND]} found, {count[MISSED]} missed, {count[NOT_DETECTABLE]} not detectable"
