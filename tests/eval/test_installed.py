from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.source import Source
from kubelint5xx.discover import DirectoryTree
from kubelint5xx.eval.installed import installed_modules
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import same_verdict, verdict

SOURCE = "acme/nodes/aws"
CALL = f"""
module "nodes" {{
  source        = "{SOURCE}"
  version       = "~> 1.0"
  cluster       = aws_eks_cluster.main
  subnets       = var.private_subnet_ids
  target_groups = []
}}
"""
HEAD = 'variable "cluster" {}\nvariable "subnets" {}\nvariable "target_groups" {}\n'


def manifest(*modules: tuple[str, str, str]) -> str:
    named = [{"Key": key, "Source": source, "Version": "1.2.0", "Dir": at} for key, source, at in modules]
    return json.dumps({"Modules": [{"Key": "", "Source": "", "Dir": "."}, *named]})


def modular() -> tuple[dict[str, str], dict[str, str]]:
    """The incident's node groups in a local module, and the same in an installed one of the registry."""
    files = dict(files_of("incident"))
    nodes = files.pop("infra/nodes.tf").replace("aws_eks_cluster.main", "var.cluster")
    nodes = HEAD + 'variable "cluster_name" {\n  default = "harbor"\n}\n' + nodes.replace(
        "aws_security_group.nodes.id", '"sg-1"'
    ).replace("var.private_subnet_ids", "var.subnets")  # fmt: skip
    del files["infra/drainer.tf"]
    local = {**files, "infra/main.tf": CALL.replace(SOURCE, "./nodes"), "infra/nodes/main.tf": nodes}
    local["infra/main.tf"] = local["infra/main.tf"].replace('  version       = "~> 1.0"\n', "")
    at = ".terraform/modules/nodes"
    there = {
        "infra/main.tf": CALL,
        "infra/.terraform/modules/modules.json": manifest(("nodes", f"registry.terraform.io/{SOURCE}", at)),
        f"infra/{at}/main.tf": nodes,
    }
    return local, {**files, **there}


def test_a_module_of_the_registry_that_is_installed_is_judged_as_a_local_one() -> None:
    local, installed = modular()
    config = config_of(local)
    same_verdict(local, installed, config)
    assert any("module.nodes.aws_autoscaling_group.bulk" in line for line in verdict(local, config))


def test_what_stands_in_an_installed_module_has_its_place_at_the_call(tmp_path: Path) -> None:
    """Also where git ignores the directory, as most do."""
    _, installed = modular()
    for name, text in {**installed, ".gitignore": ".terraform/\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    found = check(DirectoryTree(tmp_path), config_of(files_of("incident"))).findings
    places = {(one.place.path, one.place.text) for one in found if "module.nodes" in one.text}
    assert places and all(path == "infra/main.tf" or "nodes" not in path for path, _ in places)
    lines = [one.place.in_file().source.line_text(one.place.line) for one in found if one.place.path == "infra/main.tf"]
    assert lines and set(lines) == {'module "nodes" {'}


@pytest.mark.parametrize(
    "entry",
    [
        ("nodes", "registry.terraform.io/other/nodes/aws", ".terraform/modules/nodes"),
        ("other", f"registry.terraform.io/{SOURCE}", ".terraform/modules/nodes"),
        ("nodes", f"registry.terraform.io/{SOURCE}", ".terraform/modules/elsewhere"),
    ],
)
def test_a_manifest_that_names_another_module_gives_nothing(entry: tuple[str, str, str]) -> None:
    files = modular()[1] | {"infra/.terraform/modules/modules.json": manifest(entry)}
    assert not any("module.nodes" in line for line in verdict(files, config_of(files)))


@pytest.mark.parametrize("directory", ["../../outside", "/etc", "a/../../../outside"])
def test_a_manifest_cannot_lead_out_of_the_tree(directory: str) -> None:
    source = Source("infra/.terraform/modules/modules.json", manifest(("x", SOURCE, directory)))
    assert "x" not in installed_modules(source, "infra")


def test_neither_can_a_link(tmp_path: Path) -> None:
    _, installed = modular()
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    for name, text in installed.items():
        at = outside / "main.tf" if name.endswith("nodes/main.tf") else root / name
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
    os.symlink(outside, root / "infra/.terraform/modules/nodes")
    report = check(DirectoryTree(root), Config())
    assert not any("module.nodes" in one.text for one in report.findings)


@pytest.mark.parametrize("text", ["", "[]", '{"Modules": 3}', '{"Modules": [3, {"Key": "a"}, {"Dir": 1}]}', "{"])
def test_what_is_no_manifest_is_none(text: str) -> None:
    assert installed_modules(Source("m.json", text), "") == {}
