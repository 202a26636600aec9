"""Clusters and their nodes in each form in which they are declared, against the same in Terraform."""

from __future__ import annotations

import pytest

from tests.same_verdict import same_verdict, verdict

APP = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {alb.ingress.kubernetes.io/target-type: instance}
spec:
  ingressClassName: alb
  rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/shop/web:1.2
          command: [gunicorn, -k, gthread, --keep-alive, "75", app:app]
          ports: [{name: http, containerPort: 8080}]
"""
LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"
CLUSTER = """
resource "aws_eks_cluster" "main" {
  name = "main"
  version = "1.29"
}
"""
MANAGED = (
    CLUSTER
    + """
resource "aws_eks_node_group" "web" {
  cluster_name = aws_eks_cluster.main.name
  node_group_name = "web"
  capacity_type = "SPOT"
  labels = { team = "a" }
  scaling_config {
    min_size = 2
    max_size = 4
    desired_size = 2
  }
}
"""
)
OWN = (
    CLUSTER
    + """
resource "aws_launch_template" "web" {
  image_id = "ami-1"
  user_data = base64encode("#!/bin/bash\\n/etc/eks/bootstrap.sh main --kubelet-extra-args '--node-labels=team=a'\\n")
}
resource "aws_autoscaling_group" "web" {
  min_size = 2
  max_size = 4
  launch_template {
    id = aws_launch_template.web.id
  }
  tag {
    key = "kubernetes.io/cluster/main"
    value = "owned"
    propagate_at_launch = true
  }
}
"""
)
MARKET = OWN.replace("image_id", 'instance_market_options {\n    market_type = "spot"\n  }\n  image_id')
HOOK = """
resource "aws_autoscaling_lifecycle_hook" "web" {
  name = "drain"
  autoscaling_group_name = aws_autoscaling_group.web.name
  lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout = 300
}
resource "aws_cloudwatch_event_rule" "web" {
  event_pattern = jsonencode({
    source = ["aws.autoscaling"], "detail-type" = ["EC2 Instance-terminate Lifecycle Action"]
  })
}
"""
RELEASED_HANDLER = """
resource "helm_release" "nth" {
  name = "nth"
  chart = "aws-node-termination-handler"
  set {
    name = "enableSqsTerminationDraining"
    value = "true"
  }
  set {
    name = "excludeFromLoadBalancers"
    value = "true"
  }
}
"""
HANDLER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nth, namespace: kube-system}
spec:
  template:
    metadata: {labels: {app: nth}}
    spec:
      containers:
        - name: nth
          image: public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.22.0
          env:
            - {name: ENABLE_SQS_TERMINATION_DRAINING, value: "true"}
            - {name: EXCLUDE_FROM_LOAD_BALANCERS, value: "true"}
"""
EKSCTL = """
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: main, region: eu-west-1, version: "1.29"}
managedNodeGroups:
  - {name: web, spot: true, minSize: 2, maxSize: 4, labels: {team: a}}
"""
EKSCTL_OWN = EKSCTL.replace("managedNodeGroups", "nodeGroups").replace(", spot: true", "")
BOOTSTRAPPED = EKSCTL_OWN.replace(
    "labels: {team: a}",
    f"""ami: ami-1, overrideBootstrapCommand: "#!/bin/bash\\n/etc/eks/bootstrap.sh main"""
    f''' --kubelet-extra-args '--node-labels={LABEL}=true'"''',
)
KOPS = """
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {name: main}
spec: {kubernetesVersion: 1.29.0, nodeTerminationHandler: {enabled: false}}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: web, labels: {kops.k8s.io/cluster: main}}
spec: {role: Node, minSize: 2, maxSize: 4, nodeLabels: {team: a}}
"""
QUEUE = KOPS.replace("enabled: false", "enabled: true, enableSQSTerminationDraining: true")
PLANE = """
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: AWSManagedControlPlane
metadata: {name: main}
spec: {eksClusterName: main, version: v1.29.0}
---
"""
CAPA = (
    PLANE
    + """
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachinePool
metadata: {name: web}
spec:
  clusterName: main
  replicas: 2
  template: {spec: {clusterName: main, infrastructureRef: {kind: AWSManagedMachinePool, name: web}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSManagedMachinePool
metadata: {name: web}
spec: {capacityType: spot, labels: {team: a}, scaling: {minSize: 2, maxSize: 4}}
"""
)
BOOTSTRAP = """
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: EKSConfig
metadata: {name: web}
spec: {kubeletExtraArgs: {node-labels: "team=a"}}
---
"""
CAPA_OWN = (
    BOOTSTRAP
    + PLANE
    + """
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachinePool
metadata: {name: web}
spec:
  clusterName: main
  replicas: 2
  template:
    spec:
      clusterName: main
      bootstrap: {configRef: {kind: EKSConfig, name: web}}
      infrastructureRef: {kind: AWSMachinePool, name: web}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachinePool
metadata: {name: web}
spec: {minSize: 2, maxSize: 4, awsLaunchTemplate: {ami: {id: ami-1}}}
"""
)
DEPLOYMENT = (
    BOOTSTRAP.replace("EKSConfig", "EKSConfigTemplate").replace(
        'spec: {kubeletExtraArgs: {node-labels: "team=a"}}',
        'spec: {template: {spec: {kubeletExtraArgs: {node-labels: "team=a"}}}}',
    )
    + PLANE
    + """
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata: {name: web}
spec:
  clusterName: main
  replicas: 2
  template:
    spec:
      clusterName: main
      nodeDrainTimeout: 5m
      bootstrap: {configRef: {kind: EKSConfigTemplate, name: web}}
      infrastructureRef: {kind: AWSMachineTemplate, name: web}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: web}
spec: {template: {spec: {instanceType: m5.large}}}
"""
)
GROUPS = {
    "eksctl's managed group": (MANAGED, EKSCTL),
    "eksctl's own group": (OWN, EKSCTL_OWN),
    "eksctl's bootstrap command": (OWN.replace("team=a", f"{LABEL}=true"), BOOTSTRAPPED),
    "eksctl's spot instances": (
        MARKET,
        EKSCTL_OWN.replace(
            "minSize: 2",
            "minSize: 2, instancesDistribution: {onDemandBaseCapacity: 0, onDemandPercentageAboveBaseCapacity: 0}",
        ),
    ),
    "kOps": (OWN, KOPS),
    "kOps' spot instances": (MARKET, KOPS.replace("minSize: 2", 'maxPrice: "0.1", minSize: 2')),
    "kOps' termination handler": (OWN + HOOK + RELEASED_HANDLER, QUEUE),
    "a managed pool of Cluster API": (MANAGED, CAPA),
    "a pool of Cluster API": (OWN, CAPA_OWN),
    "spot instances of Cluster API": (MARKET, CAPA_OWN.replace("{ami:", "{spotMarketOptions: {}, ami:")),
}


