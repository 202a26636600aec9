"""What rules say, as their firing examples show it."""

from __future__ import annotations

import re
from functools import cache

import pytest

from kubelint5xx.core.finding import Finding
from kubelint5xx.engine.rule import Rule, Template, shipped_rules
from kubelint5xx.rule_tests import run_stack
from tests.rules.stacks import EXAMPLES, FIRING, files_with
from tests.rules.test_unknown import failures

# A number stands for something: with a unit, in a name, a version, a path or a NodePort.
BARE_NUMBER = re.compile(r"(?<![\w.:/=-])\d+(?:\.\d+)?(?= (?!s\b|ms\b|or later|on\b)\w|$)")
SHORT_NAME = "the ALB of Ingress shop/web"
VERSIONED = re.compile(r"(?:Kubernetes|kube-proxy|Linux|from|since|before|this is|From|Versions from) \d[\w.-]*")


@cache
def findings(name: str) -> tuple[Finding, ...]:
    example = dict(EXAMPLES)[name]
    return tuple(one for one in run_stack(files_with(example)).findings if one.rule == example.rule)


ALL = pytest.mark.parametrize("name", [name for name, _ in FIRING])


def test_every_case_of_every_rule_is_rendered_by_an_example() -> None:
    shown = {id(failure.case) for name, _ in FIRING for failure in failures(name)}
    assert [
        f"{rule.slug}, case {number}"
        for rule in shipped_rules()
        for number, case in enumerate(rule.cases, 1)
        if id(case) not in shown
    ] == []


@ALL
def test_the_first_sentence_stands_alone(name: str) -> None:
    names = {subject.name for failure in failures(name) for subject in failure.about.bindings.values()}
    for finding in findings(name):
        first = re.split(r"(?<=\.)\s", finding.text)[0]
        short = re.sub("|".join(map(re.escape, sorted(names, key=len, reverse=True))), SHORT_NAME, first, flags=re.I)
        assert first.endswith(".") and len(short) <= 200
        assert first[0].isupper() or first.startswith(("kube-proxy ", "nginx ", "ingress-nginx "))


@ALL
def test_what_is_said_is_known_and_clean(name: str) -> None:
    for finding in findings(name):
        assert finding.advice is not None
        for text in (finding.text, finding.advice.title):
            assert "unknown" not in text
            assert not re.search(r"[{}]|  |\n|None|\.\.| ,| \.(?!\w)", text)
            assert text.endswith(".")
        assert not [cited.text for cited in finding.evidence if "unknown" in cited.text]


@ALL
def test_numbers_carry_their_unit(name: str) -> None:
    for finding in findings(name):
        assert finding.advice is not None
        for text in (finding.text, finding.advice.title):
            assert BARE_NUMBER.findall(VERSIONED.sub("", text)) == []


@ALL
def test_no_name_is_said_twice(name: str) -> None:
    for finding in findings(name):
        names = {subject.name for failure in failures(name) for subject in failure.about.bindings.values()}
        for subject in names:
            # The name of a server holds that of its workload.
            within = any(subject in other for other in names if other != subject)
            assert finding.text.lower().count(subject.lower()) <= (2 if within else 1)


@pytest.mark.parametrize("rule", shipped_rules(), ids=lambda rule: rule.slug)
def test_a_rule_explains_itself(rule: Rule) -> None:
    assert not rule.title.endswith(".")
    assert rule.title[0].isupper() or rule.title.startswith("kube-proxy")
    assert len(rule.title) <= 100
    assert rule.why.strip().endswith(".")
    assert rule.references and all(link.startswith("https://") for link in rule.references)
    assert all(case.fix is not None and isinstance(case.fix.title, Template) for case in rule.cases)
