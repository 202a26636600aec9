from __future__ import annotations

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.inputs import read_inputs
from tests.eval.test_terraform import plain

LB = 'variable "idle" {\n  default = 60\n}\nresource "aws_lb" "web" {\n  idle_timeout = var.idle\n}\n'


def idle(files: dict[str, str]) -> list[object]:
    modules = read_inputs(MemoryTree(files), Config()).modules
    return [plain(lb.body.get("idle_timeout")) for root in modules.values() for lb in root.resources(["aws_lb"])]


@pytest.mark.parametrize(
    "source",
    ["../../modules/lb", "../..//modules/lb", "${get_repo_root()}//modules/lb", "git::ssh://git@x.y/infra.git//modules/lb?ref=v1"],
)
def test_a_module_that_terragrunt_runs_has_no_defaults(source: str) -> None:
    files = {"modules/lb/main.tf": LB, "live/prod/terragrunt.hcl": f'terraform {{\n  source = "{source}"\n}}\n'}
    assert idle(files) == ["? Terragrunt gives it when it runs Terraform"]
    assert idle({**files, "modules/lb/x.auto.tfvars": "idle = 75\n"}) == [75]


def test_other_modules_keep_theirs() -> None:
    other = 'terraform {\n  source = "../modules/db"\n}\n'
    assert idle({"modules/lb/main.tf": LB, "live/terragrunt.hcl": other}) == [60]


def test_they_are_named_once_with_the_command_that_resolves_them() -> None:
    files = {"a/terragrunt.hcl": "", "b/terragrunt.hcl": "include {}", "b/main.tf": LB}
    (problem,) = read_inputs(MemoryTree(files), Config()).problems
    assert (problem.path, problem.kind) == ("a/terragrunt.hcl", "unrendered")
    assert "2 configurations" in problem.message and "terragrunt show -json" in problem.message
    assert idle(files) == ["? Terragrunt gives it when it runs Terraform"]
