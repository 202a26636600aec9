"""A module of the registry is judged as the resources that it makes."""

from __future__ import annotations

import pytest

from kubelint5xx.eval import known_modules, roots
from kubelint5xx.link import terraform_objects, terraform_root
from tests.same_verdict import report, same_verdict

GROUP = """
resource "aws_lb" "front" {
  name = "front"
}
resource "aws_lb_listener" "front" {
  load_balancer_arn = aws_lb.front.arn
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
resource "aws_lb_target_group" "web" {
  name        = "web"
  port        = 31080
  protocol    = "HTTP"
  target_type = "instance"
}
"""
CLUSTER = """
resource "aws_eks_cluster" "this" {
  name    = "main"
  version = "1.20"
}
resource "aws_launch_configuration" "workers" {
  user_data = "/etc/eks/bootstrap.sh main"
}
resource "aws_autoscaling_group" "workers" {
  name_prefix          = "main-web"
  min_size             = 0
  max_size             = 9
  target_group_arns    = [aws_lb_target_group.web.arn]
  launch_configuration = aws_launch_configuration.workers.id
  tag {
    key                 = "kubernetes.io/cluster/main"
    value               = "owned"
    propagate_at_launch = true
  }
}
"""
EKS = """
module "eks" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "VERSION"
  cluster_name    = "main"
  cluster_version = "1.20"
  worker_groups   = [
    { name = "web", asg_min_size = 0, asg_max_size = 9, target_group_arns = [aws_lb_target_group.web.arn] },
  ]
}
"""
WEB = """
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  targetGroupName: web
  targetType: instance
  serviceRef: {name: web, port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 31080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: registry.example/web, ports: [{containerPort: 8080}]}
"""
CLASSIC = """
resource "aws_elb" "front" {
  name = "front"
  listener {
    instance_port     = 8080
    instance_protocol = "http"
    lb_port           = 80
    lb_protocol       = "http"
  }
  health_check {
    target              = "HTTP:8080/"
    interval            = 5
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
"""
ELB = """
module "front" {
  source   = "terraform-aws-modules/elb/aws"
  version  = "VERSION"
  name     = "front"
  listener = [{ instance_port = 8080, instance_protocol = "http", lb_port = 80, lb_protocol = "http" }]
  health_check = { target = "HTTP:8080/", interval = 5, timeout = 5, healthy_threshold = 2, unhealthy_threshold = 2 }
}
"""
ORIGIN = """
resource "aws_cloudfront_distribution" "site" {
  origin {
    domain_name = aws_lb.front.dns_name
    origin_id   = "front"
    custom_origin_config {
      origin_keepalive_timeout = 60
      origin_read_timeout      = 120
    }
  }
}
"""
CLOUDFRONT = """
module "site" {
  source  = "terraform-aws-modules/cloudfront/aws"
  version = "VERSION"
  origin = {
    front = {
      domain_name          = aws_lb.front.dns_name
      custom_origin_config = { origin_keepalive_timeout = 60, origin_read_timeout = 120 }
    }
  }
}
"""


@pytest.mark.parametrize("version", ["13.2.1", "~> 17.1", "17.24.0"])
def test_workers_of_an_eks_module_of_before_version_18(version: str) -> None:
    rules = same(GROUP + CLUSTER, GROUP + EKS.replace("VERSION", version), {
        "aws_autoscaling_group.workers": "module.eks.aws_autoscaling_group.workers[0]",
        "aws_eks_cluster.this": "module.eks.aws_eks_cluster.this[0]",
    })  # fmt: skip
    assert "transient-nodes-in-rotation" in rules


@pytest.mark.parametrize("version", ["2.5.0", "~> 3.0", "4.0.2"])
def test_a_classic_load_balancer(version: str) -> None:
    names = {"aws_elb.front": "module.front.module.elb.aws_elb.this[0]"}
    rules = same(CLASSIC, ELB.replace("VERSION", version), names)
    assert "deregistration-cuts-requests" in rules


@pytest.mark.parametrize("version", ["1.8.0", "~> 3.2", "4.1.0"])
def test_a_distribution(version: str) -> None:
    names = {"aws_cloudfront_distribution.site": "module.site.aws_cloudfront_distribution.this[0]"}
    same(GROUP + ORIGIN, GROUP + CLOUDFRONT.replace("VERSION", version), names)


def same(resources: str, module: str, names: dict[str, str]) -> set[str]:
    """The rules that find something in both."""
    files = {"main.tf": module, "web.yaml": WEB}
    same_verdict({**files, "main.tf": resources}, files, None, names)
    return {finding.rule for finding in report(files).findings}


TYPES = sorted(terraform_root._TYPES | terraform_objects.TYPES)
ADDRESSES = sorted(name for name, found in known_modules._SKETCHES.items() if found[-1][0] != "nothing")


@pytest.mark.parametrize("header", [f'resource "{type_}" "a" {{' for type_ in TYPES])
def test_a_root_of_any_resource_that_is_read_is_looked_at(header: str) -> None:
    assert roots._INFRASTRUCTURE.search(header.encode())


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_root_of_any_module_that_is_known_is_looked_at(address: str) -> None:
    assert roots._INFRASTRUCTURE.search(f'source = "{address}"'.encode())
