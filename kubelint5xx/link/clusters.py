"""Clusters: their versions, how kube-proxy works in them, and how their hosts track connections."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import dirname

from kubelint5xx.config import Config
from kubelint5xx.core.node import Mapping, items, text
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Default, Derived, Join, Subject, Value, Version
from kubelint5xx.link.attributes import is_set, text_at, truth, value_of, written
from kubelint5xx.link.boot_script import LIBERAL
from kubelint5xx.link.cluster_joins import covers
from kubelint5xx.link.kube_proxy import KubeProxy, addon_configuration, kube_proxy_of
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import Cluster, NodeGroup
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.terraform_root import ADDONS, CLUSTERS, Root
from kubelint5xx.model.knobs import VERSION, knobs_of

_PROXY_CITE = "https://kubernetes.io/docs/reference/networking/virtual-ips/"
_SYSCTL_CITE = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html"
_EKS_CITE = "https://docs.aws.amazon.com/eks/latest/userguide/managing-kube-proxy.html"
_CONTROLLER_CITE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/installation/"
_INSTALLED_ELSEWHERE = ("what else is installed in the cluster",)
_ALB_CLASSES = ("ingress.k8s.aws/alb", "eks.amazonaws.com/alb")
_NLB_CLASSES = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")
# The cloud provider inside Kubernetes leaves Services of these types to the controller.
_NLB_TYPE, _NLB_TYPES = "service.beta.kubernetes.io/aws-load-balancer-type", ("external", "nlb-ip")
_KNOWS_LIBERAL = Version((1, 29))


@record(frozen=False)
class Evidence:
    """All that files say of one cluster, before defaults fill the rest."""

    name: str
    place: Span
    names: frozenset[str]
    scope: str
    kubernetes_version: Value | None = None
    proxy: KubeProxy = field(default_factory=KubeProxy)
    aws_controller: Value | None = None
    assumed_names: dict[str, Join] = field(default_factory=dict)


def terraform_evidence(root: Root) -> list[Evidence]:
    """The clusters that a Terraform root declares."""
    found: list[Evidence] = []
    for resource in root.of(CLUSTERS):
        body = resource.body
        names = {root.unique(resource), *filter(None, [text_at(body, "name")])}
        evidence = Evidence(f"the cluster {resource.address}", resource.span, frozenset(names), root.directory)
        version = body.get("version")
        if version is not None and is_set(version):
            evidence.kubernetes_version = value_of(version, "version", VERSION)
        for addon in root.of(ADDONS):
            owner = root.find(addon.body.get("cluster_name"), CLUSTERS)
            if owner is None or owner.address != resource.address or text_at(addon.body, "addon_name") != "kube-proxy":
                continue
            evidence.proxy = addon_configuration(addon.body.get("configuration_values"))
            evidence.proxy.place = addon.span
            evidence.proxy.replaced = written(False, addon.span, "kube-proxy")
            version = addon.body.get("addon_version")
            if version is not None and is_set(version):
                evidence.proxy.version = value_of(version, "addon_version", VERSION)
        found.append(evidence)
    return found


def terraform_clusters(root: Root) -> list[Cluster]:
    """The clusters of a Terraform root by themselves, before any manifest was looked at."""
    return [finished(evidence, None, (), Config()) for evidence in terraform_evidence(root)]


def manifest_evidence(scope: Scope) -> list[Evidence]:
    """The clusters that the objects of a scope declare, and the one whose kube-proxy is among them."""
    declared = [found for thing in scope.objects if (found := _declared(thing, scope))]
    proxy = kube_proxy_of(scope)
    anything = proxy.place or proxy.mode or proxy.replaced or proxy.liberal
    if anything and len(declared) != 1:
        place = proxy.place or (proxy.liberal[0].place if proxy.liberal else scope.objects[0].span)
        declared.append(_of_scope(scope.name, place, proxy))
    elif anything:
        own = declared[0].proxy
        declared[0].proxy = KubeProxy(
            proxy.place or own.place,
            proxy.version or own.version,
            proxy.mode or own.mode,
            proxy.replaced or own.replaced,
            own.liberal + proxy.liberal,
            proxy.unseen,
        )
    for evidence in declared:
        evidence.aws_controller = aws_controller(scope)
    return declared


def controller_evidence(scope: str, controller: Value | None) -> list[Evidence]:
    """The cluster of a scope of which only its AWS Load Balancer Controller shows."""
    if controller is None or controller.place is None:
        return []
    found = _of_scope(scope, controller.place, KubeProxy())
    found.aws_controller = controller
    return [found]


def named_evidence(groups: Iterable[NodeGroup], known: frozenset[str]) -> list[Evidence]:
    """The clusters that node groups name and nothing in the files declares."""
    found: dict[str, Evidence] = {}
    for group in groups:
        name = group.cluster
        if name and name not in known and name not in found:
            title = f"the cluster {name.rpartition(':')[2]}"
            found[name] = Evidence(title, group.place, frozenset({name}), group.scope)
    return list(found.values())


def _of_scope(scope: str, place: Span, proxy: KubeProxy) -> Evidence:
    # Before a colon stands which other repository it is of.
    return Evidence(f"the cluster of {scope.rpartition(':')[2] or '.'}", place, frozenset(), scope, None, proxy)


def declared_to_be(manifest: Evidence, terraform: Evidence, config: Config) -> int:
    """How surely the configuration says that these manifests run in that cluster: -1 where it does not, more where the
    cluster lies in the directory of the file that says so."""
    for link in config.links_with("manifests", "cluster"):
        if covers(link.ends["manifests"], manifest.place) and link.ends["cluster"] in terraform.names:
            return max(0, link.around(terraform.place.path))
    return -1


def merged(manifest: Evidence, terraform: Evidence, declared: bool = False) -> Evidence:
    """One cluster out of what the manifests and Terraform say of it.

    Where neither a name nor the configuration joins them, because they speak of one cluster each, what Terraform
    says of the version holds for the manifests only as far as that is true.
    """
    version = terraform.kubernetes_version
    assumed: dict[str, Join] = {}
    if not declared and not manifest.names & terraform.names:
        why = f"the manifests of {manifest.scope or '.'} run in {terraform.name}, the only cluster in the files"
        assumed = dict.fromkeys(sorted(terraform.names), Join(why, terraform.place, assumed=True))
        if version is not None and version.known:
            version = Value(version.data, Derived(why, (version, Value(version.data, Assumed(why, version.place)))))
    mine, theirs = manifest.proxy, terraform.proxy
    proxy = KubeProxy(
        mine.place or theirs.place,
        mine.version or theirs.version,
        mine.mode or theirs.mode,
        mine.replaced or theirs.replaced,
        mine.liberal + theirs.liberal,
        mine.unseen if mine.place else theirs.unseen,
    )
    return Evidence(
        terraform.name,
        manifest.place,
        manifest.names | terraform.names,
        manifest.scope,
        manifest.kubernetes_version or version,
        proxy,
        manifest.aws_controller,
        assumed,
    )


def configured_evidence(config: Config) -> list[Evidence]:
    """The clusters that only the configuration describes: one, and another for each directory where it differs."""
    found: dict[int, Evidence] = {}
    for directory, own in (("", config), *config.nested.items()):
        around = config.at(directory).cluster if directory else {}
        node = own.cluster.get("kube_proxy_version") or own.cluster.get("kubernetes_version")
        places = [said.span for name, said in own.cluster.items() if around.get(name) is not said]
        if node is not None and places:
            place = places[0] if directory else node.span
            found[id(place)] = Evidence("the cluster", place, frozenset(), directory)
    return list(found.values())


def finished(evidence: Evidence, liberal: Value | None, unseen: tuple[str, ...], config: Config) -> Cluster:
    """The cluster with every quantity. ``liberal``: a host's sysctl that sets liberal connection tracking;
    ``unseen``: the places that could set it and were not read."""
    place, proxy = evidence.place, evidence.proxy
    values: dict[str, Value] = {}
    if evidence.kubernetes_version is not None:
        values["kubernetes_version"] = evidence.kubernetes_version
    for name, knob in knobs_of("cluster").items():
        node = config.at(place.path).cluster.get(name)
        if node is not None and is_set(node):
            values[name] = value_of(node, name, knob.type)
    kubernetes = values.get("kubernetes_version")
    if proxy.version is not None:
        values.setdefault("kube_proxy_version", proxy.version)
    elif kubernetes is not None and kubernetes.known:
        why = "kube-proxy has the version of the cluster"
        assumed = Value(kubernetes.data, Assumed(why, kubernetes.place))
        values.setdefault("kube_proxy_version", Value(kubernetes.data, Derived(why, (kubernetes, assumed))))
    mode = Value("iptables", Default("kube-proxy", "mode", _PROXY_CITE, proxy.place or place, proxy.unseen))
    values.setdefault("kube_proxy_mode", proxy.mode or mode)
    by_default = Default("a cluster", "kube-proxy", _EKS_CITE, place, ("the cluster's own DaemonSets",))
    values.setdefault("kube_proxy_replaced", proxy.replaced or Value(False, by_default))
    elsewhere = Default("Kubernetes", "the controller of load balancers", _CONTROLLER_CITE, place, _INSTALLED_ELSEWHERE)
    values.setdefault("aws_controller", evidence.aws_controller or Value(False, elsewhere))
    set_by_proxy = _set_by_proxy(proxy, values.get("kube_proxy_version"))
    nobody = Value(False, Default("the kernel", LIBERAL, _SYSCTL_CITE, proxy.place or place, unseen))
    values.setdefault("liberal_conntrack", liberal or set_by_proxy or nobody)
    subject = Subject("cluster", evidence.name, place, values)
    return Cluster(subject, evidence.names, evidence.scope, evidence.assumed_names)


def aws_controller(scope: Scope) -> Value | None:
    """Whether the AWS Load Balancer Controller works in the cluster; None where nothing in the scope shows it."""
    for thing in scope.objects:
        if thing.kind in ("TargetGroupBinding", "IngressClassParams"):
            return written(True, thing.span, thing.kind)
        if thing.kind == "IngressClass" and text(thing.at("spec", "controller")) in _ALB_CLASSES:
            return written(True, thing.span, "controller")
        if thing.kind == "Deployment" and thing.name.endswith("aws-load-balancer-controller"):
            return written(True, thing.span, "aws-load-balancer-controller")
        annotations = thing.at("metadata", "annotations")
        for entry in annotations.entries if isinstance(annotations, Mapping) else ():
            key = str(entry.key.value)
            if key.startswith("alb.ingress.kubernetes.io/") or (key == _NLB_TYPE and text(entry.value) in _NLB_TYPES):
                return written(True, entry.key.span, key)
        if thing.kind == "Service" and text(thing.at("spec", "loadBalancerClass")) in _NLB_CLASSES:
            return written(True, thing.span, "loadBalancerClass")
    return None


def _set_by_proxy(proxy: KubeProxy, version: Value | None) -> Value | None:
    """What kube-proxy's own setting does in the version that runs."""
    for setting in proxy.liberal:
        on = setting.effective
        if on is None:
            return Value.unknown(f"{setting.key} is not known", setting.place)
        if not on:
            continue
        data = version.data if version is not None else None
        order = data.compare(_KNOWS_LIBERAL) if isinstance(data, Version) else None
        if order is None:
            return Value.unknown(f"{setting.key} takes effect from kube-proxy 1.29 on", setting.place)
        if order >= 0:
            return written(True, setting.place, setting.key)
    return None


