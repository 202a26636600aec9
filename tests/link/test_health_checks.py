"""The health checks of target groups, with the defaults of who makes them."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence, Subject
from kubelint5xx.link.parts import TargetGroup
from tests.link.infra import terraform
from tests.link.manifests import INGRESS, SERVICE, WEB, joined

ALB = 'resource "aws_lb_target_group" "a" {\n  protocol = "HTTP"\n'
NLB = 'resource "aws_lb_target_group" "a" {\n  protocol = "TCP"\n'


def check_of(group: TargetGroup) -> tuple[object, ...]:
    subject: Subject = group.subject
    names = ("health_interval", "health_timeout", "healthy_threshold", "unhealthy_threshold")
    return tuple(subject.read(name).data for name in names)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (ALB + "}", (30.0, 5.0, 5.0, 2.0)),
        (ALB + "  health_check {}\n}", (30.0, 5.0, 3.0, 3.0)),
        (NLB + "}", (30.0, 10.0, 5.0, 2.0)),
        (NLB + "  health_check {}\n}", (30.0, 6.0, 3.0, 3.0)),
        (NLB + '  health_check {\n    protocol = "TCP"\n  }\n}', (30.0, 10.0, 3.0, 3.0)),
        (ALB + '  health_check {\n    interval = "10"\n    timeout = 4\n  }\n}', (10.0, 4.0, 3.0, 3.0)),
        ('variable "x" {}\n' + ALB + "  health_check {\n    interval = var.x\n  }\n}", (None, 5.0, 3.0, 3.0)),
    ],
)
def test_terraform_has_other_thresholds_where_there_is_a_block(text, check):
    (group,) = terraform(text).target_groups
    assert check_of(group) == check


def test_what_a_dynamic_block_hides_is_unknown():
    hidden = '  dynamic "health_check" {\n    for_each = var.checks\n    content {}\n  }\n}'
    (group,) = terraform('variable "checks" {}\n' + ALB + hidden).target_groups
    assert check_of(group) == (None, None, None, None)


def test_a_classic_balancer_gives_all_four_or_none():
    written = "health_check {\n target = \"TCP:80\"\n interval = 7\n timeout = 3\n healthy_threshold = 4\n"
    listener = "listener {\n instance_port = 80\n instance_protocol = \"http\"\n}\n"
    text = f'resource "aws_elb" "a" {{\n {listener} {written} unhealthy_threshold = 6\n }}\n}}'
    (group,) = terraform(text).target_groups
    assert check_of(group) == (7.0, 3.0, 4.0, 6.0)
    (group,) = terraform(f'resource "aws_elb" "a" {{\n {listener} }}').target_groups
    assert check_of(group) == (30.0, 5.0, 10.0, 2.0)


def test_the_service_speaks_before_the_ingress_and_the_controller_last():
    prefix = "alb.ingress.kubernetes.io"
    interval, threshold = f'{prefix}/healthcheck-interval-seconds: "7"', f"{prefix}/healthy-threshold-count"
    ingress = INGRESS.replace("{}", f'{{{interval}, {threshold}: "4"}}')
    service = SERVICE.replace("namespace: shop}", f'namespace: shop, annotations: {{{threshold}: "6"}}}}')
    (group,) = joined(WEB, service, ingress).target_groups
    assert check_of(group) == (7.0, 5.0, 6.0, 2.0)
    assert group.subject.read("health_timeout").confidence == Confidence.MEDIUM


@pytest.mark.parametrize(
    ("policy", "more", "check"),
    [
        ("Cluster", "", (10.0, 10.0, 3.0, 3.0)),
        ("Local", "", (10.0, 6.0, 2.0, 2.0)),
        ("Local", "nlb-target-type: ip", (10.0, 10.0, 3.0, 3.0)),
        ("Local", 'healthcheck-interval: "30"', (30.0, 6.0, 2.0, 2.0)),
        ("Local", "type: nlb", (None, None, None, None)),
    ],
)
def test_an_nlb_checks_otherwise_where_only_some_nodes_answer(policy, more, check):
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    extra = f", {prefix}-{more}" if more else ""
    annotations = f"annotations: {{{prefix}-scheme: internal{extra}}}"
    balanced = f"type: LoadBalancer\n  externalTrafficPolicy: {policy}\n  loadBalancerClass: service.k8s.aws/nlb"
    service = SERVICE.replace("namespace: shop}", f"namespace: shop, {annotations}}}")
    service = service.replace("type: NodePort", balanced)
    (group,) = joined(WEB, service).target_groups
    assert check_of(group) == check
