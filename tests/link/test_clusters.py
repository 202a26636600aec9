from __future__ import annotations

import pytest

from kubelint5xx.config import Config, Link
from kubelint5xx.core.node import Scalar
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Subject
from kubelint5xx.link.parts import Layer
from tests.link.infra import group, line, members, nodes
from tests.link.test_autoscaling import launched


def proxy(version: str = "v1.14.9", command: str = "[kube-proxy, --v=2]") -> str:
    return f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: kube-proxy, namespace: kube-system}}
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - name: kube-proxy
          image: 602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:{version}
          command: {command}
"""


def config_map(body: str, name: str = "kube-proxy-config") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    metadata = f"metadata: {{name: {name}, namespace: kube-system}}"
    return f"---\napiVersion: v1\nkind: ConfigMap\n{metadata}\ndata:\n  config: |\n{lines}"


def cluster(layer: Layer) -> Subject:
    (found,) = layer.clusters
    return found.subject


def version(subject: Subject, quantity: str = "kube_proxy_version") -> str:
    return str(subject.read(quantity).data)


def test_the_tag_of_kube_proxys_image_is_its_version():
    found = cluster(nodes(proxy()))
    assert version(found) == "1.14.9"
    assert found.read("kube_proxy_version").confidence is Confidence.HIGH
    assert line(found.read("kube_proxy_version")).endswith("kube-proxy:v1.14.9")
    assert found.read("kube_proxy_replaced").data is False
    assert not found.read("kubernetes_version").known


@pytest.mark.parametrize("image", ["latest", "{{tag}}"])
def test_a_tag_without_a_version_tells_none(image):
    assert not cluster(nodes(proxy(image))).read("kube_proxy_version").known


def test_without_a_setting_kube_proxy_uses_iptables():
    mode = cluster(nodes(proxy())).read("kube_proxy_mode")
    assert (mode.data, mode.confidence) == ("iptables", Confidence.MEDIUM)
    mode = cluster(nodes(proxy(command="[kube-proxy, --config=/var/lib/config]"))).read("kube_proxy_mode")
    assert (mode.data, mode.confidence) == ("iptables", Confidence.LOW)


def test_flags_and_the_configuration_file_set_the_mode():
    assert cluster(nodes(proxy(command="[kube-proxy, --proxy-mode=ipvs]"))).read("kube_proxy_mode").data == "ipvs"
    text = proxy() + config_map("kind: KubeProxyConfiguration\nmode: nftables\n")
    mode = cluster(nodes(text)).read("kube_proxy_mode")
    assert mode.data == "nftables"
    assert line(mode) == "mode: nftables"


def test_a_configuration_file_that_was_read_leaves_the_default_sure():
    text = proxy(command="[kube-proxy, --config=/c]") + config_map("kind: KubeProxyConfiguration\n")
    assert cluster(nodes(text)).read("kube_proxy_mode").confidence is Confidence.MEDIUM


CILIUM = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {kube-proxy-replacement: %s}
"""


@pytest.mark.parametrize(
    ("said", "replaced"), [('"true"', True), ("strict", True), ("partial", False), ('"false"', False)]
)
def test_cilium_can_replace_kube_proxy(said, replaced):
    assert cluster(nodes(proxy() + CILIUM % said)).read("kube_proxy_replaced").data is replaced


# Liberal connection tracking

LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"
OLD = "net.ipv4.netfilter.ip_conntrack_tcp_be_liberal"


def test_no_node_in_sight_sets_it():
    read = cluster(nodes(proxy(), launched('"/etc/eks/bootstrap.sh main"'))).read("liberal_conntrack")
    assert (read.data, read.confidence) == (False, Confidence.MEDIUM)


def test_where_nodes_are_not_seen_its_absence_is_a_guess():
    for infra in ("", launched('templatefile("boot.sh", {})')):
        read = cluster(nodes(proxy(), infra)).read("liberal_conntrack")
        assert (read.data, read.confidence) == (False, Confidence.LOW)