def _declared(thing: KubeObject, scope: Scope) -> Evidence | None:
    """A cluster that an object of eksctl, kops or kubeadm declares."""
    paths: dict[tuple[str, str], tuple[str, ...]] = {
        ("eksctl.io", "ClusterConfig"): ("metadata", "version"),
        ("kops.k8s.io", "Cluster"): ("spec", "kubernetesVersion"),
        ("kubeadm.k8s.io", "ClusterConfiguration"): ("kubernetesVersion",),
        ("controlplane.cluster.x-k8s.io", "KubeadmControlPlane"): ("spec", "version"),
        ("controlplane.cluster.x-k8s.io", "AWSManagedControlPlane"): ("spec", "version"),
    }
    path = paths.get((thing.group, thing.kind))
    if path is None:
        return None
    name = thing.name or text(thing.at("clusterName")) or ""
    # A tool's file stands for what lies beside and below it: it is no object of the cluster that it declares.
    folder = dirname(thing.path)
    names = frozenset(filter(None, [name]))
    if thing.group == "controlplane.cluster.x-k8s.io":
        from kubelint5xx.link.cluster_api import cluster_names

        names = cluster_names(thing, scope)
        name = text(thing.at("spec", "eksClusterName")) or name
    evidence = Evidence(f"the cluster {name}".rstrip(), thing.span, names, folder)
    version = thing.at(*path)
    if version is not None and is_set(version):
        evidence.kubernetes_version = value_of(version, path[-1], VERSION)
    for addon in items(thing.at("addons")):
        if isinstance(addon, Mapping) and text(addon.get("name")) == "kube-proxy":
            evidence.proxy = addon_configuration(addon.get("configurationValues"))
            said = addon.get("version")
            if said is not None and text(said) != "latest":
                evidence.proxy.version = value_of(said, "version", VERSION)
    enabled = thing.at("spec", "kubeProxy", "enabled")
    if thing.group == "kops.k8s.io" and enabled is not None and truth(enabled) is False:
        evidence.proxy.replaced = written(True, enabled.span, "kubeProxy.enabled")
    mode = thing.at("spec", "kubeProxy", "proxyMode")
    if mode is not None and is_set(mode):
        evidence.proxy.mode = value_of(mode, "proxyMode", "text")
    return evidence
