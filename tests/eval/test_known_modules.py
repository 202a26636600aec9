from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from kubelint5xx.core.node import Reference
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Default, Written
from kubelint5xx.eval import known_modules
from kubelint5xx.eval.known_modules import _OF_ANY_VERSION, _SKETCHES, _text
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.formats.hcl import parse
from kubelint5xx.link.handlers import handlers_of, interruption_queue
from kubelint5xx.link.hook_actors import events_of_hooks
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.terraform_objects import terraform_objects
from kubelint5xx.link.terraform_root import EVENT_RULES, Root
from tests.eval.test_terraform import plain
from tests.link.infra import line, members, terraform
from tests.link.infra import module as infra_module
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import report, same_verdict

GUARDED = """create_security_group = false
  security_groups       = [aws_security_group.load_balancer.id]"""
ALB = """
module "alb" {{
  source       = "{source}"
  {version}
  name         = "catalog"
  {guarded}
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


ALB_SOURCE, ALB_SOURCES = "terraform-aws-modules/alb/aws", "github.com/terraform-aws-modules/terraform-aws-alb"


def alb(version: str, source: str = ALB_SOURCE, guarded: str = GUARDED) -> str:
    return ALB.format(source=source, version=f'version = "{version}"' if version else "", guarded=guarded)


def incident_with(module: str, file: str, keep: str = "") -> dict[str, str]:
    return {**files_of("incident"), file: keep + module}


@pytest.mark.parametrize(
    "module",
    [
        alb("~> 9.0"),
        alb("10.2.0"),
        alb(">= 9.4"),
        alb("", f"git::https://{ALB_SOURCES}.git?ref=v9.11.0"),
        alb("", f"git::ssh://git@{ALB_SOURCES}?depth=1&ref=10.0.0"),
        alb("", f"git@{ALB_SOURCES.replace('/', ':', 1)}.git?ref=v9.1"),
        alb("", ALB_SOURCES),
        ALB_8,
    ],
)
def test_a_balancer_of_the_module_is_judged_as_the_resources_that_it_makes(module: str) -> None:
    mine = incident_with(module, "infra/load_balancer.tf")
    names = {"aws_lb.catalog": "module.alb.aws_lb.this[0]"}
    same_verdict(files_of("incident"), mine, config_of(files_of("incident")), names)


def test_a_balancer_has_a_security_group_of_its_own_unless_told_otherwise() -> None:
    mine = incident_with(alb("~> 9.0", guarded=""), "infra/load_balancer.tf")
    found = [one.rule for one in report(mine, config_of(mine)).findings]
    assert "security-group-blocks-targets" in found
    assert "security-group-blocks-targets" not in [one.rule for one in report(files_of("incident")).findings]


OWN_GROUP = """
module "bulk" {
  source                 = "terraform-aws-modules/eks/aws//modules/self-managed-node-group"
  version                = "~> 20.8"
  name                   = "${var.cluster_name}-bulk"
  use_name_prefix        = false
  cluster_name           = var.cluster_name
  max_size               = 40
  ami_id                 = data.aws_ssm_parameter.node_ami.value
  vpc_security_group_ids = [aws_security_group.nodes.id]
  bootstrap_extra_args   = "--kubelet-extra-args '--node-labels=harborlane.io/pool=bulk'"
  schedules              = { stop = { min_size = 0, max_size = 40, desired_size = 0 } }
}
"""


@pytest.mark.parametrize("group", [GROUP, OWN_GROUP])
def test_a_group_of_the_module_is_judged_as_the_resources_that_it_makes(group: str) -> None:
    files = files_of("incident")
    serving = files["infra/nodes.tf"].partition("# Bulk nodes")[0]
    mine = incident_with(group, "infra/nodes.tf", serving)
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
    found = terraform(alb("~> 9.0") + ALB_8.replace('"alb" {', '"old_alb" {') + more)
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
    groups = {group.name.split('"')[1]: group for group in found.node_groups}
    assert groups["spot"].name.endswith('module.eks.module.eks_managed_node_group["spot"].aws_eks_node_group.this[0]')
    assert groups["spot"].values["volatile"].data is True and groups["spot"].spot is True
    assert groups["spot"].values["excluded"].data is True
    assert groups["web"].values["volatile"].data is False and groups["web"].labels == {}
    # The least size of a group without one is 0 up to version 20, and 1 from 21 on, when its image became one that
    # takes no arguments for the boot script.
    assert groups["own"].values["volatile"].data is own
    assert groups["own"].labels == (None if own is None else {} if own is False else groups["own"].labels)
    assert own is not True or list(groups["own"].labels or ()) == ["a"]
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
        'source = "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git?ref=master"',
        'source = "git::https://github.com/terraform-aws-modules/terraform-aws-alb?ref=5f1a0de8"',
        'source = "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git?ref=v5.1.0"',
        'source = "git::https://gitlab.com/terraform-aws-modules/terraform-aws-alb.git?ref=v9.1.0"',
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


@pytest.mark.parametrize(("addon", "told"), [("aws_node_termination_handler", True), ("karpenter", None)])
def test_the_addons_pass_on_what_their_handlers_wait_for(addon: str, told: bool | None) -> None:
    text = f"""
    module "addons" {{
      source  = "aws-ia/eks-blueprints-addons/aws"
      version = "~> 1.16"
      enable_{addon} = true
    }}
    """
    root = Root("infra", infra_module(text))
    events = events_of_hooks([root])
    assert (events.data if events else None) is told
    said = [str(rule.body.get("event_pattern")) for rule in root.of(EVENT_RULES)]
    assert any("EC2 Spot Instance Interruption Warning" in one for one in said)


SKETCHES = {file for known in _SKETCHES.values() for file, *_ in known} | {*_OF_ANY_VERSION.values()}


@pytest.mark.parametrize("file", sorted(SKETCHES))
def test_every_sketch_is_sound(file: str) -> None:
    body, problems = parse(Source(f"{file}.tf", _text(file)))
    assert not problems
    declared = {block.labels[0] for block in body.blocks("variable")} | {"major"}
    named = set(re.findall(r"\bvar\.(\w+)", _text(file)))
    assert named <= declared
    # What is only declared tells versions apart.
    assert len(declared - named - {"major"}) < 8


HOOK = """[{
    name = "drain", lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING", heartbeat_timeout = 300
    notification_target_arn = aws_sns_topic.drains.arn, role_arn = "arn:aws:iam::1:role/hooks"
  }]"""


@pytest.mark.parametrize(
    "call",
    [
        f'source = "terraform-aws-modules/autoscaling/aws"\n  version = "9.0.1"\n  initial_lifecycle_hooks = {HOOK}',
        'source = "terraform-aws-modules/eks/aws//modules/self-managed-node-group"\n'
        f"  cluster_name = aws_eks_cluster.main.name\n  initial_lifecycle_hooks = {HOOK}",
        'source = "terraform-aws-modules/eks/aws"\n  version = "16.2"\n  worker_create_initial_lifecycle_hooks = true\n'
        f"  worker_groups = [{{ asg_initial_lifecycle_hooks = {HOOK} }}]",
    ],
)
def test_who_is_told_of_a_hook_is_known(call: str) -> None:
    text = f'resource "aws_sns_topic" "drains" {{}}\nmodule "g" {{\n  name = "g"\n  {call}\n}}\n'
    (group,) = terraform(text).node_groups
    (hook,) = members(group.values["hooks"]).items
    assert hook.read("told").data is True and hook.read("heartbeat").data == 300.0


def test_every_file_of_a_sketch_is_known() -> None:
    files = {path.stem for path in (Path(known_modules.__file__).parent / "modules").glob("*.tf")}
    assert files == SKETCHES


def test_modules_of_networks_and_permissions_hide_nothing() -> None:
    text = """
    module "vpc" {
      source  = "terraform-aws-modules/vpc/aws"
      version = "5.1.2"
    }
    module "role" {
      source    = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
      role_name = module.vpc.name
    }
    module "firewall" {
      source = "git::https://github.com/terraform-aws-modules/terraform-aws-security-group.git?ref=4f3a2b1"
    }
    module "http" {
      source  = "terraform-aws-modules/security-group/aws//modules/http-80"
      vpc_id  = module.vpc.vpc_id
    }
    module "own" {
      source = "terraform-aws-modules/lambda/aws"
    }
    locals {
      vpc   = module.vpc.vpc_id
      group = module.http.security_group_id
    }
    """
    found = load_module("", {"main.tf": Source("main.tf", textwrap.dedent(text))})
    assert [call.address for call in found.open_modules] == ["module.own"]
    vpc, group = found.locals.get("vpc"), found.locals.get("group")
    assert isinstance(vpc, Reference) and (vpc.address, vpc.attribute) == ("module.vpc", ("vpc_id",))
    assert isinstance(group, Reference) and group.address == "module.http.aws_security_group.this[0]"


SPOT = "alb-spot-nodes"
SERVING = """
module "serving" {{
  source          = "terraform-aws-modules/eks/aws//modules/eks-managed-node-group"
  version         = "{version}"
  cluster_name    = aws_eks_cluster.main.name
  name            = "serving"
  use_name_prefix = false
  min_size        = 0
  max_size        = 9
  desired_size    = 3
}}