@pytest.mark.parametrize(
    "script",
    [
        f"kubelet; sysctl -w {LIBERAL}=1",
        f"kubelet; sysctl -w '{LIBERAL} = 1'",
        "kubelet; echo 1 > /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal",
        "kubelet; echo 1 | sudo tee /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal",
        f"kubelet; echo {LIBERAL}=1 >> /etc/sysctl.d/99.conf",
    ],
)
def test_user_data_sets_it_for_the_host(script):
    read = cluster(nodes(proxy(), launched(f"<<EOT\n{script}\nEOT"))).read("liberal_conntrack")
    assert (read.data, line(read)) == (True, script)


@pytest.mark.parametrize(
    "script", [f"kubelet; sysctl -w {OLD}=1", f"kubelet; sysctl -w {LIBERAL}=0", f"kubelet\n# sysctl -w {LIBERAL}=1"]
)
def test_the_old_name_another_value_and_a_comment_do_not(script):
    assert cluster(nodes(proxy(), launched(f"<<EOT\n{script}\nEOT"))).read("liberal_conntrack").data is False


def daemon(host_network: str, privileged: str) -> str:
    return f"""---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: tune}}
spec:
  template:
    spec:
      hostNetwork: {host_network}
      initContainers:
        - name: sysctl
          image: busybox
          securityContext: {{privileged: {privileged}}}
          command: [sh, -c, "sysctl -w {LIBERAL}=1"]
"""


def test_a_privileged_daemon_on_the_hosts_network_sets_it():
    assert cluster(nodes(proxy() + daemon("true", "true"))).read("liberal_conntrack").data is True
    for other in (daemon("false", "true"), daemon("true", "false")):
        assert cluster(nodes(proxy() + other)).read("liberal_conntrack").data is False


@pytest.mark.parametrize(("proxy_version", "expected"), [("v1.14.9", False), ("v1.29.1", True), ("latest", None)])
def test_kube_proxys_own_setting_works_from_1_29_on(proxy_version, expected):
    text = proxy(proxy_version) + config_map("kind: KubeProxyConfiguration\nconntrack:\n  tcpBeLiberal: true\n")
    assert cluster(nodes(text)).read("liberal_conntrack").data is expected


def test_a_flag_beside_a_configuration_file_does_not_count():
    flags = "[kube-proxy, --conntrack-tcp-be-liberal%s]"
    assert cluster(nodes(proxy("v1.30.0", flags % ""))).read("liberal_conntrack").data is True
    assert cluster(nodes(proxy("v1.30.0", flags % ", --config=/c"))).read("liberal_conntrack").data is False


# Terraform, eksctl, kops

EKS = 'resource "aws_eks_cluster" "main" {\n  name    = "main"\n  version = "1.14"\n}\n'


def test_a_cluster_in_terraform_has_its_control_planes_version():
    found = cluster(nodes(infra=EKS))
    assert version(found, "kubernetes_version") == "1.14"
    assert found.read("kubernetes_version").confidence is Confidence.HIGH
    assert (version(found), found.read("kube_proxy_version").confidence) == ("1.14", Confidence.LOW)
    assert line(found.read("kube_proxy_version")) == 'version = "1.14"'


def test_the_add_on_has_kube_proxys_version_and_mode():
    addon = """resource "aws_eks_addon" "kube_proxy" {
      cluster_name  = aws_eks_cluster.main.name
      addon_name    = "kube-proxy"
      addon_version = "v1.29.0-eksbuild.1"
      configuration_values = jsonencode({ mode = "ipvs" })
    }"""
    found = cluster(nodes(infra=EKS + addon))
    assert (version(found), found.read("kube_proxy_mode").data) == ("1.29.0-eksbuild.1", "ipvs")
    assert found.read("kube_proxy_version").confidence is Confidence.HIGH


def test_one_cluster_on_each_side_is_taken_for_one():
    found = cluster(nodes(proxy(), EKS))
    assert version(found) == "1.14.9"
    assert found.read("kubernetes_version").confidence is Confidence.LOW


