from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.value import Severity
from kubelint5xx.engine import rule as loader
from kubelint5xx.engine.rule import BITES, SYMPTOMS, load_rule, rule_files, rule_text, shipped_rules
from kubelint5xx.model.knobs import OVER

SCHEMA: dict[str, Any] = json.loads((files("kubelint5xx") / "schemas/rule.schema.json").read_text(encoding="utf-8"))
RULES = {slug: rule_text(file) for _, slug, file in rule_files()}
WHOLE: dict[str, Any] = {
    "title": "A server closes first",
    "since": "0.1.0",
    "symptom": "reset",
    "bites": "idle",
    "over": "edge",
    "severity": "error",
    "when": "sender.keepalive",
    "require": "receiver.idle_timeout > sender.idle_timeout",
    "message": "{receiver} closes after {receiver.idle_timeout}.",
    "at": "receiver.idle_timeout",
    "fix": {
        "title": "Raise it to {to}.",
        "set": "receiver.idle_timeout",
        "to": "sender.idle_timeout + 15",
        "safety": "safe",
    },
    "yields_to": ["other"],
    "why": "Because.",
    "references": ["https://example.com"],
}
EXAMPLE = {"stack": "incident", "break": {"a.conf": {"idle 75": "idle 2"}}, "finds": {"a.conf": "idle 2"}}


def load(data: object) -> loader.Rule:
    return load_rule(yaml.safe_dump(data, sort_keys=False), "some-rule", "keepalive")


def changed(**keys: object) -> dict[str, Any]:
    return {key: value for key, value in {**WHOLE, **keys}.items() if value is not ...}


def error(data: object) -> str:
    with pytest.raises(RuleError) as caught:
        load(data)
    return str(caught.value)


def test_a_rule_is_what_its_file_says() -> None:
    rule = load({**WHOLE, "examples": [EXAMPLE]})
    assert (rule.slug, rule.group, rule.title, rule.since) == (
        "some-rule",
        "keepalive",
        "A server closes first",
        "0.1.0",
    )
    assert (rule.over, rule.symptom, rule.bites, rule.yields_to) == ("edge", "reset", "idle", ("other",))
    (case,) = rule.cases
    assert case.when is not None
    assert case.fix is not None
    assert (case.when.text, case.require.text) == (WHOLE["when"], WHOLE["require"])
    assert (case.severity, case.at, case.fix.set, case.fix.safe) == (Severity.ERROR, WHOLE["at"], WHOLE["at"], True)
    assert rule.info().why == "Because."


def test_cases_take_what_they_do_not_say_from_the_rule() -> None:
    rule = load(
        changed(
            severity=...,
            cases=[
                {"when": "sender.resends", "severity": "info", "message": "Less."},
                {"severity": "warning", "require": "receiver.keepalive"},
            ],
        )
    )
    first, second = rule.cases
    assert first.when is not None
    assert second.when is not None
    assert (first.when.text, second.when.text) == ("(sender.keepalive) and (sender.resends)", "sender.keepalive")
    assert (first.require.text, second.require.text) == (WHOLE["require"], "receiver.keepalive")
    assert rule.severity is Severity.WARNING


