from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.config import Config
from kubelint5xx.core.value import Confidence
from kubelint5xx.link.nodes import link_nodes
from kubelint5xx.link.terraform import link_terraform
from kubelint5xx.link.terraform_root import Root
from tests.link.infra import line, module, scopes, terraform

WEB = """
resource "aws_lb" "web" {
  name         = "web"
  idle_timeout = 120
}
resource "aws_lb_target_group" "web" {
  name                 = "web-nodes"
  port                 = 30080
  deregistration_delay = "30"
}
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
"""


def test_a_listener_joins_the_balancer_to_its_target_group():
    (group,) = terraform(WEB).target_groups
    (alb,) = group.balancers
    assert (alb.product, alb.name) == ("aws_alb", "the ALB aws_lb.web")
    assert alb.outbound.read("idle_timeout").data == 120.0
    assert line(alb.outbound.read("idle_timeout")) == "idle_timeout = 120"
    assert (group.address, group.name, group.port) == ("infra:aws_lb_target_group.web", "web-nodes", 30080)
    assert group.subject.read("deregistration_delay").data == 30.0
    assert [step.label for step in group.route][-1] == "the target group aws_lb_target_group.web"


def test_what_is_not_written_is_the_providers_default():
    (group,) = terraform('resource "aws_alb_target_group" "a" {}').target_groups
    assert group.balancers == ()
    delay = group.subject.read("deregistration_delay")
    assert (delay.data, delay.confidence) == (300.0, Confidence.MEDIUM)
    assert group.subject.read("target_type").data == "instance"
    assert line(delay) == 'resource "aws_alb_target_group" "a" {}'


def test_what_is_set_from_outside_is_unknown_and_no_default():
    (group,) = terraform(
        'variable "delay" {}\nresource "aws_lb_target_group" "a" { deregistration_delay = var.delay }'
    ).target_groups
    assert not group.subject.read("deregistration_delay").known


@pytest.mark.parametrize(
    "rule",
    [
        'action {\n type = "forward"\n target_group_arn = aws_lb_target_group.api.arn\n }',
        'action {\n type = "forward"\n forward {\n target_group {\n arn = aws_lb_target_group.api.arn\n }\n }\n }',
    ],
)
def test_listener_rules_forward_too(rule):
    layer = terraform(
        f'{WEB}\nresource "aws_lb_target_group" "api" {{}}\n'
        f'resource "aws_lb_listener_rule" "api" {{\n listener_arn = aws_lb_listener.https.arn\n {rule}\n}}'
    )
    web, api = layer.target_groups
    assert api.balancers == web.balancers and len(api.balancers) == 1


def test_two_listeners_of_one_alb_are_one_hop():
    twice = WEB + WEB[WEB.index('resource "aws_lb_listener"') :].replace('"https"', '"http"')
    (group,) = terraform(twice).target_groups
    assert len(group.balancers) == 1


def test_each_instance_of_for_each_is_joined_to_its_own():
    layer = terraform(
        """
        locals { apps = { a = 10, b = 20 } }
        resource "aws_lb" "x" {
          for_each     = local.apps
          idle_timeout = each.value
        }
        resource "aws_lb_target_group" "x" { for_each = local.apps }
        resource "aws_lb_listener" "x" {
          for_each          = local.apps
          load_balancer_arn = aws_lb.x[each.key].arn
          default_action {
            target_group_arn = aws_lb_target_group.x[each.key].arn
          }
        }
        """
    )
    assert [group.balancers[0].outbound.read("idle_timeout").data for group in layer.target_groups] == [10.0, 20.0]


def test_a_network_load_balancer_is_its_own_product_and_a_gateway_none():
    for kind, products in (("network", ["aws_nlb"]), ("gateway", [])):
        text = WEB.replace("idle_timeout = 120", f'load_balancer_type = "{kind}"')
        assert [hop.product for hop in terraform(text).target_groups[0].balancers] == products