def test_several_clusters_are_not_joined():
    other = EKS.replace('"main"', '"other"')
    assert len(nodes(proxy(), EKS + other).clusters) == 3


EKSCTL = """
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: main, region: eu-west-1, version: "1.30"}
addons:
  - {name: kube-proxy, version: v1.29.3}
nodeGroups:
  - name: bulk-workers
    minSize: 2
    labels: {team: a}
    preBootstrapCommands: ["sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1"]
managedNodeGroups:
  - name: web
    spot: true
    minSize: 2
    labels: {node.kubernetes.io/exclude-from-external-load-balancers: "true"}
"""


def test_eksctl_declares_a_cluster_with_its_groups():
    layer = nodes(EKSCTL)
    found = cluster(layer)
    assert (version(found, "kubernetes_version"), version(found)) == ("1.30", "1.29.3")
    assert found.read("liberal_conntrack").data is True
    own, managed = layer.node_groups
    assert own.cluster == managed.cluster == "main"
    assert [own.values[key].data for key in ("managed", "volatile", "excluded")] == [False, True, False]
    assert [managed.values[key].data for key in ("managed", "volatile", "excluded")] == [True, True, True]
    assert members(own.values["hooks"]).assumed


def test_a_name_joins_eksctls_cluster_to_terraforms():
    assert len(nodes(EKSCTL, EKS + EKS.replace('"main"', '"other"')).clusters) == 2


KOPS = f"""
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {{name: c.example.com}}
spec:
  kubernetesVersion: 1.14.6
  kubeProxy: {{proxyMode: ipvs}}
  sysctlParameters: ["{LIBERAL}=1"]
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {{name: nodes, labels: {{kops.k8s.io/cluster: c.example.com}}}}
spec: {{role: Node, minSize: 0, nodeLabels: {{a: b}}}}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {{name: master}}
spec: {{role: Master, minSize: 1}}
"""


def test_kops_declares_a_cluster_with_its_groups():
    layer = nodes(KOPS)
    found = cluster(layer)
    assert (version(found, "kubernetes_version"), found.read("kube_proxy_mode").data) == ("1.14.6", "ipvs")
    assert found.read("liberal_conntrack").data is True
    assert (group(layer).cluster, group(layer).values["volatile"].data) == ("c.example.com", True)


def pool(requirements: str = "", controller: str = "") -> str:
    return f"""
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {{name: general}}
spec:
  template:
    metadata: {{labels: {{a: b}}}}
    spec:
      requirements: [{requirements}]
{controller}"""


def karpenter(env: str) -> str:
    return f"""---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: karpenter, namespace: kube-system}}
spec:
  template:
    spec:
      containers: [{{name: controller, image: "public.ecr.aws/karpenter/controller:1.0.0", env: [{env}]}}]
"""


ANY_CAPACITY = "{key: karpenter.sh/capacity-type, operator: In, values: [on-demand, spot]}"


def test_a_pool_that_allows_spot_is_volatile():
    assert group(nodes(pool(ANY_CAPACITY))).values["volatile"].data is True
    assert group(nodes(pool(ANY_CAPACITY.replace(", spot", "")))).values["volatile"].data is False
    assert group(nodes(pool())).values["volatile"].data is False


def test_what_karpenters_nodes_boot_with_stands_in_their_class():
    reference = pool().replace("requirements:", "nodeClassRef: {name: default}\n      requirements:")
    assert group(nodes(reference)).labels is None
    node_class = f"""---
apiVersion: karpenter.k8s.aws/v1
kind: EC2NodeClass
metadata: {{name: default}}
spec:
  userData: |
    sysctl -w {LIBERAL}=1
"""
    layer = nodes(reference + node_class + "---" + proxy())
    assert group(layer).labels is not None
    assert line(cluster(layer).read("liberal_conntrack")) == f"sysctl -w {LIBERAL}=1"


@pytest.mark.parametrize(
    ("controller", "handled"),
    [("", None), (karpenter(""), False), (karpenter("{name: INTERRUPTION_QUEUE, value: q}"), True)],
)
def test_karpenter_handles_interruptions_by_its_queue(controller, handled):
    assert group(nodes(pool(ANY_CAPACITY, controller))).values["interruptions_handled"].data is handled


