from __future__ import annotations

from collections import Counter

import pytest

from kubelint5xx.core.problem import RuleError
from kubelint5xx.engine.rule import shipped_rules
from kubelint5xx.rule_tests import Example, complaints, examples_of, mutated, run_stack
from tests.rules.stacks import EXAMPLES, HEALTHY, STACKS, files_of, files_with

INCIDENT = [
    ("conntrack-resets-connections", "k8s/kube-system/kube-proxy.yaml"),
    ("drain-shorter-than-readiness", "k8s/deployment.yaml"),
    ("kept-connections-survive-drain", "k8s/deployment.yaml"),
    ("node-removed-abruptly", "infra/nodes.tf"),
    ("server-closes-first", "k8s/jetty-config.yaml"),
    ("transient-nodes-in-rotation", "infra/nodes.tf"),
]


@pytest.mark.parametrize("example", [example for _, example in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_an_example_finds_what_it_says_and_nothing_else(example: Example) -> None:
    assert complaints(example, run_stack(files_with(example))) == []


@pytest.mark.parametrize("stack", HEALTHY)
def test_every_rule_is_silent_on_a_healthy_stack(stack: str) -> None:
    report = run_stack(files_of(stack))
    assert [(finding.rule, str(finding.place), finding.text) for finding in report.findings] == []
    assert report.problems == ()
    assert report.coverage.hops > 0


def test_the_incident_has_its_five_causes_and_no_more() -> None:
    report = run_stack(files_of("incident"))
    assert sorted((finding.rule, finding.place.path) for finding in report.findings) == INCIDENT
    assert report.problems == ()


def test_every_rule_has_an_example_that_fires_and_one_that_does_not() -> None:
    fires = Counter((example.rule, bool(example.finds)) for _, example in EXAMPLES)
    assert [(rule.slug, kind) for rule in shipped_rules() for kind in (True, False) if not fires[rule.slug, kind]] == []


def test_every_example_says_what_it_shows_in_a_sentence_and_of_which_stack() -> None:
    assert [name for name, one in EXAMPLES if not one.about.endswith(".") or one.stack not in STACKS] == []
    assert [name for name, one in EXAMPLES if not (one.edits or one.add or one.remove)] == []
    names = {rule.slug for rule in shipped_rules()}
    assert [name for name, one in EXAMPLES if set(one.also) - names] == []


def test_no_two_examples_are_the_same() -> None:
    seen = Counter((one.rule, one.stack, str(one.edits), str(one.add), one.remove) for _, one in EXAMPLES)
    assert [key for key, count in seen.items() if count > 1] == []


def test_an_example_that_cannot_be_run_is_an_error_that_says_why() -> None:
    with pytest.raises(RuleError, match=r"some-rule: an example has no 'breaks'.*did you mean 'break'"):
        list(examples_of("examples:\n  - { stack: a, breaks: {} }", "some-rule"))
    with pytest.raises(RuleError, match="some-rule: an example lacks stack"):
        list(examples_of("examples:\n  - { break: {} }", "some-rule"))
    with pytest.raises(RuleError, match="some-rule: an example that breaks a stack finds something"):
        list(examples_of("examples:\n  - { stack: a, break: { f: { a: b } }, finds: nothing }", "some-rule"))
    with pytest.raises(RuleError, match="some-rule: finds is a mapping of files to texts, or nothing"):
        list(examples_of("examples:\n  - { stack: a, edit: {}, finds: noting }", "some-rule"))


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        ("edit: { b.yaml: { x: y } }", "has no file b.yaml"),
        ("edit: { a.yaml: { z: y } }", "stands 0 times"),
        ("edit: { a.yaml: { x: y } }", "stands 2 times"),
        ("remove: [b.yaml]", "has no file b.yaml"),
    ],
)
def test_a_mutation_that_does_not_meet_its_stack_is_an_error(mutation: str, reason: str) -> None:
    (example,) = examples_of(f"examples:\n  - {{ stack: s, {mutation} }}", "some-rule")
    with pytest.raises(RuleError, match=reason):
        mutated(example, {"a.yaml": "x x"})


def test_complaints_tell_what_an_example_gets_wrong() -> None:
    text = """examples:
  - stack: alb-gunicorn
    break: { gunicorn.conf.py: { "keepalive = 75": "keepalive = 2" } }
    finds: { gunicorn.conf.py: graceful_timeout }
"""
    (example,) = examples_of(text, "server-closes-first")
    (said,) = complaints(example, run_stack(files_with(example)))
    assert said.startswith("server-closes-first does not find 'graceful_timeout'") and "keepalive = 2" in said
    (other,) = examples_of(text, "thin-idle-margin")
    missed, also = complaints(other, run_stack(files_with(other)))
    assert "it finds nothing" in missed and also.startswith("server-closes-first also fires")