def names_of(form: str, hcl: str) -> dict[str, str]:
    own = "the managed node group aws_eks_node_group.web"
    if "aws_eks_node_group" not in hcl:
        own = "the autoscaling group aws_autoscaling_group.web"
    noun = "managed machine pool" if "managed pool" in form else "machine pool"
    for word, said in (("eksctl", "eksctl node group"), ("kOps", "instance group")):
        noun = said if word in form else noun
    return {own: f"the {noun} web", "the cluster aws_eks_cluster.main": "the cluster main"}


@pytest.mark.parametrize("form", GROUPS)
def test_nodes_are_judged_the_same_in_each_form(form: str):
    hcl, said = GROUPS[form]
    trees = {"k8s/app.yaml": APP, "infra/main.tf": hcl}, {"k8s/app.yaml": APP, "infra/cluster.yaml": said}
    same_verdict(*trees, names=names_of(form, hcl))
    assert any("node" in line or "hook" in line for line in verdict(trees[1])[:-1]), "there is nothing to compare"


EXCLUDED = f'"{LABEL}": "true"'
EXCLUSIONS = {
    "eksctl's managed group": (MANAGED.replace("team", f'"{LABEL}"').replace('"a"', '"true"'), EKSCTL),
    "eksctl's own group": (OWN.replace("team=a", f"{LABEL}=true"), EKSCTL_OWN),
    "kOps": (OWN.replace("team=a", f"{LABEL}=true"), KOPS),
    "a managed pool of Cluster API": (MANAGED.replace("team", f'"{LABEL}"').replace('"a"', '"true"'), CAPA),
    "a pool of Cluster API": (OWN.replace("team=a", f"{LABEL}=true"), CAPA_OWN),
}


@pytest.mark.parametrize("form", EXCLUSIONS)
def test_a_label_of_the_nodes_is_read_in_each_form(form: str):
    hcl, said = EXCLUSIONS[form]
    labelled = said.replace("team: a", EXCLUDED).replace("team=a", f"{LABEL}=true")
    trees = {"k8s/app.yaml": APP, "infra/main.tf": hcl}, {"k8s/app.yaml": APP, "infra/cluster.yaml": labelled}
    same_verdict(*trees, names=names_of(form, hcl))
    assert any("all-nodes-excluded" in line for line in verdict(trees[1]))


