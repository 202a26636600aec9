"""A plan, a state and the configuration that both were made of are judged alike, and only once."""

from __future__ import annotations

import json

import pytest

from kubelint5xx.config import Config
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import report, same_verdict, verdict
from tests.tf_plan import plan_of, state_of

STACKS = ("incident", "alb-spot-nodes", "repaired")


def without_infra(files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if not path.startswith("infra/")}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("version", ["0.1", "0.2", "1.0", "1.2"])
def test_a_plan_by_itself(stack: str, version: str) -> None:
    files = files_of(stack)
    same_verdict(files, {**without_infra(files), "plan.json": plan_of(files, version=version)}, config_of(files))


@pytest.mark.parametrize("stack", ["incident", "repaired"])
def test_a_state_by_itself(stack: str) -> None:
    """Nothing is a reference any more: ARNs and ids join what belongs together."""
    files = files_of(stack)
    same_verdict(files, {**without_infra(files), "state.json": state_of(files)}, config_of(files))


@pytest.mark.parametrize("where", ["infra/plan.json", "plan.json", "build/plans/prod.json"])
def test_a_configuration_and_its_plan_are_one(where: str) -> None:
    files = files_of("incident")
    same_verdict(files, {**files, where: plan_of(files)}, config_of(files))
    same_verdict(files, {**files, where: plan_of(files), "state.json": state_of(files)}, config_of(files))


def test_the_plan_says_what_variables_were() -> None:
    files = {**files_of("incident")}
    lb = files["infra/load_balancer.tf"]
    files["infra/load_balancer.tf"] = 'variable "idle" {}\n' + lb.replace(
        "internal ", "idle_timeout = var.idle\n  internal ", 1
    )
    config = config_of(files)
    slug = "server-closes-first"
    assert not any(slug in line for line in verdict(files, config))
    plan = json.loads(plan_of(files))
    plan["variables"]["idle"] = {"value": 600}
    findings = report({**files, "infra/plan.json": json.dumps(plan)}, config).findings
    (found,) = (one for one in findings if one.rule == slug)
    places = {cited.value.place.path for cited in found.evidence if cited.value.place}
    assert "600 s" in found.text and "infra/plan.json" in places


def test_where_a_module_is_missing_the_plan_stands_for_the_configuration() -> None:
    files = files_of("incident")
    config = config_of(files)
    missing = {**files, "infra/more.tf": 'module "net" {\n  source = "acme/net/aws"\n}\n'}
    plan = json.loads(plan_of(files))
    plan["configuration"]["root_module"]["module_calls"] = {"net": {"source": "acme/net/aws"}}
    same_verdict(files, {**missing, "infra/plan.json": json.dumps(plan)}, config)


def test_another_configurations_plan_is_another_root() -> None:
    files = files_of("incident")
    other = 'resource "aws_autoscaling_group" "other" {\n  name = "other"\n  min_size = 0\n  max_size = 2\n}\n'
    plan = plan_of({"infra/a.tf": other})
    tree = {**files, "elsewhere/plan.json": plan}
    paths = {problem.path for problem in report(tree, config_of(files)).problems}
    assert "elsewhere/plan.json" not in paths


def test_what_is_sensitive_stays_out_of_every_report() -> None:
    files = files_of("incident")
    plan = json.loads(plan_of(files))
    for resource in plan["planned_values"]["root_module"]["resources"]:
        if resource["type"] == "aws_lb":
            resource["values"]["name"] = "s3cr3t"
            resource["values"]["idle_timeout"] = 9871
            resource["sensitive_values"] = {"name": True, "idle_timeout": True}
    found = report({**without_infra(files), "plan.json": json.dumps(plan)}, Config())
    said = [*(one.text for one in found.findings), *(f"{one.about} {one.reason}" for one in found.unknowns)]
    assert said and not any("s3cr3t" in text or "9871" in text for text in said)
    assert not any("server-closes-first" in one.rule for one in found.findings)