BAD: list[tuple[object, str]] = [
    ([], "a rule is a mapping"),
    ("just a text", "a rule is a mapping"),
    (changed(why=..., since=...), "lacks since, why"),
    (changed(require=...), "lacks require"),
    (changed(severity=...), "lacks severity"),
    (changed(message=...), "lacks message"),
    (changed(severity="fatal"), "severity is 'fatal'; it is one of info, warning, error"),
    (changed(symptom="502"), "symptom is '502'; it is one of reset, timeout, no_target, crash"),
    (changed(bites="often"), "bites is 'often'"),
    (changed(over="hop"), "over is 'hop'; it is one of edge"),
    (changed(requires="x"), "a rule has no 'requires'; did you mean 'require'?"),
    (changed(cases=[{"servity": "info"}]), "a case has no 'servity'; did you mean 'severity'?"),
    (changed(cases=["x"]), "a case is a mapping"),
    (changed(cases={"a": "b"}), "cases is not a list"),
    (changed(references="https://example.com"), "references is not a list"),
    (changed(yields_to="other"), "yields_to is not a list"),
    (changed(fix={"to": "5"}), "a fix lacks title"),
    (changed(fix={"title": "x", "safe": True}), "a fix has no 'safe'; did you mean 'safety'?"),
]
WRONG_EXPRESSIONS: list[tuple[object, str]] = [
    (changed(require="receiver.idle_timout > 5"), "did you mean 'idle_timeout'?"),
    (changed(require="receiver.idle_timeout"), "comes to a duration, and a bool is needed"),
    (changed(when="pod.grace > 5"), "'pod' is not known here"),
    (changed(message="{receiver.idle"), "a brace is not closed"),
    (changed(message="{receiver.idle}"), "receiver has no 'idle'"),
    (changed(at="receiver.idle"), "receiver has no 'idle'"),
    (changed(fix={"title": "x", "set": "receiver.idle"}), "receiver has no 'idle'"),
    (changed(fix={"title": "Raise it to {to}."}), "'to' is not known here"),
]


@pytest.mark.parametrize(("data", "message"), [*BAD, *WRONG_EXPRESSIONS])
def test_a_rule_that_contradicts_itself_is_refused_with_what_is_wrong(data: object, message: str) -> None:
    assert message in error(data)


def test_what_is_not_yaml_is_refused() -> None:
    with pytest.raises(RuleError, match="not valid YAML"):
        load_rule("a: [", "some-rule", "group")


# The schema


def complaints(data: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)]


def test_the_schema_is_valid_and_has_the_keys_and_names_of_the_loader() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    properties = SCHEMA["properties"]
    assert set(properties) == {*loader._OF_RULE, "examples"}
    assert set(properties["cases"]["items"]["properties"]) == set(loader._OF_CASE)
    assert set(SCHEMA["$defs"]["fix"]["properties"]) == set(loader._OF_FIX)
    assert set(SCHEMA["required"]) == set(loader._NEEDED)
    assert properties["over"]["enum"] == list(OVER)
    assert properties["symptom"]["enum"] == list(SYMPTOMS)
    assert properties["bites"]["enum"] == list(BITES)
    assert properties["severity"]["enum"] == [str(severity) for severity in Severity]


@pytest.mark.parametrize("slug", RULES)
def test_every_shipped_rule_is_valid(slug: str) -> None:
    assert complaints(yaml.safe_load(RULES[slug])) == []


@pytest.mark.parametrize("data", [data for data, _ in BAD])
def test_the_schema_refuses_what_the_loader_refuses(data: object) -> None:
    assert complaints(data)


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"finds": "nothing", "about": "why it is silent"}, True),
        ({"add": {"b.conf": "x"}, "remove": ["c.conf"], "also": ["other"]}, True),
        ({"edit": {"a.conf": {"a": "b"}}}, False),
        ({"finds": {}}, False),
        ({"finds": "something"}, False),
        ({"break": {"a.conf": {"a": None}}}, False),
        ({"remove": "c.conf"}, False),
        ({"stak": "incident"}, False),
    ],
)
def test_examples_are_checked_too(change: dict[str, Any], valid: bool) -> None:
    assert (complaints({**WHOLE, "examples": [{**EXAMPLE, **change}]}) == []) is valid


# What is shipped


def test_every_rule_has_a_slug_of_its_own_that_is_its_file_and_its_group_is_its_folder() -> None:
    rules = shipped_rules()
    assert [rule.slug for rule in rules] == list(RULES)
    assert len({rule.slug for rule in rules}) == len(rules)
    assert not {rule.slug for rule in rules} & {rule.group for rule in rules}


def test_examples_come_last_in_every_rule() -> None:
    # The loader reads no further than to them.
    for slug, text in RULES.items():
        keys = list(yaml.safe_load(text))
        assert "examples" not in keys[:-1], slug
