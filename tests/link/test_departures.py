"""What decides how much time a node has before it goes."""

from __future__ import annotations

import pytest

from kubelint5xx.check import understand
from kubelint5xx.config import Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.core.value import Confidence, Members, Subject
from kubelint5xx.model.topology import Membership
from tests.link.infra import group, members, nodes
from tests.link.test_memberships import APP, BINDING, INFRA, LINK

GROUP = """
resource "aws_autoscaling_group" "one" {
  min_size = 1
  tag {
    key = "kubernetes.io/cluster/c"
    value = "owned"
    propagate_at_launch = true
  }
}
resource "aws_autoscaling_lifecycle_hook" "end" {
  autoscaling_group_name = aws_autoscaling_group.one.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  HOOK
}
"""
RULE = """
resource "aws_cloudwatch_event_rule" "end" {
  event_pattern = PATTERN
}
"""
RELEASE = """
resource "helm_release" "one" {
  chart  = "CHART"
  values = ["VALUES"]
}
"""
POOL = """
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: general}
spec:
  template:
    spec: {requirements: [], SPEC}
"""


def hook(infra: str, config: Config | None = None) -> Subject:
    (found,) = members(group(nodes(infra=infra, config=config)).values["hooks"]).items
    return found


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ('jsonencode({ detail-type = ["EC2 Instance-terminate Lifecycle Action"] })', True),
        ('jsonencode({ source = ["aws.autoscaling"], detail = { a = [var.a] } })', True),
        ('jsonencode({ source = ["aws.autoscaling"], detail-type = ["EC2 Instance Launch Successful"] })', False),
        ('jsonencode({ source = ["aws.ec2"] })', False),
        ("var.pattern", None),
    ],
)
def test_an_event_rule_tells_of_a_hook(pattern: str, told: bool | None) -> None:
    infra = GROUP.replace("HOOK", "") + RULE.replace("PATTERN", pattern) + 'variable "pattern" {}\nvariable "a" {}\n'
    assert hook(infra).read("told").data is told


def test_a_hook_may_notify_by_itself() -> None:
    arn = 'notification_target_arn = "arn:aws:sqs:eu-west-1:111122223333:end"'
    assert hook(GROUP.replace("HOOK", arn)).read("told").data is True


def test_that_nothing_acts_on_a_hook_is_assumed_unless_the_files_are_complete() -> None:
    infra = GROUP.replace("HOOK", "")
    assert hook(infra).read("told").confidence is Confidence.LOW
    complete = Config(complete=frozenset({"termination-handlers"}))
    assert hook(infra, complete).read("told").confidence is Confidence.HIGH


def test_a_module_that_is_not_in_the_files_may_act_on_a_hook() -> None:
    module = 'module "platform" {\n  source = "example.com/platform/aws"\n}\n'
    assert not hook(GROUP.replace("HOOK", "") + module).read("told").known


@pytest.mark.parametrize(
    ("values", "delay"),
    [
        ("replicaCount: 1", 5.0),
        ("extraArgs: { node-delete-delay-after-taint: 2m }", 120.0),
        ("extraArgs: { node-delete-delay-after-taint: 90s }", 90.0),
        ("extraArgs: { node-delete-delay-after-taint: soon }", None),
    ],
)
def test_the_cluster_autoscaler_waits_5_s_unless_told_otherwise(values: str, delay: float | None) -> None:
    release = RELEASE.replace("CHART", "cluster-autoscaler").replace("VALUES", values)
    assert group(nodes(infra=GROUP.replace("HOOK", "") + release)).values["removal_delay"].data == delay


@pytest.mark.parametrize(
    ("arguments", "delay"), [("[]", 5.0), ("[--node-delete-delay-after-taint=1m30s]", 90.0)]
)
def test_its_deployment_may_say_how_long_it_waits(arguments: str, delay: float) -> None:
    manifest = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: autoscaler}}
spec:
  template:
    spec:
      containers: [{{name: a, image: "registry.k8s.io/autoscaling/cluster-autoscaler:v1.31.0", args: {arguments}}}]