# Workers"""


@pytest.mark.parametrize("version", ["~> 20.8", "21.3.1"])
def test_a_managed_group_is_judged_as_the_resource_that_it_makes(version: str) -> None:
    nodes = files_of(SPOT)["infra/nodes.tf"].replace("min_size     = 3", "min_size     = 0")
    files = {**files_of(SPOT), "infra/nodes.tf": nodes}
    head, _, rest = files["infra/nodes.tf"].partition("resource")
    module = head + SERVING.format(version=version) + rest.partition("# Workers")[2]
    names = {"aws_eks_node_group.serving": "module.serving.aws_eks_node_group.this[0]"}
    same_verdict(files, {**files, "infra/nodes.tf": module}, config_of(files), names)


KARPENTER = """
module "karpenter" {{
  source       = "terraform-aws-modules/eks/aws//modules/karpenter"
  version      = "~> 20.24"
  cluster_name = "main"
  {more}
}}
resource "helm_release" "karpenter" {{
  chart = "karpenter"
  set {{
    name  = "settings.interruptionQueue"
    value = module.karpenter.queue_name
  }}
}}
"""


@pytest.mark.parametrize(("more", "expected"), [("", True), ("enable_spot_termination = false", False)])
def test_karpenter_has_its_queue_unless_it_is_switched_off(more: str, expected: bool) -> None:
    root = Root("infra", infra_module(KARPENTER.format(more=more)))
    queue = interruption_queue(Scope("", ()), [root])
    assert queue is not None and queue.data is expected
    assert bool(root.of(EVENT_RULES)) is expected and not root.module.open_modules


