"""Rules as files: loading, checking, and what is wrong with one that cannot be used."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import yaml

from kubelint5xx.core.expr import Expression, compile_expression
from kubelint5xx.core.finding import RuleInfo
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Severity
from kubelint5xx.engine.facts import FACTS
from kubelint5xx.model.knobs import OVER, vocabulary

# What the sender meets. A crash is answered by the server itself (500) or ends in a reset, so that no status is said.
SYMPTOMS = ("reset", "timeout", "no_target", "crash")
BITES = ("always", "idle", "load", "deploy", "scale")
_SEVERITIES = {str(severity): severity for severity in Severity}
_OF_CASE = ("when", "require", "severity", "message", "fix", "at")
_NEEDED = ("title", "since", "bites", "symptom", "over", "why", "references")
_OF_RULE = (*_NEEDED, *_OF_CASE, "cases", "yields_to", "tasks")
_OF_FIX = ("title", "set", "to", "safety")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@record
class Template:
    """A message: texts, and in between expressions whose values are printed. A bare name prints the subject's name."""

    parts: tuple[str | Expression, ...]


@record
class Fix:
    """What would take the finding back: ``set`` the quantity (``receiver.idle_timeout``) ``to`` a value."""

    title: Template
    set: str = ""
    to: Expression | None = None
    safe: bool = False


@record
class Case:
    """One way to fail. ``when`` tells where it applies, ``require`` what must hold there."""

    when: Expression | None
    require: Expression
    severity: Severity
    message: Template
    fix: Fix | None
    at: str


@record
class Rule:
    """One rule. The first case that fails counts. ``tasks``: what it says of pods holds for tasks of ECS as well."""

    slug: str
    group: str
    title: str
    over: str
    symptom: str
    bites: str
    cases: tuple[Case, ...]
    yields_to: tuple[str, ...]
    since: str
    why: str
    references: tuple[str, ...]
    tasks: bool = False

    @property
    def severity(self) -> Severity:
        """The severest of its cases."""
        return max(case.severity for case in self.cases)

    def info(self) -> RuleInfo:
        """What reports say of it."""
        return RuleInfo(self.slug, self.group, self.title, self.severity, self.why, self.references)


def load_rule(text: str, slug: str, group: str) -> Rule:
    """The rule of one file's text. Raises RuleError, with what is wrong and the nearest thing that exists."""
    # A rule's examples come last and are many; a check has no use for them.
    head = text.partition("\nexamples:")[0]
    try:
        data = yaml.load(head, _LOADER)
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 1 if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else 0
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RuleError(f"not valid YAML{f', in line {line}' if line else ''}: {said}") from None
    if not isinstance(data, dict):
        raise RuleError("a rule is a mapping")
    _check_keys(data, _OF_RULE, "a rule")
    missing = [key for key in _NEEDED if key not in data]
    if missing:
        raise RuleError(f"lacks {', '.join(missing)}")
    for key in ("references", "yields_to", "cases"):
        if not isinstance(data.get(key, []), list):
            raise RuleError(f"{key} is not a list", key)
    for key in ("title", "symptom", "bites", "over", "why"):
        if not isinstance(data[key], str):
            raise RuleError(f"{key} is not a text", key)
    for key, allowed in (("over", tuple(OVER)), ("symptom", SYMPTOMS), ("bites", BITES)):
        if data[key] not in allowed:
            raise RuleError(f"{key} is {data[key]!r}; it is one of {', '.join(allowed)}", str(data[key]))
    names = OVER[data["over"]]
    shared = {key: data[key] for key in _OF_CASE if key in data}
    cases: list[Case] = []
    for case in data.get("cases") or [{}]:
        if not isinstance(case, dict):
            raise RuleError("a case is a mapping", "cases")
        _check_keys(case, _OF_CASE, "a case")
        cases.append(_case({**shared, **case, "when": _both(shared, case)}, names))
    return Rule(
        slug=slug,
        group=group,
        title=data["title"],
        over=data["over"],
        symptom=data["symptom"],
        bites=data["bites"],
        cases=tuple(cases),
        yields_to=tuple(data.get("yields_to", ())),
        since=str(data["since"]),
        why=str(data["why"]),
        references=tuple(map(str, data["references"])),
        tasks=data.get("tasks") is True,
    )