"""
    assert group(nodes(manifest, GROUP.replace("HOOK", ""))).values["removal_delay"].data == delay


def test_without_a_cluster_autoscaler_in_sight_nothing_is_known_of_it() -> None:
    assert not group(nodes(infra=GROUP.replace("HOOK", ""))).values["removal_delay"].known


@pytest.mark.parametrize(
    ("values", "excludes"),
    [("replicas: 1", False), ("excludeFromLoadBalancers: true", True), ("excludeFromLoadBalancers: maybe", None)],
)
def test_a_termination_handler_leaves_nodes_in_load_balancers_by_default(values: str, excludes: bool | None) -> None:
    text = f"enableSqsTerminationDraining: true\\n{values}"
    release = RELEASE.replace("CHART", "aws-node-termination-handler").replace("VALUES", text)
    (handler,) = members(group(nodes(infra=GROUP.replace("HOOK", "") + release)).values["handlers"]).items
    assert handler.read("excludes").data is excludes


@pytest.mark.parametrize(
    ("spec", "limit"),
    [("", float("inf")), ("terminationGracePeriod: 5m", 300.0), ("terminationGracePeriod: ever", None)],
)
def test_a_pool_may_limit_the_drain(spec: str, limit: float | None) -> None:
    assert group(nodes(POOL.replace("SPEC", spec))).values["drain_limit"].data == limit


def test_eks_auto_mode_hears_of_interruptions_by_itself() -> None:
    reference = "nodeClassRef: {group: eks.amazonaws.com, kind: NodeClass, name: default}"
    spot = "requirements: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]"
    pool = POOL.replace("requirements: []", spot).replace("SPEC", reference)
    release = RELEASE.replace("CHART", "karpenter").replace("VALUES", "replicas: 1")
    assert group(nodes(pool, release)).values["interruptions_handled"].data is True


def memberships(infra: str, manifests: str = APP + BINDING, config: str = LINK) -> list[Membership]:
    tree = MemoryTree({"infra/main.tf": infra, "k8s/app.yaml": manifests})
    return list(understand(tree, load_config(Source("kubelint5xx.yaml", config))).memberships)


def test_with_ip_targets_only_pools_are_looked_at() -> None:
    ip = INFRA.replace('"instance"', '"ip"').replace("ONE", "")
    found = memberships(ip, APP + BINDING + "---" + POOL.replace("SPEC", ""))
    assert [member.group.name for member in found] == ["the NodePool general"]


@pytest.mark.parametrize(
    ("more", "config", "closed"),
    [
        ("", LINK, "assumed"),
        ("", LINK + "complete: node-groups\n", "closed"),
        ('module "nodes" {\n  source = "example.com/nodes/aws"\n}\n', LINK, "open"),
    ],
)
def test_whether_all_node_groups_are_seen_is_said(more: str, config: str, closed: str) -> None:
    held = memberships(INFRA.replace("ONE", "") + more, config=config)[0].target_group.read("node_groups").data
    assert isinstance(held, Members) and len(held.items) == 2
    assert ("open" if held.open else "assumed" if held.assumed else "closed") == closed


@pytest.mark.parametrize(
    ("key", "selected"),
    [("pool", False), ("topology.kubernetes.io/zone", None), ("eks.amazonaws.com/nodegroup", False)],
)
def test_labels_that_nobody_writes_may_be_there(key: str, selected: bool | None) -> None:
    binding = APP + BINDING + f"  nodeSelector: {{matchLabels: {{{key}: a}}}}\n"
    infra = INFRA.replace("ONE", 'launch_template {\n    id = aws_launch_template.one.id\n  }')
    infra += 'resource "aws_launch_template" "one" {\n  user_data = base64encode("/etc/eks/bootstrap.sh c")\n}\n'
    (one,) = (member for member in memberships(infra, binding) if member.group.name.endswith("one"))
    assert one.group.read("selected").data is selected


@pytest.mark.parametrize(
    ("images", "kernel", "confidence"),
    [
        (("AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"), "6.1", Confidence.HIGH),
        (("AL2023_x86_64_STANDARD", "AL2_x86_64"), "4.14", Confidence.HIGH),
        (("AL2023_x86_64_STANDARD", "BOTTLEROCKET_x86_64"), "6.0", Confidence.LOW),
        (("AL2023_x86_64_STANDARD", "CUSTOM"), "6.0", Confidence.LOW),
    ],
)
def test_the_oldest_kernel_counts_and_an_unknown_one_may_be_old(
    images: tuple[str, ...], kernel: str, confidence: Confidence
) -> None:
    groups = "".join(
        f'resource "aws_eks_node_group" "g{n}" {{\n  cluster_name = "c"\n  ami_type = "{image}"\n}}\n'
        for n, image in enumerate(images)
    )
    layer = nodes(infra=f'resource "aws_eks_cluster" "main" {{\n  name = "c"\n}}\n{groups}')
    (cluster,) = layer.clusters
    found = cluster.subject.read("kernel")
    assert (str(found.data), found.confidence) == (kernel, confidence)