def test_a_balancer_of_unknown_type_is_undecided():
    text = 'variable "kind" {}\n' + WEB.replace("idle_timeout = 120", "load_balancer_type = var.kind")
    layer = terraform(text)
    assert layer.target_groups[0].balancers == ()
    assert any(item.what == "aws_lb.web" for item in layer.undecided)


def test_listeners_of_balancers_elsewhere_are_undecided():
    layer = terraform(
        """
        data "aws_lb" "shared" { name = "shared" }
        resource "aws_lb_target_group" "a" {}
        resource "aws_lb_listener" "a" {
          load_balancer_arn = data.aws_lb.shared.arn
          default_action { target_group_arn = aws_lb_target_group.a.arn }
        }
        """
    )
    assert layer.target_groups[0].balancers == ()
    assert [item.what for item in layer.undecided] == ["aws_lb_listener.a"]


def test_modules_that_are_not_in_the_tree_are_undecided():
    (item,) = terraform('module "alb" {\n source = "terraform-aws-modules/alb/aws"\n}').undecided
    assert item.what == "module.alb" and "terraform-aws-modules/alb/aws" in item.reason


def test_lambda_targets_are_no_targets_of_kubernetes():
    assert terraform('resource "aws_lb_target_group" "f" { target_type = "lambda" }').target_groups == ()


def test_a_classic_balancer_without_draining_cuts_requests_at_once():
    text = """
        resource "aws_elb" "old" {
          name = "old"
          DRAINING
          listener {
            instance_port     = 31000
            instance_protocol = "http"
            lb_port           = 80
            lb_protocol       = "http"
          }
        }
    """
    (group,) = terraform(text.replace("DRAINING", "")).target_groups
    assert (group.port, group.balancers[0].product) == (31000, "aws_clb")
    assert group.subject.read("deregistration_delay").data == 0.0
    (group,) = terraform(text.replace("DRAINING", "connection_draining = true")).target_groups
    assert group.subject.read("deregistration_delay").data == 300.0


WRONG = ("[]", "{}", "null", "true", "-1", '"x"', "[{a=1}]", "var.none", "1e400", '""')
FULL = (
    WEB
    + """
resource "aws_autoscaling_group" "spot" {
  name              = "spot"
  min_size          = 0
  target_group_arns = [aws_lb_target_group.web.arn]
  launch_template {
    id = aws_launch_template.spot.id
  }
  initial_lifecycle_hook {
    name                 = "drain"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
  }
  tag {
    key   = "kubernetes.io/cluster/main"
    value = "owned"
  }
}
resource "aws_launch_template" "spot" {
  user_data = "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1 --node-labels=a=b"
}
resource "aws_eks_node_group" "m" {
  cluster_name  = "main"
  labels        = { "node.kubernetes.io/exclude-from-external-load-balancers" = "true" }
  capacity_type = "SPOT"
  scaling_config { min_size = 1 }
}
resource "aws_eks_cluster" "main" {
  name    = "main"
  version = "1.29"
}
resource "helm_release" "nth" {
  chart  = "aws-node-termination-handler"
  values = ["enableSqsTerminationDraining: true"]
}
"""
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_values_of_wrong_types_never_raise(data):
    lines = FULL.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[at].partition("=")
        lines[at] = (
            f"{key}= {data.draw(st.sampled_from(WRONG))}" if equals else data.draw(st.sampled_from([lines[at], ""]))
        )
    roots = [Root("infra", module("\n".join(lines)))]
    layer = link_terraform(roots, Config())
    link_nodes(scopes(""), roots, layer, Config())


@settings(max_examples=30, deadline=None)
@given(st.text(string.printable, max_size=60))
def test_any_user_data_is_read_without_raising(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%")
    escaped = "".join(f"\\u{ord(c):04x}" if c < " " else c for c in escaped)
    terraform(FULL.replace("sysctl -w", escaped))
