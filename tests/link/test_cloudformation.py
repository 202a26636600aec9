"""A CloudFormation template is judged as the same resources in Terraform are."""

from __future__ import annotations

import json

from tests.same_verdict import report, same_verdict

HCL = """
resource "aws_lb" "Balancer" {
  idle_timeout = 5000
}

resource "aws_lb_listener" "Http" {
  load_balancer_arn = aws_lb.Balancer.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.Web.arn
  }
}

resource "aws_lb_target_group" "Web" {
  port                 = 30080
  protocol             = "HTTP"
  deregistration_delay = 0
}

resource "aws_launch_template" "Template" {
  user_data = "kubelet --node-labels=node.kubernetes.io/exclude-from-external-load-balancers=false"
}

resource "aws_autoscaling_group" "Nodes" {
  min_size          = 0
  target_group_arns = [aws_lb_target_group.Web.arn]
  launch_template {
    id = aws_launch_template.Template.id
  }
}

resource "aws_autoscaling_group" "Others" {
  min_size = 0
  tag {
    key   = "kubernetes.io/cluster/prod"
    value = "owned"
  }
  initial_lifecycle_hook {
    name                 = "drain"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = 30
  }
}

resource "aws_elb" "Old" {
  listener {
    instance_port     = 80
    instance_protocol = "http"
  }
}
"""
CFN = """
Conditions:
  Quick: !Equals ["1", "1"]
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      LoadBalancerAttributes:
        - Key: idle_timeout.timeout_seconds
          Value: "5000"
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Web}]
  Web:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Port: 30080
      Protocol: HTTP
      TargetGroupAttributes:
        - Key: deregistration_delay.timeout_seconds
          Value: !If [Quick, "0", "60"]
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        UserData: !Base64 "kubelet --node-labels=node.kubernetes.io/exclude-from-external-load-balancers=false"
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      TargetGroupARNs: [!Ref Web]
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: "1"}
  Others:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      Tags: [{Key: kubernetes.io/cluster/prod, Value: owned, PropagateAtLaunch: true}]
      LifecycleHookSpecificationList:
        - LifecycleHookName: drain
          LifecycleTransition: autoscaling:EC2_INSTANCE_TERMINATING
          HeartbeatTimeout: 30
  Old:
    Type: AWS::ElasticLoadBalancing::LoadBalancer
    Properties:
      Listeners: [{LoadBalancerPort: "80", InstancePort: "80", Protocol: http}]
"""
NAMES = {
    f"{kind}.{name}": name
    for kind, name in (
        ("aws_lb", "Balancer"), ("aws_lb_listener", "Http"), ("aws_lb_target_group", "Web"), ("aws_elb", "Old"),
        ("aws_autoscaling_group", "Nodes"), ("aws_autoscaling_group", "Others"), ("aws_launch_template", "Template"),
    )
}  # fmt: skip


def test_a_template_is_judged_as_terraform_is() -> None:
    found = [one.rule for one in report({"stack.yaml": CFN}).findings]
    assert {"deregistration-cuts-requests", "lb-attribute-invalid", "exclusion-label-misread"} <= set(found)
    same_verdict({"infra/main.tf": HCL}, {"stack.yaml": CFN}, names=NAMES)


def test_json_says_the_same_as_yaml() -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Web": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {
                    "Protocol": "HTTP",
                    "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}],
                },
            }
        },
    }
    for name in ("cdk.out/Shop.template.json", "shop.template", "shop.json"):
        (finding,) = report({name: json.dumps(template)}).findings
        assert finding.rule == "deregistration-cuts-requests"


def test_a_manifest_that_speaks_of_types_is_no_template() -> None:
    manifest = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata:\n  t: |\n    Resources:\n"
    manifest += "      A: {Type: AWS::EC2::VPC}\n"
    assert report({"k8s/a.yaml": manifest}).coverage.objects == 1



def test_an_attribute_that_aws_does_not_know_is_refused() -> None:
    wrong = CFN.replace("idle_timeout.timeout_seconds", "idle_timeout.timeout_second")
    (finding,) = [one for one in report({"stack.yaml": wrong}).findings if one.rule == "lb-attribute-invalid"]
    assert finding.place.text == "idle_timeout.timeout_second"


def test_thresholds_that_a_template_leaves_out_are_those_of_aws() -> None:
    checked = CFN.replace("      Protocol: HTTP\n", "      Protocol: HTTP\n      HealthCheckPath: /healthz\n", 1)
    rules = {one.rule for one in report({"stack.yaml": checked}).findings}
    assert rules == {one.rule for one in report({"stack.yaml": CFN}).findings}


def test_broken_templates_are_problems_and_no_crash() -> None:
    texts = (
        "{Type: AWS::EKS::Cluster",
        "{Type: AWS::EKS::Cluster, Properties: !Ref A}",
        "{Type: AWS::ECS::Service, Properties: {LoadBalancers: [{}], TaskDefinition: [1]}}",
        "{Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {TargetGroupAttributes: x}}",
        "{Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {LoadBalancerAttributes: [3, {Key: [x]}]}}",
    )
    for text in texts:
        report({"stack.yaml": f"Resources:\n  A: {text}\n"})
    assert report({"stack.yaml": f"Resources:\n  A: {texts[0]}\n"}).problems
