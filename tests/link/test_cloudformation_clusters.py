"""Clusters, their nodes and what drains them say the same in CloudFormation as in Terraform."""

from __future__ import annotations

import json

import yaml

from tests.link.manifests import INGRESS, SERVICE, WEB
from tests.same_verdict import report, same_verdict

HCL = """
resource "aws_eks_cluster" "Cluster" {
  name    = "shop"
  version = "1.31"
}

resource "aws_eks_addon" "Proxy" {
  cluster_name         = aws_eks_cluster.Cluster.name
  addon_name           = "kube-proxy"
  addon_version        = "v1.31.2-eksbuild.1"
  configuration_values = jsonencode({ mode = "nftables" })
}

resource "aws_eks_node_group" "Spot" {
  cluster_name  = aws_eks_cluster.Cluster.name
  capacity_type = "SPOT"
  ami_type      = "AL2_x86_64"
  labels = {
    "node.kubernetes.io/exclude-from-external-load-balancer" = "true"
  }
  scaling_config {
    min_size     = 0
    desired_size = 1
    max_size     = 4
  }
}

resource "aws_launch_template" "Template" {
  image_id  = "ami-1"
  user_data = <<-EOT
    #!/bin/bash
    sysctl -w net.ipv4.netfilter.ip_conntrack_tcp_be_liberal=1
    /etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=role=web'
  EOT
}

resource "aws_autoscaling_group" "Workers" {
  min_size = 0
  max_size = 4
  launch_template {
    id      = aws_launch_template.Template.id
    version = "1"
  }
  tag {
    key                 = "kubernetes.io/cluster/shop"
    value               = "owned"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_lifecycle_hook" "Hook" {
  autoscaling_group_name = aws_autoscaling_group.Workers.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 30
}

resource "aws_cloudwatch_event_rule" "Events" {
  event_pattern = jsonencode({
    source      = ["aws.autoscaling"]
    detail-type = ["EC2 Instance-terminate Lifecycle Action"]
  })
}

resource "aws_lb" "Balancer" {
  load_balancer_type = "network"
}

resource "aws_lb_listener" "Tcp" {
  load_balancer_arn        = aws_lb.Balancer.arn
  protocol                 = "TCP"
  tcp_idle_timeout_seconds = 30
  default_action {
    type             = "fixed-response"
  }
}

resource "aws_lb" "Web" {
  idle_timeout = 70
}

resource "aws_lb_listener" "Http" {
  load_balancer_arn = aws_lb.Web.arn
  default_action {
    type = "fixed-response"
  }
}

resource "aws_lb_listener_rule" "Rule" {
  listener_arn = aws_lb_listener.Http.arn
  action {
    type = "forward"
    forward {
      target_group {
        arn = aws_lb_target_group.Nodes.arn
      }
    }
  }
}

resource "aws_lb_target_group" "Nodes" {
  port     = 30080
  protocol = "HTTP"
  health_check {
    healthy_threshold   = 5
    unhealthy_threshold = 2
    interval            = 10
    timeout             = 10
  }
}

resource "aws_cloudfront_distribution" "Cdn" {
  origin {
    domain_name = aws_lb.Web.dns_name
    origin_id   = "web"
    custom_origin_config {
      origin_read_timeout = 40
    }
  }
}

resource "aws_elb" "Old" {
  idle_timeout        = 5000
  connection_draining = true
  listener {
    instance_port     = 80
    instance_protocol = "tcp"
  }
}
"""
CFN = """
Resources:
  Cluster:
    Type: AWS::EKS::Cluster
    Properties: {Name: shop, Version: "1.31"}
  Proxy:
    Type: AWS::EKS::Addon
    Properties:
      ClusterName: !Ref Cluster
      AddonName: kube-proxy
      AddonVersion: v1.31.2-eksbuild.1
      ConfigurationValues: '{"mode": "nftables"}'
  Spot:
    Type: AWS::EKS::Nodegroup
    Properties:
      ClusterName: !Ref Cluster
      CapacityType: SPOT
      AmiType: AL2_x86_64
      Labels:
        node.kubernetes.io/exclude-from-external-load-balancer: "true"
      ScalingConfig: {MinSize: 0, DesiredSize: 1, MaxSize: 4}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: ami-1
        UserData:
          Fn::Base64: !Sub |
            #!/bin/bash
            sysctl -w net.ipv4.netfilter.ip_conntrack_tcp_be_liberal=1
            /etc/eks/bootstrap.sh ${Cluster} --kubelet-extra-args '--node-labels=role=web'
  Workers:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      MaxSize: "4"
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
      Tags: [{Key: !Sub "kubernetes.io/cluster/${Name}", Value: owned, PropagateAtLaunch: true}]
  Hook:
    Type: AWS::AutoScaling::LifecycleHook
    Properties:
      AutoScalingGroupName: !Ref Workers
      LifecycleTransition: autoscaling:EC2_INSTANCE_TERMINATING
      HeartbeatTimeout: 30
  Events:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.autoscaling]
        detail-type: [EC2 Instance-terminate Lifecycle Action]
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network}
  Tcp:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: TCP
      DefaultActions: [{Type: fixed-response}]
      ListenerAttributes: [{Key: tcp.idle_timeout.seconds, Value: "30"}]
  Web:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      LoadBalancerAttributes: [{Key: idle_timeout.timeout_seconds, Value: 70}]
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {LoadBalancerArn: !Ref Web, DefaultActions: [{Type: fixed-response}]}
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Http
      Actions: [{Type: forward, ForwardConfig: {TargetGroups: [{TargetGroupArn: !Ref Nodes}]}}]
  Nodes:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {Port: 30080, Protocol: HTTP, HealthCheckTimeoutSeconds: 10, HealthCheckIntervalSeconds: 10}
  Cdn:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Origins:
          - Id: web
            DomainName: !GetAtt Web.DNSName
            CustomOriginConfig: {OriginReadTimeout: 40, OriginProtocolPolicy: http-only}
  Old:
    Type: AWS::ElasticLoadBalancing::LoadBalancer
    Properties:
      ConnectionSettings: {IdleTimeout: 5000}
      ConnectionDrainingPolicy: {Enabled: true}
      Listeners: [{LoadBalancerPort: "80", InstancePort: "80", Protocol: tcp}]
Parameters:
  Name: {Type: String, Default: shop}
"""
NAMES = {
    f"{kind}.{name}": name
    for kind, name in (
        ("aws_autoscaling_group", "Workers"), ("aws_autoscaling_lifecycle_hook", "Hook"),
        ("aws_eks_cluster", "Cluster"), ("aws_eks_node_group", "Spot"), ("aws_lb_target_group", "Nodes"),
        ("aws_lb_listener", "Tcp"),
        ("aws_elb", "Old"), ("aws_lb", "Web"), ("aws_cloudfront_distribution", "Cdn"),
    )
}  # fmt: skip
APPS = {"k8s/service.yaml": SERVICE, "k8s/web.yaml": WEB}


