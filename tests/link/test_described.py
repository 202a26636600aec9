"""What the AWS CLI prints of load balancers is judged as the same load balancers in Terraform are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.link.manifests import SERVICE, web
from tests.link.test_ecs import BALANCING as ECS
from tests.link.test_ecs import DEFINITION, node
from tests.same_verdict import report, same_verdict

ACCOUNT = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
LB = f"{ACCOUNT}:loadbalancer/app/shop/50dc6c495c0c9188"
GROUP = f"{ACCOUNT}:targetgroup/shop-web/73e2d6bc24d8a067"
LISTENER = f"{ACCOUNT}:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2"

HCL = """
resource "aws_lb" "shop" {
  name         = "shop"
  idle_timeout = 90
}

resource "aws_lb_target_group" "shop" {
  name                 = "shop-web"
  port                 = 30080
  protocol             = "HTTP"
  deregistration_delay = 0
  health_check {
    interval            = 10
    timeout             = 12
    healthy_threshold   = 5
    unhealthy_threshold = 2
    path                = "/"
  }
}

resource "aws_lb_listener" "shop" {
  load_balancer_arn = aws_lb.shop.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.shop.arn
  }
}
"""
NAMES = {"the ALB aws_lb.shop": "the ALB shop", "aws_lb_target_group.shop": "shop-web"}
MANIFESTS = {"k8s/service.yaml": SERVICE, "k8s/web.yaml": web()}
BINDING = f"""
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {{name: web, namespace: shop}}
spec:
  serviceRef: {{name: web, port: 80}}
  targetGroupARN: {GROUP}