def test_a_deployment_of_machines_is_drained_by_cluster_api():
    lines = verdict({"k8s/app.yaml": APP, "infra/cluster.yaml": DEPLOYMENT})
    assert not any("node-removed-abruptly" in line for line in lines)
    labelled = DEPLOYMENT.replace("team=a", f"{LABEL}=true")
    assert any(
        "all-nodes-excluded: the MachineDeployment web" in line
        for line in verdict({"k8s/app.yaml": APP, "infra/cluster.yaml": labelled})
    )


def test_spot_instances_of_a_deployment_of_machines_are_not_drained():
    spot = DEPLOYMENT.replace("{instanceType: m5.large}", "{instanceType: m5.large, spotMarketOptions: {}}")
    lines = verdict({"k8s/app.yaml": APP, "infra/cluster.yaml": spot})
    assert any("transient-nodes-in-rotation: the MachineDeployment web" in line for line in lines)


@pytest.mark.parametrize("version, known", [("1.19.0", True), ("1.29.0", False)])
def test_newer_versions_of_kops_install_a_termination_handler_by_themselves(version: str, known: bool):
    silent = KOPS.replace("1.29.0", version).replace(", nodeTerminationHandler: {enabled: false}", "")
    lines = verdict({"k8s/app.yaml": APP, "infra/cluster.yaml": silent})
    assert any("node-removed-abruptly" in line for line in lines) is known


# The proxies of nodes, and their kernels.

OLD_HCL = CLUSTER.replace("1.29", "1.14")
KUBEADM = """
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
clusterName: main
kubernetesVersion: v1.29.0
"""
NFTABLES = """
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
conntrack: {tcpBeLiberal: false}
"""
CONFIGURED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy-config, namespace: kube-system}
data:
  config: |
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: nftables
    conntrack: {tcpBeLiberal: false}
"""
ADDON = """
resource "aws_eks_addon" "kube_proxy" {
  cluster_name = aws_eks_cluster.main.name
  addon_name = "kube-proxy"
  addon_version = "v1.29.0-eksbuild.1"
  configuration_values = jsonencode({ mode = "nftables", conntrack = { tcpBeLiberal = false } })
}
"""
EKSCTL_ADDON = """addons:
  - name: kube-proxy
    version: v1.29.0-eksbuild.1
    configurationValues: '{"mode": "nftables", "conntrack": {"tcpBeLiberal": false}}'
"""
PROXY_SET = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: kube-system}
spec:
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec:
      hostNetwork: true
      containers:
        - {name: kube-proxy, image: "registry.k8s.io/kube-proxy:v1.14.3", command: [kube-proxy, --proxy-mode=iptables]}
"""
OLD_TALOS = """
machine: {type: controlplane}
cluster: {proxy: {image: "registry.k8s.io/kube-proxy:v1.14.3"}}
"""
KOPS_PLANE = KOPS.split("---")[0].replace("1.29.0", "1.14.3")


def found(rule: str, files: dict[str, str]) -> bool:
    return any(rule in line for line in verdict({"k8s/app.yaml": APP, **files}))


def test_the_configuration_of_kube_proxy_is_read_in_each_form():
    rule = "nftables-without-liberal-conntrack"
    names = {
        "the managed node group aws_eks_node_group.web": "the eksctl node group web",
        **names_of("eksctl", MANAGED),
    }
    addon = {"k8s/app.yaml": APP, "infra/main.tf": MANAGED + ADDON}
    same_verdict(addon, {"k8s/app.yaml": APP, "infra/cluster.yaml": EKSCTL + EKSCTL_ADDON}, names=names)
    same_verdict(addon, {"k8s/app.yaml": APP, "infra/main.tf": MANAGED, "k8s/proxy.yaml": CONFIGURED})
    kubeadm = {"k8s/app.yaml": APP, "infra/c.yaml": f"{KUBEADM}---{NFTABLES}"}
    same_verdict(kubeadm, {"k8s/app.yaml": APP, "infra/c.yaml": KUBEADM, "k8s/proxy.yaml": CONFIGURED})
    assert found(rule, addon) and found(rule, kubeadm)


@pytest.mark.parametrize(
    "said",
    [
        {"infra/c.yaml": KUBEADM.replace("1.29", "1.14")},
        {"infra/c.yaml": PLANE.replace("1.29", "1.14")},
        {"infra/c.yaml": PLANE.replace("AWSManaged", "Kubeadm").replace("v1.29", "v1.14")},
        {"infra/c.yaml": KOPS_PLANE},
        {"infra/c.yaml": KUBEADM, "k8s/proxy.yaml": PROXY_SET},
        {"infra/c.yaml": KUBEADM, "talos/controlplane.yaml": OLD_TALOS},
    ],
)
def test_an_old_kube_proxy_is_found_in_each_form(said: dict[str, str]):
    hcl = {"k8s/app.yaml": APP, "infra/main.tf": OLD_HCL}
    assert found("conntrack-resets-connections", hcl)
    same_verdict(hcl, {"k8s/app.yaml": APP, **said}, names={"the cluster aws_eks_cluster.main": "the cluster main"})