# The AWS Load Balancer Controller, and the configuration

INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {alb.ingress.kubernetes.io/scheme: internal}
"""


def test_what_only_the_aws_controller_reads_shows_that_it_is_there():
    assert cluster(nodes(INGRESS)).read("aws_controller").data is True
    absent = cluster(nodes(proxy())).read("aws_controller")
    assert (absent.data, absent.confidence) == (False, Confidence.LOW)


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        ("metadata: {name: s, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external}}", True),
        ("metadata: {name: s}\nspec: {loadBalancerClass: service.k8s.aws/nlb}", True),
        ("metadata: {name: s, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}}", False),
    ],
)
def test_a_service_that_the_cloud_provider_leaves_alone_shows_it_too(service, shown):
    layer = nodes(f"apiVersion: v1\nkind: Service\n{service}\n---{proxy()}")
    assert cluster(layer).read("aws_controller").data is shown


def given(**values: str) -> Config:
    source = Source("kubelint5xx.yaml", "cluster")
    return Config(cluster={key: Scalar(Span(source, 0, 7), value, value) for key, value in values.items()})


def test_the_configuration_says_what_no_file_does_and_overrules_what_files_say():
    assert version(cluster(nodes(config=given(kube_proxy_version="1.14")))) == "1.14"
    found = cluster(nodes(proxy(), config=given(kubernetes_version="1.27", kube_proxy_mode="ipvs")))
    assert (version(found, "kubernetes_version"), found.read("kube_proxy_mode").data) == ("1.27", "ipvs")
    assert version(found) == "1.14.9"


# Which of what files say is about the same cluster


def test_a_cluster_that_node_groups_name_is_the_manifests_only_by_assumption():
    layer = nodes(proxy(), launched('"kubelet"'))
    (found,) = layer.clusters
    assert found.names == {"main"}
    assert found.assumed_names["main"].assumed
    assert group(layer).cluster == "main"
    assert cluster(layer).read("kube_proxy_version").confidence is Confidence.HIGH


def test_the_configuration_can_say_in_which_cluster_manifests_run():
    place = Span(Source("kubelint5xx.yaml", "links"), 0, 5)
    config = Config(links=(Link({"manifests": "k8s/", "cluster": "main"}, place),))
    infra = EKS + EKS.replace('"main"', '"other"')
    first, second = nodes(proxy(), infra, config).clusters
    assert "main" in first.names and not first.assumed_names and "other" in second.names
    assert first.subject.read("kubernetes_version").confidence is Confidence.HIGH
    assert version(first.subject) == "1.14.9"


def test_a_name_that_files_agree_on_is_no_assumption():
    (found,) = nodes(EKSCTL, EKS).clusters
    assert "main" in found.names and not found.assumed_names
    assert found.subject.read("kubernetes_version").confidence is Confidence.HIGH


def test_the_controllers_traces_make_no_second_cluster():
    layer = nodes(INGRESS, EKS)
    assert cluster(layer).read("aws_controller").data is True
    assert version(cluster(layer), "kubernetes_version") == "1.14"


def test_settings_of_terraform_know_the_cluster_that_their_groups_name():
    script = f'"kubelet; sysctl -w {OLD}=1"'
    layer = nodes("", EKS + launched(script))
    assert layer.settings[0].cluster is cluster(layer)
    other = EKS.replace('"main"', '"other"')
    layer = nodes("", EKS + other + launched(script))
    assert (
        layer.settings[0].cluster is not None and layer.settings[0].cluster.name == "the cluster aws_eks_cluster.main"
    )


def test_nothing_interrupts_the_nodes_of_an_on_demand_pool():
    on_demand = group(nodes(pool(ANY_CAPACITY.replace(", spot", ""))))
    assert on_demand.values["interruptions_handled"].data is True
    assert on_demand.values["provisioner"].data == "karpenter"
