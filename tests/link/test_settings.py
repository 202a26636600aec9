from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.config import Config
from kubelint5xx.core.node import Scalar
from kubelint5xx.core.source import Source, Span
from kubelint5xx.link.node_labels import EXCLUSION_LABEL, LEGACY_EXCLUSION_LABEL, concerns_exclusion
from tests.link.infra import line, nodes, scopes, setting, terraform
from tests.link.test_autoscaling import HANDLER, asg, launched, managed
from tests.link.test_clusters import (
    ANY_CAPACITY,
    EKSCTL,
    KOPS,
    LIBERAL,
    OLD,
    config_map,
    daemon,
    karpenter,
    pool,
    proxy,
)


@pytest.mark.parametrize(
    "key",
    [
        EXCLUSION_LABEL,
        LEGACY_EXCLUSION_LABEL,
        "node.kubernetes.io/exclude-from-external-load-balancer",
        "node.kubernetes.io/exclude-from-external-loadbalancers",
        "kubernetes.io/exclude-from-external-load-balancers",
    ],
)
def test_labels_that_exclude_or_were_meant_to_are_settings(key):
    found = setting(terraform(managed(f'labels = {{ "{key}" = "false", team = "a" }}')))
    assert (found.read("where").data, found.read("key").data, found.read("text").data) == ("node-label", key, "false")
    assert found.place is not None and key in found.place.text


@pytest.mark.parametrize("key", ["team", "node.kubernetes.io/instance-type", "eks.amazonaws.com/nodegroup", ""])
def test_other_labels_are_none(key):
    assert not concerns_exclusion(key)


def test_labels_are_read_wherever_nodes_get_them():
    label = f"{EXCLUSION_LABEL}: 'true'"
    node = f"apiVersion: v1\nkind: Node\nmetadata: {{name: n, labels: {{{label}}}}}\n"
    for manifest in (node, EKSCTL, KOPS.replace("a: b", label), pool().replace("a: b", label)):
        keys = [found.subject.read("key").data for found in nodes(manifest).settings]
        assert keys.count(EXCLUSION_LABEL) == 1


def test_the_old_sysctl_is_found_in_user_data_with_what_is_known_of_the_kernel():
    script = '"kubelet; echo 1 > /proc/sys/net/ipv4/netfilter/ip_conntrack_tcp_be_liberal"'
    found = setting(terraform(launched(script)))
    assert (found.read("where").data, found.read("key").data, found.read("text").data) == ("host-sysctl", OLD, "1")
    assert not found.read("kernel").known
    kernel = Scalar(Span(Source("kubelint5xx.yaml", "5.10"), 0, 4), "5.10", "5.10")
    found = setting(terraform(launched(script), Config(cluster={"kernel": kernel})))
    assert str(found.read("kernel").data) == "5.10"


def test_a_launch_template_that_two_groups_share_is_judged_once():
    text = launched(f'"kubelet; sysctl -w {OLD}=1"')
    both = text + text[: text.index('resource "aws_launch_template"')].replace('"workers"', '"more"')
    layer = terraform(both)
    assert (len(layer.node_groups), len(layer.settings)) == (2, 1)


@pytest.mark.parametrize(
    ("ami", "kernel"), [("AL2_x86_64", "4.14"), ("AL2023_ARM_64_STANDARD", "6.1"), ("CUSTOM", "None")]
)
def test_the_images_of_managed_groups_tell_the_kernel(ami, kernel):
    template = f'resource "aws_launch_template" "t" {{ user_data = "sysctl -w {OLD}=1" }}'
    text = managed(f'ami_type = "{ami}"\n launch_template {{\n id = aws_launch_template.t.id\n }}')
    assert str(setting(terraform(text + template)).read("kernel").data) == kernel


@pytest.mark.parametrize(
    ("image", "kernel"),
    [
        ('data "aws_ami" "eks" {\n filter {\n name = "name"\n values = ["amazon-eks-node-1.14-v*"]\n }\n}', "4.14"),
        ('data "aws_ami" "eks" {\n name_regex = "bottlerocket-aws-k8s-1.29.*"\n}', "5.4"),
        ('data "aws_ami" "eks" {\n name_regex = "golden-.*"\n}', "None"),
    ],
)
def test_the_image_that_terraform_looks_up_tells_the_kernel(image, kernel):
    text = launched(f'"kubelet; sysctl -w {OLD}=1"').replace(
        "user_data =", "image_id = data.aws_ami.eks.id\n user_data ="
    )
    assert str(setting(terraform(text + image)).read("kernel").data) == kernel


POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostNetwork: %s
  securityContext:
    sysctls:
      - {name: net.netfilter.nf_conntrack_tcp_be_liberal, value: "1"}
      - {name: net.core.somaxconn, value: "1024"}
"""


@pytest.mark.parametrize("host_network", [True, False])
def test_sysctls_of_pods_are_settings_of_the_pod(host_network):
    found = setting(nodes(POD % str(host_network).lower()))
    assert (found.read("where").data, found.read("key").data) == ("pod-sysctl", LIBERAL)
    assert found.read("host_network").data is host_network


def test_a_daemons_sysctl_is_one_of_the_host():
    found = setting(nodes(daemon("true", "true")))
    assert (found.read("where").data, found.read("key").data) == ("host-sysctl", LIBERAL)
    assert line(found.read("key")).startswith("command:")


def test_kube_proxys_settings_know_their_cluster():
    layer = nodes(proxy() + config_map("kind: KubeProxyConfiguration\nconntrack:\n  tcpBeLiberal: true\n"))
    (found,) = layer.settings
    assert (found.subject.read("where").data, found.subject.read("key").data) == (
        "kube-proxy-config",
        "conntrack.tcpBeLiberal",
    )
    assert line(found.subject.read("key")) == "tcpBeLiberal: true"
    assert found.cluster is layer.clusters[0].subject


@pytest.mark.parametrize(("flags", "beside"), [("", False), (", --config, /c.yaml", True)])
def test_kube_proxys_flag_knows_whether_a_file_stands_beside_it(flags, beside):
    found = setting(nodes(proxy(command=f"[kube-proxy, --conntrack-tcp-be-liberal=true{flags}]")))
    assert found.read("where").data == "kube-proxy-flag"
    assert found.read("beside_config").data is beside


WRONG = ("[]", "{}", "null", "true", "-1", '"x"', "[{a: 1}]", "[[1]]", "1e400", ".nan", "!x y")
EVERYTHING = "---".join(
    [
        EKSCTL,
        KOPS,
        pool(ANY_CAPACITY, karpenter("{name: INTERRUPTION_QUEUE, value: q}")),
        proxy() + daemon("true", "true") + config_map("mode: ipvs\nconntrack: {tcpBeLiberal: true}\n"),
        POD % "true",
        HANDLER.replace("\n    ", "\n"),
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_values_of_wrong_types_never_raise(data):
    lines = EVERYTHING.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[at].partition(":")
        if colon:
            lines[at] = f"{key}: {data.draw(st.sampled_from(WRONG))}"
    nodes("\n".join(lines), asg())


def test_nothing_is_found_where_nothing_stands():
    layer = nodes("")
    assert (layer.node_groups, layer.clusters, layer.settings) == ((), (), ())
    assert scopes("") == ()
