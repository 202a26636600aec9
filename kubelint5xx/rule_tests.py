"""The examples inside rule files, run: each is a mutation of a healthy stack, and says what is found in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from kubelint5xx.check import check
from kubelint5xx.config import FILE_NAMES, Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Finding, Report
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree

NOTHING = "nothing"
_OF_EXAMPLE = ("stack", "about", "break", "edit", "add", "remove", "finds", "also")


@record
class Example:
    """One example of a rule. ``edits`` replace texts in files of ``stack``, each of which must be there once.

    ``finds`` maps files to a text in the line of the finding; empty: the rule stays silent. ``also`` names other
    rules that the same fault breaks, rightly.
    """

    rule: str
    stack: str
    about: str
    edits: Mapping[str, Mapping[str, str]]
    add: Mapping[str, str]
    remove: tuple[str, ...]
    finds: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()


def examples_of(text: str, slug: str) -> Iterator[Example]:
    """The examples of a rule file's text. Raises RuleError where one has a key that means nothing."""
    data = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for item in data.get("examples", ()):
        for key in item:
            if key not in _OF_EXAMPLE:
                near = get_close_matches(str(key), _OF_EXAMPLE, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(_OF_EXAMPLE)}"
                raise RuleError(f"{slug}: an example has no {key!r}{hint}")
        if "stack" not in item:
            raise RuleError(f"{slug}: an example lacks stack")
        finds: Any = item.get("finds", NOTHING)
        if finds != NOTHING and not isinstance(finds, dict):
            raise RuleError(f"{slug}: finds is a mapping of files to texts, or {NOTHING}")
        if "break" in item and finds == NOTHING:
            raise RuleError(f"{slug}: an example that breaks a stack finds something")
        yield Example(
            rule=slug,
            stack=item["stack"],
            about=item.get("about", ""),
            edits=item.get("break") or item.get("edit") or {},
            add=item.get("add", {}),
            remove=tuple(item.get("remove", ())),
            finds={} if finds == NOTHING else finds,
            also=tuple(item.get("also", ())),
        )


def stack_files(root: Path) -> dict[str, str]:
    """The files of a stack by their paths in it."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def mutated(example: Example, files: Mapping[str, str]) -> dict[str, str]:
    """The stack's files as the example changes them. Raises RuleError where a text to replace is not there once."""
    changed = dict(files)
    for name, edits in example.edits.items():
        if name not in changed:
            raise RuleError(f"{example.rule}: the stack {example.stack} has no file {name}")
        for old, new in edits.items():
            if changed[name].count(old) != 1:
                count = changed[name].count(old)
                raise RuleError(f"{example.rule}: {old!r} stands {count} times in {example.stack}/{name}, not once")
            changed[name] = changed[name].replace(old, new)
    for name in example.remove:
        if changed.pop(name, None) is None:
            raise RuleError(f"{example.rule}: the stack {example.stack} has no file {name}")
    return {**changed, **example.add}


def run_stack(files: Mapping[str, str]) -> Report:
    """The report over files in memory, with the configuration that they hold."""
    config = Config()
    for name in FILE_NAMES:
        if name in files:
            config = load_config(Source(name, files[name]))
    return check(MemoryTree(dict(files)), config)


def complaints(example: Example, report: Report) -> list[str]:
    """What is not as the example says; empty where all is."""
    mine = [finding for finding in report.findings if finding.rule == example.rule]
    found: list[str] = []
    for path, text in example.finds.items():
        if not any(_is_at(finding, path, text) for finding in mine):
            places = ", ".join(f"{one.place}: {one.place.source.line_text(one.place.line).strip()}" for one in mine)
            found.append(f"{example.rule} does not find {text!r} in {path}; it finds {places or 'nothing'}")
    if len(mine) > len(example.finds):
        found.append(f"{example.rule} finds {', '.join(str(finding.place) for finding in mine)}")
    for other in report.findings:
        if other.rule != example.rule and other.rule not in example.also:
            found.append(f"{other.rule} also fires, at {other.place}: {other.text}")
    return found


def _is_at(finding: Finding, path: str, text: str) -> bool:
    place = finding.place
    return place.path == path and text in place.source.line_text(place.line)
