"""The examples inside rule files, run: each is a mutation of a healthy stack, and says what is found in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from kubelint5xx.check import check
from kubelint5xx.config import FILE_NAMES, Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Finding, Report
from kubelint5xx.core.problem import InputError, RuleError
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.engine.own_rules import own_files, own_rule, read_rule
from kubelint5xx.engine.rule import Rule, rule_files, rule_names, shipped

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
        # Installing the package compiles what ends in .py, a server's configuration among it.
        if path.is_file() and "__pycache__" not in path.parts
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


def run_stack(files: Mapping[str, str], own: Sequence[Rule] = ()) -> Report:
    """The report over files in memory, with the configuration that they hold. ``own``: rules beside the shipped."""
    config = Config()
    for name in FILE_NAMES:
        if name in files:
            config = load_config(Source(name, files[name]))
    return check(MemoryTree(dict(files)), config, own=own)


@record
class Outcome:
    """What came of running examples: how many are ``wrong``, and what to print."""

    wrong: int
    lines: tuple[str, ...]


def run_examples(folders: Iterable[str]) -> Outcome:
    """Run the examples of all rules in ``folders``: the user's own, or those that come with kubelint5xx.

    An example's stack is a folder, named from its rule's folder, or one of the stacks that are shipped. Raises
    InputError where a rule cannot be used, and RuleError where an example cannot be run.
    """
    is_shipped = {os.path.realpath(file) for _, _, file in rule_files()}
    sources: list[tuple[str, str, Source]] = []
    for folder in folders:
        try:
            files = list(own_files(folder))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", folder) from None
        sources += [(group, slug, read_rule(file, file)) for group, slug, file in files]
    mine = [one for one in sources if os.path.realpath(one[2].path) not in is_shipped]
    known = {*rule_names(), *(slug for _, slug, _ in mine)}
    own = [own_rule(source, slug, group, known) for group, slug, source in mine]
    lines: list[str] = []
    fires = silent = wrong = bare = 0
    for _, slug, source in sources:
        examples = list(examples_of(source.text, slug))
        bare += not examples
        if not examples:
            lines.append(f"{source.path}: has no examples")
        for number, example in enumerate(examples, 1):
            fires, silent = fires + bool(example.finds), silent + (not example.finds)
            root = _stack_folder(example, os.path.dirname(source.path))
            said = complaints(example, run_stack(mutated(example, stack_files(root)), own))
            wrong += bool(said)
            lines += [f"{source.path}: example {number}: {one}" for one in said]
    good = f"{fires} that fire and {silent} that stay silent"
    lines.append(f"{len(sources)} rules, {fires + silent} examples: {good}; {wrong} wrong, {bare} rules without one")
    return Outcome(wrong, tuple(lines))


def _stack_folder(example: Example, beside: str) -> Path:
    for folder in (Path(beside, example.stack), Path(shipped("examples"), example.stack)):
        if folder.is_dir():
            return folder
    raise RuleError(f"{example.rule}: there is no stack {example.stack}, neither beside the rule nor among the shipped")


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
