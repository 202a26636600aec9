"""User data by way of Terraform's files and functions."""

from __future__ import annotations

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.node import text
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.inputs import read_inputs
from kubelint5xx.link.parts import NodeGroup
from kubelint5xx.link.terraform import link_terraform
from kubelint5xx.link.terraform_root import Root
from tests.tf_json import in_json

BOOT = (
    "#!/bin/bash\n"
    "/etc/eks/bootstrap.sh ${cluster} --apiserver-endpoint ${endpoint} \\\n"
    "  --kubelet-extra-args '--node-labels=%s'\n"
)
GROUP = """
variable "given" {}
resource "aws_eks_cluster" "main" {
  name = "main"
}
resource "aws_launch_template" "t" {
  user_data = %s
}
resource "aws_autoscaling_group" "g" {
  name     = "g"
  min_size = 2
  launch_template {
    id = aws_launch_template.t.id
  }
}
"""
VARIABLES = '{ cluster = "main", endpoint = aws_eks_cluster.main.endpoint, given = var.given }'
CALL = f'templatefile("${{path.module}}/boot.sh.tpl", {VARIABLES})'


def group(user_data: str, files: dict[str, str], more: str = "", json: bool = False) -> NodeGroup:
    own = {"infra/main.tf": GROUP % user_data + more}
    modules = read_inputs(MemoryTree({**(in_json(own) if json else own), **files}), Config()).modules
    ((directory, root),) = modules.items()
    (found,) = link_terraform([Root(directory, root)], Config()).node_groups
    return found


def labels(found: NodeGroup) -> dict[str, str | None] | None:
    return None if found.labels is None else {key: text(value) for key, value in found.labels.items()}


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("call", [CALL, f"base64encode({CALL})", f"base64gzip({CALL})"])
def test_a_template_file_gives_its_labels_also_where_an_endpoint_is_not_known(call: str, json: bool) -> None:
    found = group(call, {"infra/boot.sh.tpl": BOOT % "pool=web"}, json=json)
    assert labels(found) == {"pool": "web"} and not found.labels_unknown
    span = (found.labels or {})["pool"].span
    assert (span.path, span.line, span.text) == ("infra/boot.sh.tpl", 3, "web")


@pytest.mark.parametrize("label", ["pool=${given}", "${given}=web", "a=b,pool=${endpoint}"])
def test_a_label_that_is_not_known_is_not_absent(label: str) -> None:
    found = group(CALL, {"infra/boot.sh.tpl": BOOT % label})
    assert labels(found) is None and found.labels_unknown


def test_what_may_hold_anything_leaves_the_labels_unknown() -> None:
    found = group(CALL, {"infra/boot.sh.tpl": BOOT % "pool=web" + "${given}\n"})
    assert labels(found) is None and found.labels_unknown


@pytest.mark.parametrize("path", ["${path.module}/none.tpl", "../../outside.tpl", "/etc/passwd"])
def test_a_file_that_is_not_in_the_tree_is_unknown(path: str) -> None:
    found = group(f'file("{path}")', {"infra/boot.sh.tpl": ""})
    assert labels(found) is None and "not in the tree" in found.labels_unknown


@pytest.mark.parametrize("kind", ["data", "resource"])
def test_the_parts_of_a_cloudinit_archive_are_read(kind: str) -> None:
    config = f"""
    {kind} "cloudinit_config" "boot" {{
      gzip = true
      part {{
        content_type = "text/x-shellscript"
        content      = "yum install -y x"
      }}
      part {{
        content = {CALL}
      }}
    }}
    """
    reference = ("data." if kind == "data" else "") + "cloudinit_config.boot.rendered"
    assert labels(group(reference, {"infra/boot.sh.tpl": BOOT % "pool=web"}, config)) == {"pool": "web"}


def test_the_template_file_data_source_is_rendered() -> None:
    config = """
    data "template_file" "boot" {
      template = file("${path.module}/boot.sh.tpl")
      vars = {
        cluster  = "main"
        endpoint = aws_eks_cluster.main.endpoint
      }
    }
    """
    found = group("data.template_file.boot.rendered", {"infra/boot.sh.tpl": BOOT % "pool=web"}, config)
    assert labels(found) == {"pool": "web"}


def test_a_heredoc_in_json_reads_as_in_hcl() -> None:
    script = "/etc/eks/bootstrap.sh ${aws_eks_cluster.main.name} --node-labels=pool=web"
    heredoc = f"base64encode(<<-EOT\n    {script}\n  EOT\n  )"
    unknown = heredoc.replace("main.name", "main.endpoint")
    for user_data in (heredoc, unknown):
        found = group(user_data, {}, json=True)
        assert labels(found) == {"pool": "web"}
        assert (found.labels or {})["pool"].span.path == "infra/main.tf.json"