def test_clusters_and_nodes_are_judged_as_terraform_is() -> None:
    found = {one.rule for one in report({"stack.yaml": CFN, **APPS}).findings}
    assert found >= {
        "exclusion-label-misread", "health-check-invalid", "lb-attribute-invalid",
        "nftables-without-liberal-conntrack", "termination-hook-too-short", "transient-nodes-in-rotation",
        "outer-timeout-first",
    }  # fmt: skip
    names = {name: inner for inner, name in NAMES.items()}
    same_verdict({"stack.yaml": CFN, **APPS}, {"main.tf": HCL, **APPS}, names=names)


def test_who_hears_of_a_hook_is_seen_in_both() -> None:
    begins, ends = "EC2 Instance-terminate Lifecycle Action", "EC2 Instance Terminate Successful"
    for old, new in (("aws.autoscaling", "aws.ec2"), (begins, ends)):
        cfn, hcl = CFN.replace(old, new), HCL.replace(old, new)
        assert cfn != CFN
        names = {name: inner for inner, name in NAMES.items()}
        same_verdict({"stack.yaml": cfn, **APPS}, {"main.tf": hcl, **APPS}, names=names)
    silent = CFN.replace("aws.autoscaling", "aws.ec2").replace(begins, ends)
    assert "termination-hook-without-actor" in {one.rule for one in report({"stack.yaml": silent, **APPS}).findings}


