from __future__ import annotations

import pytest

from kubelint5xx.check import understand
from kubelint5xx.config_file import load_config
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.model.topology import Membership

INFRA = """
resource "aws_eks_cluster" "main" {
  name    = "c"
  version = "1.31"
}
resource "aws_lb_target_group" "web" {
  name        = "web"
  target_type = "instance"
  port        = 31080
}
resource "aws_autoscaling_group" "one" {
  min_size = 1
  tag {
    key = "kubernetes.io/cluster/c"
    value = "owned"
    propagate_at_launch = true
  }
  ONE
}
resource "aws_autoscaling_group" "two" {
  min_size = 1
  tag {
    key = "kubernetes.io/cluster/c"
    value = "owned"
    propagate_at_launch = true
  }
}
"""
APP = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8000, nodePort: 31080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", ports: [{containerPort: 8000}]}]}
"""
BINDING = """---
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupName: web
"""
POOL = """---
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: general}
spec:
  template:
    metadata: {labels: {pool: general}}
    spec: {requirements: []}
"""
ATTACHED = "target_group_arns = [aws_lb_target_group.web.arn]"
LINK = "links:\n  - { manifests: k8s, cluster: c }\n"


def members(manifests: str, one: str = "") -> dict[str, Membership]:
    tree = MemoryTree({"infra/main.tf": INFRA.replace("ONE", one), "k8s/app.yaml": APP + manifests})
    found = understand(tree, load_config(Source("kubelint5xx.yaml", LINK))).memberships
    return {member.group.name.rpartition(" ")[2].rpartition(".")[2]: member for member in found}


def test_the_controller_registers_all_nodes_of_the_cluster() -> None:
    found = members(BINDING)
    assert set(found) == {"one", "two"}
    assert not any(join.assumed for member in found.values() for join in member.group.joins)


def test_without_a_controller_only_who_is_attached_is_a_member() -> None:
    assert set(members("", ATTACHED)) == {"one"}
    assert set(members(BINDING, ATTACHED)) == {"one", "two"}
    assert members("", ATTACHED)["one"].group.read("attached").data is True


def test_where_no_file_says_who_registers_nodes_it_is_assumed() -> None:
    found = members("")
    assert set(found) == {"one", "two"}
    assert all(any(join.assumed for join in member.group.joins) for member in found.values())


def test_the_nodes_of_a_pool_belong_to_the_cluster_that_its_manifest_runs_in() -> None:
    assert "general" in members(BINDING + POOL)
    assert "general" not in members(POOL, ATTACHED)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("{matchLabels: {pool: general}}", True),
        ("{matchLabels: {pool: other}}", False),
        ("{matchExpressions: [{key: pool, operator: Exists}]}", None),
        ("{matchLabels: {pool: other}, matchExpressions: [{key: pool, operator: Exists}]}", False),
        ("{}", True),
    ],
)
def test_a_binding_may_select_its_nodes(selector: str, selected: bool | None) -> None:
    binding = BINDING + f"  nodeSelector: {selector}\n"
    group = members(binding + POOL)["general"].group
    assert group.read("selected").data is selected
    assert group.read("selected").known or group.read("selected").reason