LIBERAL_HCL = OWN.replace("1.29", "1.14").replace("#!/bin/bash\\n", f"#!/bin/bash\\nsysctl -w {LIBERAL}=1\\n")
BOTTLEROCKET = OWN.replace("1.29", "1.14").replace(
    """base64encode("#!/bin/bash\\n/etc/eks/bootstrap.sh main --kubelet-extra-args '--node-labels=team=a'\\n")""",
    f"""<<-E
    [settings.kubernetes]
    cluster-name = "main"
    [settings.kubernetes.node-labels]
    team = "a"
    [settings.kernel.sysctl]
    "{LIBERAL}" = "1"
  E""",
)
EKSCTL_SETTINGS = EKSCTL_OWN.replace("1.29", "1.14").replace(
    "minSize: 2",
    f'amiFamily: Bottlerocket, bottlerocket: {{settings: {{kernel: {{sysctl: {{{LIBERAL}: "1"}}}}}}}}, minSize: 2',
)
KOPS_PARAMETERS = KOPS.replace("1.29", "1.14").replace("nodeLabels", f'sysctlParameters: ["{LIBERAL}=1"], nodeLabels')
SYSCTL_SET = f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: sysctl, namespace: kube-system}}
spec:
  template:
    metadata: {{labels: {{app: sysctl}}}}
    spec:
      hostNetwork: true
      initContainers:
        - name: sysctl
          image: busybox
          securityContext: {{privileged: true}}
          command: [sh, -c, "sysctl -w {LIBERAL}=1"]
      containers: [{{name: pause, image: registry.k8s.io/pause}}]
"""
TALOS = f"""
version: v1alpha1
machine:
  type: worker
  sysctls: {{{LIBERAL}: "1"}}
cluster: {{clusterName: main}}
"""


@pytest.mark.parametrize(
    "form, said",
    [
        ("Bottlerocket", {"infra/main.tf": BOTTLEROCKET}),
        ("eksctl", {"infra/c.yaml": EKSCTL_SETTINGS}),
        ("kOps", {"infra/c.yaml": KOPS_PARAMETERS}),
        ("DaemonSet", {"infra/main.tf": OWN.replace("1.29", "1.14"), "k8s/sysctl.yaml": SYSCTL_SET}),
        ("Talos", {"infra/main.tf": OWN.replace("1.29", "1.14"), "talos/worker.yaml": TALOS}),
    ],
)
def test_a_sysctl_of_the_nodes_is_read_in_each_form(form: str, said: dict[str, str]):
    hcl = {"infra/main.tf": LIBERAL_HCL}
    names = names_of(form, LIBERAL_HCL) if form in ("eksctl", "kOps") else {}
    assert found("conntrack-resets-connections", {"infra/main.tf": OWN.replace("1.29", "1.14")})
    assert not found("conntrack-resets-connections", hcl)
    same_verdict({"k8s/app.yaml": APP, **hcl}, {"k8s/app.yaml": APP, **said}, names=names)


# What terminates nodes, and what hears of it.


def test_a_document_with_a_machine_is_talos_only_where_nothing_else_stands_in_it():
    other = TALOS + "services: {}\n"
    files = {"infra/main.tf": OWN.replace("1.29", "1.14"), "talos/worker.yaml": other}
    assert found("conntrack-resets-connections", files)


def test_a_termination_handler_is_read_in_each_form():
    hooked = {"k8s/app.yaml": APP, "infra/main.tf": OWN + HOOK}
    same_verdict({**hooked, "infra/main.tf": OWN + HOOK + RELEASED_HANDLER}, {**hooked, "k8s/handler.yaml": HANDLER})


AUTO_HCL = """
resource "aws_eks_cluster" "main" {
  name = "main"
  version = "1.31"
  compute_config {
    enabled = true
    node_pools = ["general-purpose", "system"]
  }
}
"""
AUTO = """
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: main, region: eu-west-1, version: "1.31"}
autoModeConfig: {enabled: true, nodePools: [general-purpose, system]}
"""


def test_auto_mode_is_read_in_each_form():
    same_verdict({"k8s/app.yaml": APP, "infra/main.tf": AUTO_HCL}, {"k8s/app.yaml": APP, "infra/cluster.yaml": AUTO})