EKS_17 = """
module "eks" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "17.24.0"
  cluster_name    = "main"
  cluster_version = "1.14"
  worker_groups = [
    { name = "web", asg_min_size = 2, kubelet_extra_args = "--node-labels=a=b", spot_price = "" },
    { target_group_arns = [aws_lb_target_group.web.arn], asg_min_size = 0 },
  ]
  worker_groups_launch_template = [
    { name = "mixed", override_instance_types = ["m5.large", "m5a.large"] },
    { name = "same" },
  ]
  node_groups = {
    front = { capacity_type = "SPOT", min_capacity = 2, k8s_labels = { tier = "front" } }
    back  = {}
  }
}
resource "aws_lb_target_group" "web" {
  port = 80
}
"""


def test_an_eks_cluster_of_before_version_18() -> None:
    found = terraform(EKS_17)
    (cluster,) = found.clusters
    assert str(cluster.subject.read("kube_proxy_version").data) == "1.14"
    told = {
        group.name.rpartition("module.eks.")[2]: (
            group.values["volatile"].data,
            group.spot,
            list(group.labels or ()),
            list(group.attached_to),
        )
        for group in found.node_groups
    }
    assert told == {
        "aws_autoscaling_group.workers[0]": (False, False, ["a"], []),
        "aws_autoscaling_group.workers[1]": (True, False, [], ["infra:aws_lb_target_group.web"]),
        # Where nothing is said of it, all but the base is spot.
        "aws_autoscaling_group.workers_launch_template[0]": (True, True, [], []),
        "aws_autoscaling_group.workers_launch_template[1]": (False, False, [], []),
        'module.node_groups.aws_eks_node_group.workers["front"]': (True, True, ["tier"], []),
        'module.node_groups.aws_eks_node_group.workers["back"]': (False, False, [], []),
    }
    assert {group.cluster for group in found.node_groups} == {"main"}