def of_cdk(*manifests: str) -> str:
    """A template as the CDK makes it of a cluster with manifests: a text with the cluster's name in the middle."""
    said = json.dumps([yaml.safe_load(one) for one in manifests])
    before, _, after = said.partition("registry.example/shop")
    parts = [before, {"Fn::GetAtt": ["Repository", "Arn"]}, after] if after else [said]
    manifest, own = {"Fn::Join": ["", parts]}, {"name": "shop", "version": "1.31"}
    resources = {
        "Cluster": {"Type": "Custom::AWSCDK-EKS-Cluster", "Properties": {"Config": own}},
        "Repository": {"Type": "AWS::ECR::Repository"},
        "Apps": {"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": {"Manifest": manifest}},
    }
    return json.dumps({"Resources": resources}, indent=1)


def test_what_the_cdk_applies_to_a_cluster_is_judged_as_manifests_are() -> None:
    ingress = INGRESS.replace("annotations: {}", "annotations: {alb.ingress.kubernetes.io/target-type: ip}")
    plain = {"main.tf": 'resource "aws_eks_cluster" "Cluster" {\n  name = "shop"\n  version = "1.31"\n}\n'}
    plain["k8s/all.yaml"] = "---\n".join((ingress, SERVICE, WEB))
    tree = {"cdk.out/Shop.template.json": of_cdk(ingress, SERVICE, WEB)}
    found = report(tree)
    same_verdict(plain, tree)
    assert {"no-drain-delay", "no-readiness-probe"} <= {one.rule for one in found.findings}
    assert {one.place.path for one in found.findings} == set(tree)


HANDLER = """
resource "helm_release" "Handler" {
  name  = "handler"
  chart = "aws-node-termination-handler"
  set {
    name  = "enableSqsTerminationDraining"
    value = "true"
  }
}
"""
QUICK = """
  Handler:
    Type: AWSQS::Kubernetes::Helm
    Properties:
      Name: handler
      Chart: aws-node-termination-handler
      Values: {enableSqsTerminationDraining: "true"}
  Apps:
    Type: AWSQS::Kubernetes::Resource
    Properties:
      Manifest: |
"""


def test_what_quick_starts_install_is_seen() -> None:
    manifests = "---\n".join((SERVICE, WEB))
    lines = "".join(f"        {line}\n" if line else "\n" for line in manifests.splitlines())
    template = CFN.replace("AWS::EKS::Cluster", "AWSQS::EKS::Cluster")
    template = template.replace("\nParameters:", f"{QUICK}{lines}\nParameters:")
    plain = {"main.tf": HCL + HANDLER, "k8s/all.yaml": manifests}
    names = {name: inner for inner, name in NAMES.items()}
    # A rule that passes events of hooks on would be enough by itself.
    begins, ends = "EC2 Instance-terminate Lifecycle Action", "EC2 Instance Terminate Successful"
    template, plain["main.tf"] = (one.replace(begins, ends) for one in (template, plain["main.tf"]))
    same_verdict({"stack.yaml": template}, plain, names=names)
    without = {"stack.yaml": template.replace("Chart: aws-node", "Chart: another-node")}
    said = [{one.rule for one in report(each).findings} for each in ({"stack.yaml": template}, without)]
    assert said[1] - said[0] == {"termination-hook-without-actor"}