def _check_keys(data: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
    for key in data:
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(str(key), known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
            raise RuleError(f"{what} has no {key!r}{hint}", str(key))


def _both(shared: Mapping[str, str], case: Mapping[str, str]) -> str:
    conditions = [str(part["when"]) for part in (shared, case) if "when" in part]
    return " and ".join(f"({condition})" for condition in conditions) if len(conditions) > 1 else "".join(conditions)


def _case(data: Mapping[str, object], names: Mapping[str, str]) -> Case:
    for key in ("require", "severity", "message"):
        if not data.get(key):
            raise RuleError(f"lacks {key}")
    for key in ("when", "require", "severity", "message", "at"):
        # YAML reads a bare true as a yes; as an expression it means the same.
        if not isinstance(data.get(key, ""), (str, bool)):
            raise RuleError(f"{key} is not a text", key)
    severity = _SEVERITIES.get(str(data["severity"]))
    if severity is None:
        said = str(data["severity"])
        raise RuleError(f"severity is {said!r}; it is one of {', '.join(_SEVERITIES)}", said)
    fix, at = data.get("fix"), str(data.get("at", ""))
    if at:
        _expression(at, names)
    return Case(
        when=_expression(str(data["when"]), names, "bool") if data.get("when") else None,
        require=_expression(str(data["require"]), names, "bool"),
        severity=severity,
        message=_template(str(data["message"]), names),
        fix=_fix(fix, names) if isinstance(fix, dict) else None,
        at=at,
    )


def _fix(data: Mapping[str, object], names: Mapping[str, str]) -> Fix:
    _check_keys(data, _OF_FIX, "a fix")
    if not data.get("title"):
        raise RuleError("a fix lacks title", "fix")
    for key in ("title", "set", "to"):
        if not isinstance(data.get(key, ""), (str, int, float)):
            raise RuleError(f"{key} of a fix is not a text", key)
    if "set" in data:
        _expression(str(data["set"]), names)
    to = _expression(str(data["to"]), names) if "to" in data else None
    title = _template(str(data["title"]), {**names, **({"to": to.type} if to else {})})
    return Fix(title, str(data.get("set", "")), to, data.get("safety") == "safe")


def _expression(text: str, names: Mapping[str, str], gives: str = "") -> Expression:
    return compile_expression(text, names, vocabulary, FACTS, gives)


def _template(text: str, names: Mapping[str, str]) -> Template:
    parts: list[str | Expression] = []
    rest = text.strip()
    while rest:
        before, opened, after = rest.partition("{")
        if before:
            parts.append(before)
        if not opened:
            break
        inside, closed, rest = after.partition("}")
        if not closed or "{" in inside:
            raise RuleError(f"a brace is not closed in {text!r}", text)
        parts.append(_expression(inside, names))
    return Template(tuple(parts))


def rule_files() -> Iterator[tuple[str, str, str]]:
    """Group, slug and file of every shipped rule. They lie in the wheel, or beside the package in a checkout."""
    return rule_files_in(shipped("rules"))


def shipped(name: str) -> str:
    """The folder of what comes with kubelint5xx: its rules, or the example stacks. In the wheel, or in a checkout."""
    # Not by importlib.resources or pathlib, whose imports take 5 and 4 ms.
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, name)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), name)


def rule_files_in(root: str) -> Iterator[tuple[str, str, str]]:
    """Group, slug and file of every rule in a folder of groups. Raises OSError where it cannot be listed."""
    for group in sorted(os.listdir(root)):
        folder = os.path.join(root, group)
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".yaml"):
                    yield group, name.removesuffix(".yaml"), os.path.join(folder, name)


def rule_text(file: str) -> str:
    """The text of one of ``rule_files``."""
    with open(file, encoding="utf-8") as opened:
        return opened.read()


@lru_cache(maxsize=1)
def shipped_rules() -> tuple[Rule, ...]:
    """All rules that come with kubelint5xx, by group and slug."""
    found = [_shipped(group, slug, rule_text(file)) for group, slug, file in rule_files()]
    slugs = {rule.slug for rule in found}
    for rule in found:
        if lost := sorted(set(rule.yields_to) - slugs):
            raise RuleError(f"rules/{rule.group}/{rule.slug}.yaml: yields to {', '.join(lost)}, which is no rule")
    return tuple(found)


def rules_over(kinds: Collection[str]) -> Iterator[Rule]:
    """The shipped rules over any of ``kinds``. The others are not compiled: all of them take 12 ms."""
    for group, slug, file in rule_files():
        text = rule_text(file)
        over = _OVER.search(text)
        if over is None or over[1] in kinds:
            yield _shipped(group, slug, text)


def rule_names() -> dict[str, str]:
    """The group of every shipped rule, by its slug."""
    return {slug: group for group, slug, _ in rule_files()}


_OVER = pattern(r"^over:[ \t]*(\w+)[ \t]*$", re.M)


def _shipped(group: str, slug: str, text: str) -> Rule:
    try:
        return load_rule(text, slug, group)
    except RuleError as error:
        raise RuleError(f"rules/{group}/{slug}.yaml: {error}") from None