"""

BALANCERS: Any = {
    "LoadBalancers": [
        {
            "LoadBalancerArn": LB,
            "DNSName": "shop-1.eu-west-1.elb.amazonaws.com",
            "CanonicalHostedZoneId": "Z32O12XQLNTSW2",
            "CreatedTime": "2025-03-08T12:00:00.000000+00:00",
            "LoadBalancerName": "shop",
            "Scheme": "internet-facing",
            "VpcId": "vpc-1",
            "State": {"Code": "active"},
            "Type": "application",
            "AvailabilityZones": [{"ZoneName": "eu-west-1a", "SubnetId": "subnet-1", "LoadBalancerAddresses": []}],
            "SecurityGroups": ["sg-5943793c"],
            "IpAddressType": "ipv4",
        }
    ]
}
GROUPS: Any = {
    "TargetGroups": [
        {
            "TargetGroupArn": GROUP,
            "TargetGroupName": "shop-web",
            "Protocol": "HTTP",
            "Port": 30080,
            "VpcId": "vpc-1",
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckEnabled": True,
            "HealthCheckIntervalSeconds": 10,
            "HealthCheckTimeoutSeconds": 12,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": "/",
            "Matcher": {"HttpCode": "200"},
            "LoadBalancerArns": [LB],
            "TargetType": "instance",
            "ProtocolVersion": "HTTP1",
            "IpAddressType": "ipv4",
        }
    ]
}
LISTENERS: Any = {
    "Listeners": [
        {
            "ListenerArn": LISTENER,
            "LoadBalancerArn": LB,
            "Port": 443,
            "Protocol": "HTTPS",
            "DefaultActions": [
                {
                    "Type": "forward",
                    "TargetGroupArn": GROUP,
                    "Order": 1,
                    "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 1}]},
                }
            ],
        }
    ]
}
OF_LB: Any = {
    "Attributes": [
        {"Key": "access_logs.s3.enabled", "Value": "false"},
        {"Key": "idle_timeout.timeout_seconds", "Value": "90"},
        {"Key": "routing.http2.enabled", "Value": "true"},
        {"Key": "load_balancing.cross_zone.enabled", "Value": "true"},
    ]
}
OF_GROUP: Any = {
    "Attributes": [
        {"Key": "stickiness.enabled", "Value": "false"},
        {"Key": "deregistration_delay.timeout_seconds", "Value": "0"},
        {"Key": "slow_start.duration_seconds", "Value": "0"},
        {"Key": "load_balancing.algorithm.type", "Value": "round_robin"},
        {"Key": "load_balancing.cross_zone.enabled", "Value": "use_load_balancer_configuration"},
    ]
}
# Each file says by itself whose attributes it holds.
SAID = {
    "aws/shop.json": {**BALANCERS, **OF_LB},
    "aws/shop-web.json": {"TargetGroupArn": GROUP, **OF_GROUP},
    "aws/groups.json": GROUPS,
    "aws/listeners.json": LISTENERS,
}


def dumped(files: dict[str, Any]) -> dict[str, str]:
    return {path: json.dumps(content, indent=4) for path, content in files.items()}


def test_descriptions_are_judged_as_terraform_is() -> None:
    tree = {**MANIFESTS, **dumped(SAID)}
    found = {(one.rule, one.place.path, one.place.text.strip()) for one in report(tree).findings}
    assert ("deregistration-cuts-requests", "aws/shop-web.json", '"0"') in found
    assert ("health-check-invalid", "aws/groups.json", "12") in found
    assert "server-closes-first" in {rule for rule, _, _ in found}
    same_verdict({**MANIFESTS, "infra/main.tf": HCL}, tree, names=NAMES)
    confidence = {one.rule: one.confidence for one in report({**MANIFESTS, "infra/main.tf": HCL}).findings}
    assert {one.rule: one.confidence for one in report(tree).findings} == confidence


def test_a_binding_names_a_target_group_by_its_arn() -> None:
    tree = {**MANIFESTS, "k8s/binding.yaml": BINDING}
    named = HCL.replace("port                 = 30080", "port                 = 1")
    described = dumped(SAID)
    described["aws/groups.json"] = described["aws/groups.json"].replace("30080", "1")
    same_verdict({**tree, "infra/main.tf": named}, {**tree, **described}, names=NAMES)


SHAPES = {
    "a list of its own": {"aws/lbs.json": BALANCERS["LoadBalancers"], "aws/tgs.json": GROUPS["TargetGroups"]},
    "all in one": {"aws/all.json": {**BALANCERS, **GROUPS}},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_attributes_by_themselves_are_joined_with_doubt(shape: str) -> None:
    files: dict[str, Any] = {**SHAPES[shape], "aws/listeners.json": LISTENERS}
    by_name = {**files, "aws/shop-attributes.json": OF_LB, "aws/shop-web-attributes.json": OF_GROUP}
    only_one = {**files, "aws/a.json": OF_LB, "aws/b.json": OF_GROUP["Attributes"]}
    for tree in (by_name, only_one):
        findings = report({**MANIFESTS, **dumped(tree)}).findings
        closes, cuts = (
            next(one for one in findings if one.rule == rule)
            for rule in ("server-closes-first", "deregistration-cuts-requests")
        )
        assert {str(closes.confidence), str(cuts.confidence)} == {"low"}
        assert any("holds the attributes" in said or "hold the attributes" in said for said in cuts.assumptions)
        # What stands in the description itself is sure.
        assert {str(one.confidence) for one in findings if one.rule == "health-check-invalid"} == {"high"}


def test_attributes_of_nobody_are_said_and_not_used() -> None:
    (first,) = BALANCERS["LoadBalancers"]
    two = {"LoadBalancers": [first, {**first, "LoadBalancerArn": LB + "1", "LoadBalancerName": "b"}]}
    found = report(dumped({"aws/lbs.json": two, "aws/attributes.json": OF_LB}))
    assert any("nothing tells of which" in one.message for one in found.problems)
    assert not report(dumped({"aws/tags.json": {"Attributes": [{"Key": "team", "Value": "web"}]}})).problems


def test_defaults_of_what_was_not_described_are_in_doubt() -> None:
    tree = dumped({"a/lbs.json": BALANCERS, "a/tgs.json": GROUPS, "a/ls.json": LISTENERS})
    closing = web(command='[gunicorn, -k, gthread, --keep-alive, "5", a:a]')
    found = report({"k8s/service.yaml": SERVICE, "k8s/web.yaml": closing, **tree})
    (closes,) = [one for one in found.findings if one.rule == "server-closes-first"]
    assert str(closes.confidence) == "low"
    assert any("attributes are not in the files" in said for said in closes.assumptions)


def test_what_terraform_declares_is_read_there() -> None:
    tree = {**MANIFESTS, "infra/main.tf": HCL, **dumped(SAID)}
    found = report(tree)
    assert sorted(one.key for one in found.findings) == sorted(
        one.key for one in report({**MANIFESTS, "infra/main.tf": HCL}).findings
    )
    assert any("declared by aws_lb.shop" in one.message for one in found.problems)


@pytest.mark.parametrize(
    "data",
    ['data "aws_lb" "shop" {\n  name = "shop"\n}', f'data "aws_lb" "shop" {{\n  arn = "{LB}"\n}}', ""],
)
def test_terraform_may_look_up_what_is_described(data: str) -> None:
    arn = "data.aws_lb.shop.arn" if data else f'"{LB}"'
    listener = HCL.partition('resource "aws_lb_target_group"')[2].replace("aws_lb.shop.arn", arn)
    hcl = f'{data}\nresource "aws_lb_target_group"{listener}'
    described = dumped({"aws/shop.json": {**BALANCERS, **OF_LB}})
    same_verdict({**MANIFESTS, "infra/main.tf": HCL}, {**MANIFESTS, "infra/main.tf": hcl, **described}, names=NAMES)


def test_a_rule_of_terraform_may_be_of_a_listener_that_is_described() -> None:
    rule = 'resource "aws_lb_target_group"' + HCL.partition('resource "aws_lb_target_group"')[2]
    rule = rule.replace('resource "aws_lb_listener" "shop"', 'resource "aws_lb_listener_rule" "shop"')
    rule = rule.replace("load_balancer_arn = aws_lb.shop.arn", f'listener_arn = "{LISTENER}"')
    rule = rule.replace("default_action", "action")
    fixed = {"Listeners": [{**LISTENERS["Listeners"][0], "DefaultActions": [{"Type": "fixed-response"}]}]}
    described = dumped({"aws/shop.json": {**BALANCERS, **OF_LB}, "aws/listeners.json": fixed})
    same_verdict({**MANIFESTS, "infra/main.tf": HCL}, {**MANIFESTS, "infra/main.tf": rule, **described}, names=NAMES)


def test_a_rule_that_is_described_belongs_to_its_listener() -> None:
    fixed = {"Listeners": [{**LISTENERS["Listeners"][0], "DefaultActions": [{"Type": "fixed-response"}]}]}
    rules = {"Rules": [{"RuleArn": LISTENER.replace(":listener/", ":listener-rule/") + "/9683b2d02a6cabee",
                        "Priority": "10", "Conditions": [], "IsDefault": False,
                        "Actions": [{"Type": "forward", "TargetGroupArn": GROUP}]}]}  # fmt: skip
    tree = {**MANIFESTS, **dumped({**SAID, "aws/listeners.json": fixed, "aws/rules.json": rules})}
    same_verdict({**MANIFESTS, "infra/main.tf": HCL}, tree, names=NAMES)


CLASSIC = """
resource "aws_elb" "old" {
  name                        = "old"
  idle_timeout                = 20
  connection_draining         = false
  connection_draining_timeout = 300
  listener {
    lb_port           = 80
    lb_protocol       = "http"
    instance_port     = 30080
    instance_protocol = "http"
  }
  health_check {
    target              = "HTTP:80/"
    interval            = 30
    timeout             = 5
    healthy_threshold   = 10
    unhealthy_threshold = 2
  }
}
"""
OLD: Any = {
    "LoadBalancerDescriptions": [
        {
            "LoadBalancerName": "old",
            "DNSName": "old-1.elb.amazonaws.com",
            "ListenerDescriptions": [
                {"Listener": {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP",
                              "InstancePort": 30080}, "PolicyNames": []}
            ],
            "HealthCheck": {"Target": "HTTP:80/", "Interval": 30, "Timeout": 5, "UnhealthyThreshold": 2,
                            "HealthyThreshold": 10},
        }
    ]
}  # fmt: skip
OF_OLD: Any = {
    "LoadBalancerAttributes": {
        "CrossZoneLoadBalancing": {"Enabled": True},
        "AccessLog": {"Enabled": False},
        "ConnectionDraining": {"Enabled": False, "Timeout": 300},
        "ConnectionSettings": {"IdleTimeout": 20},
    }
}


def test_a_classic_load_balancer_is_judged_as_terraform_is() -> None:
    said = dumped({"aws/elb.json": OLD, "aws/attributes.json": {"LoadBalancerName": "old", **OF_OLD}})
    same_verdict({**MANIFESTS, "m.tf": CLASSIC}, {**MANIFESTS, **said}, names={"aws_elb.old": "old"})
    alone = report({**MANIFESTS, **dumped({"aws/elb.json": OLD, "aws/attributes.json": OF_OLD})})
    (cuts,) = [one for one in alone.findings if one.rule == "deregistration-cuts-requests"]
    assert (str(cuts.confidence), cuts.place.path) == ("low", "aws/attributes.json")


def test_the_health_of_targets_and_broken_descriptions_are_no_findings() -> None:
    health = {"TargetHealthDescriptions": [{"Target": {"Id": "i-1"}, "TargetHealth": {"State": "draining"}}]}
    found = report(dumped({"aws/health.json": health}))
    assert not found.findings and not found.problems
    for broken in (
        {"LoadBalancers": [{"LoadBalancerArn": 3, "LoadBalancerName": [], "Type": {}}]},
        {"TargetGroups": [{"TargetGroupArn": "x", "TargetGroupName": "x", "Port": "y", "TargetType": 4}]},
        {"Listeners": [{"ListenerArn": "a", "LoadBalancerArn": "b", "DefaultActions": [1, {"TargetGroupArn": []}]}]},
        {"Rules": [{"RuleArn": "a", "Actions": 5}]},
        {"LoadBalancerDescriptions": [{"LoadBalancerName": "x", "ListenerDescriptions": {"a": 1}, "HealthCheck": 2}]},
        {"LoadBalancerAttributes": {"ConnectionSettings": []}, "Attributes": [{"Key": "idle_timeout.timeout_seconds"}]},
    ):
        report(dumped({"aws/broken.json": broken}))


def test_tasks_may_be_behind_what_is_described() -> None:
    named = GROUPS["TargetGroups"][0] | {"TargetType": "ip", "Port": 8080, "HealthCheckTimeoutSeconds": 5}
    described = dumped({**SAID, "aws/groups.json": {"TargetGroups": [named]}})
    described["aws/shop-web.json"] = described["aws/shop-web.json"].replace('"Value": "0"', '"Value": "60"')
    declared = (
        HCL.replace("port                 = 30080", 'port                 = 8080\n  target_type = "ip"')
        .replace("timeout             = 12", "timeout             = 5")
        .replace("deregistration_delay = 0", "deregistration_delay = 60")
    )
    service = 'resource "aws_ecs_service"' + ECS.partition('resource "aws_ecs_service"')[2]
    tasks = f'variable "registry" {{}}\n{service}{DEFINITION}'
    ours = tasks.replace("aws_lb_target_group.web.arn", "aws_lb_target_group.shop.arn")
    theirs = tasks.replace("aws_lb_target_group.web.arn", f'"{GROUP}"')
    files = {path: text for path, text in node().items() if not path.startswith("infra/")}
    a = {**files, "infra/main.tf": declared + ours}
    b = {**files, "infra/main.tf": theirs, **described}
    assert "server-closes-first" in {one.rule for one in report(b).findings}
    same_verdict(a, b, names=NAMES)
