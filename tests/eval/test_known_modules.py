from __future__ import annotations

import pytest

from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Default, Written
from kubelint5xx.eval.known_modules import _SKETCHES, _text
from kubelint5xx.eval.terraform import load_module
from kubelint5xx.formats.hcl import parse
from tests.link.infra import line, members, terraform
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import same_verdict

ALB = """
module "alb" {{
  source       = "terraform-aws-modules/alb/aws"
  version      = "{version}"
  name         = "catalog"
  listeners    = {{ https = {{ port = 443, protocol = "HTTPS", forward = {{ target_group_key = "api" }} }} }}
  target_groups = {{
    api = {{
      name                 = "catalog-api"
      protocol             = "HTTP"
      port                 = 31080
      target_type          = "instance"
      deregistration_delay = 30
      health_check = {{
        path = "/ready", interval = 10, timeout = 5, healthy_threshold = 2, unhealthy_threshold = 2
      }}
    }}
  }}
}}
"""
ALB_8 = """
module "alb" {
  source          = "registry.terraform.io/terraform-aws-modules/alb/aws"
  version         = "~> 8.7"
  name            = "catalog"
  https_listeners = [{ port = 443, certificate_arn = var.certificate_arn }]
  target_groups = [{
    name                 = "catalog-api"
    backend_protocol     = "HTTP"
    backend_port         = 31080
    target_type          = "instance"
    deregistration_delay = 30
    health_check = {
      path = "/ready", interval = 10, timeout = 5, healthy_threshold = 2, unhealthy_threshold = 2
    }
  }]
}
"""
GROUP = """
module "bulk" {
  source          = "terraform-aws-modules/autoscaling/aws"
  version         = "9.0.1"
  name            = "${var.cluster_name}-bulk"
  use_name_prefix = false
  min_size        = 0
  max_size        = 40
  image_id        = data.aws_ssm_parameter.node_ami.value
  user_data       = base64encode("/etc/eks/bootstrap.sh x --kubelet-extra-args '--node-labels=harborlane.io/pool=bulk'")
  tags            = { "kubernetes.io/cluster/${var.cluster_name}" = "owned" }
  schedules       = { stop = { min_size = 0, max_size = 40, desired_capacity = 0 } }
}
"""


def incident_with(module: str, file: str, keep: str = "") -> dict[str, str]:
    return {**files_of("incident"), file: keep + module}


@pytest.mark.parametrize(
    ("module", "alb"),
    [
        (ALB.format(version="~> 9.0"), "module.alb.aws_lb.this[0]"),
        (ALB.format(version="10.2.0"), "module.alb.aws_lb.this[0]"),
        (ALB.format(version=">= 9.4"), "module.alb.aws_lb.this[0]"),
        (ALB_8, "module.alb.aws_lb.this[0]"),
    ],
)
def test_a_balancer_of_the_module_is_judged_as_the_resources_that_it_makes(module: str, alb: str) -> None:
    mine = incident_with(module, "infra/load_balancer.tf")
    same_verdict(files_of("incident"), mine, config_of(files_of("incident")), {"aws_lb.catalog": alb})


def test_a_group_of_the_module_is_judged_as_the_resources_that_it_makes() -> None:
    files = files_of("incident")
    serving = files["infra/nodes.tf"].partition("# Bulk nodes")[0]
    mine = incident_with(GROUP, "infra/nodes.tf", serving)
    names = {"aws_autoscaling_group.bulk": "module.bulk.aws_autoscaling_group.this[0]"}
    same_verdict(files, mine, config_of(files), names)


def test_what_the_call_gives_has_its_place_and_what_it_leaves_out_is_the_modules_default() -> None:
    (group,) = terraform("variable \"certificate_arn\" {}\n" + ALB_8).target_groups
    delay, idle = group.subject.read("deregistration_delay"), group.balancers[0].outbound.read("idle_timeout")
    assert isinstance(delay.origin, Written) and line(delay) == "deregistration_delay = 30"
    assert isinstance(idle.origin, Default) and idle.data == 60.0
    assert (idle.origin.product, idle.origin.setting) == ("terraform-aws-modules/alb 8", "idle_timeout")
    assert line(idle) == 'module "alb" {'


def test_outputs_lead_to_what_the_module_makes() -> None:
    more = """
    module "group" {
      source  = "terraform-aws-modules/autoscaling/aws"
      version = "~> 8.0"
      name    = "pool"
      min_size = 1
      initial_lifecycle_hooks = [
        { name = "drain", lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING", heartbeat_timeout = 400 },
      ]
      traffic_source_attachments = { web = { traffic_source_identifier = module.alb.target_groups["api"].arn } }
    }
    module "old" {
      source            = "terraform-aws-modules/autoscaling/aws"
      version           = "~> 6.5"
      name              = "old"
      target_group_arns = module.old_alb.target_group_arns
    }
    """
    found = terraform(ALB.format(version="~> 9.0") + ALB_8.replace('"alb" {', '"old_alb" {') + more)
    attached = {group.name: list(group.attached_to) for group in found.node_groups}
    assert attached == {
        "the autoscaling group module.group.aws_autoscaling_group.this[0]": [
            'infra:module.alb.aws_lb_target_group.this["api"]'
        ],
        "the autoscaling group module.old.aws_autoscaling_group.this[0]": [
            "infra:module.old_alb.aws_lb_target_group.main[0]"
        ],
    }
    (hook,) = members(found.node_groups[0].values["hooks"]).items
    assert hook.read("heartbeat").data == 400.0 and "heartbeat_timeout = 400" in line(hook.read("heartbeat"))