@pytest.mark.parametrize("argument", ["subnets", "subnet_ids"])
def test_arguments_tell_versions_apart_where_none_is_asked_for(argument: str) -> None:
    text = f'module "eks" {{\n  source = "terraform-aws-modules/eks/aws"\n  cluster_name = "a"\n  {argument} = []\n}}\n'
    found = load_module("", {"main.tf": Source("main.tf", text)})
    assert not found.open_modules and len(found.resources(["aws_eks_cluster"])) == 1


def test_a_classic_balancer_of_the_module_is_the_resource() -> None:
    module = """
    module "elb" {
      source  = "terraform-aws-modules/elb/aws"
      version = "~> 4.0"
      name    = "web"
      listener = [
        { instance_port = "8080", instance_protocol = "HTTP", lb_port = "80", lb_protocol = "HTTP" },
      ]
      health_check = {
        target = "HTTP:8080/", interval = 30, healthy_threshold = 2, unhealthy_threshold = 2, timeout = 5
      }
      idle_timeout = 90
    }
    """
    (group,) = terraform(module).target_groups
    assert group.address == "infra:module.elb.module.elb.aws_elb.this[0]#8080" and group.port == 8080
    assert group.balancers[0].outbound.read("idle_timeout").data == 90.0
    assert group.subject.read("deregistration_delay").data == 0.0
    listed = module.replace("4.0", "1.4").replace("health_check = {", "health_check = [{").replace("5\n  ", "5\n}]#")
    (older,) = terraform(listed).target_groups
    assert older.subject.read("health_interval").data == 30.0 == group.subject.read("health_interval").data


def test_an_addon_is_a_chart() -> None:
    text = """
    module "handler" {
      source  = "aws-ia/eks-blueprints-addon/aws"
      version = "~> 1.1"
      chart   = "aws-node-termination-handler"
      set     = [{ name = "enableSqsTerminationDraining", value = "true" }]
    }
    """
    (handler,) = handlers_of((), [Root("infra", infra_module(text))])
    assert handler.subject.read("queue_mode").data is True


def test_a_teams_namespaces_have_their_labels() -> None:
    text = """
    module "team" {
      source     = "aws-ia/eks-blueprints-teams/aws"
      version    = "~> 1.0"
      labels     = { team = "web" }
      namespaces = {
        shop = { labels = { "elbv2.k8s.aws/pod-readiness-gate-inject" = "enabled" } }
        old  = { create = false }
      }
    }
    """
    (shop,) = terraform_objects("infra", infra_module(text), [])
    assert (shop.kind, shop.name) == ("Namespace", "shop")
    assert plain(shop.at("metadata", "labels")) == {"team": "web", "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


CDN = """
module "cdn" {
  source  = "terraform-aws-modules/cloudfront/aws"
  version = "~> 3.4"
  origin = {
    web = {
      domain_name          = module.alb.dns_name
      custom_origin_config = { http_port = 80, origin_keepalive_timeout = 60 }
    }
    files = { domain_name = "files.s3.amazonaws.com" }
  }
}
"""


def test_a_distribution_of_the_module_sends_to_the_balancer_of_another() -> None:
    (edge,) = terraform(alb("~> 9.0") + CDN).edges
    assert edge.receiver.name == "the ALB module.alb.aws_lb.this[0]"
    assert edge.sender.outbound.read("idle_timeout").data == 60.0