EKS = """
module "eks" {{
  source  = "terraform-aws-modules/eks/aws"
  {version}
  {name}  = "main"
  {addons} = {{ kube-proxy = {{ addon_version = "v1.14.9-eksbuild.1" }} }}
  {kubernetes} = "1.14"
  eks_managed_node_groups = {{
    spot = {{
      capacity_type = "SPOT"
      min_size      = 3
      labels        = {{ "node.kubernetes.io/exclude-from-external-load-balancers" = "true" }}
    }}
    web  = {{}}
  }}
  self_managed_node_groups = {{ own = {{ bootstrap_extra_args = "--kubelet-extra-args '--node-labels=a=b'" }} }}
}}
"""
V20 = {"name": "cluster_name", "addons": "cluster_addons", "kubernetes": "cluster_version"}
V21 = {"name": "name", "addons": "addons", "kubernetes": "kubernetes_version"}


@pytest.mark.parametrize(
    ("version", "names", "own"),
    [("~> 20.8", V20, True), ("21.3.1", V21, False), (">= 18, < 21", V20, None), ("", V21, None)],
)
def test_an_eks_cluster_with_its_groups(version: str, names: dict[str, str], own: bool | None) -> None:
    found = terraform(EKS.format(version=f'version = "{version}"' if version else "", **names))
    (cluster,) = found.clusters
    assert str(cluster.subject.read("kubernetes_version").data) == "1.14" and "main" in cluster.names
    assert str(cluster.subject.read("kube_proxy_version").data) == "1.14.9-eksbuild.1"
    groups = {group.name.rpartition("[")[2]: group for group in found.node_groups}
    assert groups['"spot"]'].values["volatile"].data is True and groups['"spot"]'].spot is True
    assert groups['"spot"]'].values["excluded"].data is True
    assert groups['"web"]'].values["volatile"].data is False and groups['"web"]'].labels == {}
    # The least size of a group without one is 0 up to version 20, and 1 from 21 on.
    assert groups['"own"]'].values["volatile"].data is own
    assert groups['"own"]'].labels is not None and list(groups['"own"]'].labels) == ["a"]
    assert {group.cluster for group in found.node_groups} == {"main"}


@pytest.mark.parametrize(
    "call",
    [
        'source = "terraform-aws-modules/alb/aws"\n  version = "~> 5.0"',
        'source = "terraform-aws-modules/alb/aws"\n  version = var.unknown',
        'source = "terraform-aws-modules/alb/aws"\n  version = "latest"',
        'source = "terraform-aws-modules/alb/aws"',
        'source = "someone-else/alb/aws"\n  version = "~> 9.0"',
        'source = "terraform-aws-modules/alb/aws//modules/lb_trust_store"\n  version = "~> 9.0"',
    ],
)
def test_of_another_version_or_module_nothing_is_known(call: str) -> None:
    text = 'variable "unknown" {}\n'
    text += f'module "alb" {{\n  {call}\n  idle_timeout = 1\n  target_groups = {{ a = {{}} }}\n}}\n'
    found = load_module("", {"main.tf": Source("main.tf", text)})
    assert found.open_modules and not found.resources(["aws_lb", "aws_lb_target_group"])


def test_the_addons_bring_a_termination_handler() -> None:
    text = """
    module "addons" {
      source  = "aws-ia/eks-blueprints-addons/aws"
      version = "~> 1.16"
      enable_aws_node_termination_handler   = true
      aws_node_termination_handler_asg_arns = [aws_autoscaling_group.a.arn]
    }
    resource "aws_autoscaling_group" "a" {
      min_size = 0
    }
    """
    (group,) = terraform(text).node_groups
    (hook,) = members(group.values["hooks"]).items
    assert hook.read("heartbeat").data == 300.0 and hook.read("transition").data == "terminating"
    found = load_module("", {"main.tf": Source("main.tf", text)}).resources(["helm_release"])
    assert [release.address for release in found] == ["module.addons.helm_release.aws_node_termination_handler[0]"]


@pytest.mark.parametrize("file", sorted({file for known in _SKETCHES.values() for file, _, _ in known}))
def test_every_sketch_is_sound(file: str) -> None:
    _, problems = parse(Source(f"{file}.tf", _text(file)))
    assert not problems
