"""Node groups that manifests declare: eksctl's, kops', and Karpenter's pools."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from kubelint5xx.config import Config
from kubelint5xx.core.node import Entry, Node, Scalar, entries, items, text
from kubelint5xx.core.node import Mapping as Body
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Join, Members, Subject, Value, Written
from kubelint5xx.link.attributes import is_set, length_of, truth, whole, why_unknown, written
from kubelint5xx.link.aws_controller import string_map
from kubelint5xx.link.boot_script import BootScript, read_boot_script
from kubelint5xx.link.kernels import kernel_not_known, kernel_of
from kubelint5xx.link.kubelet_arguments import given_to_kubelet
from kubelint5xx.link.node_labels import excluded, label_settings
from kubelint5xx.link.objects import TALOS, KubeObject
from kubelint5xx.link.parts import NodeGroup, TargetGroup
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.sysctls import sysctl_settings, table_setting
from kubelint5xx.link.volatility import any_spot, at_least_one, configured, decide, marked
from kubelint5xx.model.topology import Setting

CAPACITY_TYPE = "karpenter.sh/capacity-type"
_DISRUPTION = "https://karpenter.sh/docs/concepts/disruption/#terminationgraceperiod"
_NO_HOOKS = "no file shows a lifecycle hook"
_PATCHED = "an overlay that was not built may change it"


@record(frozen=False)
class DeclaredGroup:
    """What one group's block says, whatever tool reads it."""

    name: str
    title: str
    place: Span
    cluster: str | None
    managed: bool
    labels: list[Entry] = field(default_factory=list)
    taints: list[tuple[str, Span]] = field(default_factory=list)
    spot: list[Value | None] = field(default_factory=list)
    signs: list[Value | None] = field(default_factory=list)
    script: BootScript = field(default_factory=BootScript)
    sysctls: list[tuple[Node, str]] = field(default_factory=list)
    interruptions: Value | None = None
    hooks: Members = field(default_factory=lambda: Members((), "", _NO_HOOKS))
    target_groups: list[Node] = field(default_factory=list)
    kernel: Value | None = None
    lifetime: dict[str, Value] = field(default_factory=dict)
    unknown: str = ""
    inside: bool = False
    provisioner: str = "autoscaling"

    def group(self, scope: Scope, config: Config, targets: Iterable[TargetGroup]) -> NodeGroup:
        labels: dict[str, Node] = {str(label.key.value): label.value for label in self.script.labels}
        labels |= {str(entry.key.value): entry.value for entry in self.labels}
        keys = {str(label.key.value): label.key.span for label in self.script.labels}
        keys |= {str(entry.key.value): entry.key.span for entry in self.labels}
        unknown = self.unknown or self.script.unknown
        words = [(self.name, self.place), *self.taints]
        words += [(f"{key}={text(value)}", keys[key]) for key, value in labels.items()]
        hooks = Members(self.hooks.items) if "lifecycle-hooks" in config.at(self.place.path).complete else self.hooks
        values = {
            "volatile": configured([self.name], config, self.place)
            or decide([*self.spot, *self.signs, marked(words)], self.place, self.unknown),
            "managed": written(self.managed, self.place),
            "excluded": excluded(labels, unknown, self.place, keys),
            "provisioner": written("karpenter" if self.inside else self.provisioner, self.place),
            "interruptions_handled": self.interruptions or written(self.managed, self.place),
            "hooks": Value(hooks, Written(self.place)),
            "handlers": Value(Members(), Written(self.place)),
            "kernel": self.kernel or kernel_not_known(self.place),
            "tainted": written(bool(self.taints), self.place, "taints"),
            **self.lifetime,
        }
        return NodeGroup(
            self.title,
            self.place,
            values,
            None if unknown else labels,
            unknown,
            self.attached(targets),
            self.cluster,
            scope.name,
            any_spot(self.spot, self.unknown),
            self.inside,
        )

    def attached(self, targets: Iterable[TargetGroup]) -> dict[str, Join]:
        found: dict[str, Join] = {}
        for node in self.target_groups:
            parts = (text(node) or "").split("/")
            for target in targets:
                if target.name and target.name in parts:
                    found[target.address] = Join(f"{self.title} is attached to {target.name}", node.span)
        return found

    def settings(self, config: Config, cluster: Subject | None) -> list[Setting]:
        pairs: list[tuple[Scalar, Node]] = [(entry.key, entry.value) for entry in self.labels]
        pairs += [(label.key, label.value) for label in self.script.labels]
        found = label_settings(pairs, self.title, cluster)
        found += sysctl_settings(self.script.sysctls, self.title, config, self.kernel, cluster)
        for node, about in self.sysctls:
            found += table_setting(node, about, config, cluster)
        return found


def provisioned_groups(
    scope: Scope, config: Config, targets: Iterable[TargetGroup], interruptions: Value | None, cluster: Subject | None
) -> tuple[list[NodeGroup], list[Setting]]:
    """The node groups of a scope's objects and the settings in them. ``interruptions``: whether Karpenter's
    controller has a queue of interruption notices, as far as that is seen."""
    groups: list[NodeGroup] = []
    settings: list[Setting] = []
    known = list(targets)
    for thing in scope.objects:
        for declared in _declared(thing, scope, interruptions):
            groups.append(declared.group(scope, config, known))
            settings += declared.settings(config, cluster)
        if thing.kind == "Cluster" and thing.group == "kops.k8s.io":
            for node in _assignments(thing.at("spec", "sysctlParameters")):
                settings += table_setting(node, thing.title, config, cluster)
        if thing.group == "kubeadm.k8s.io":
            given = given_to_kubelet(thing.at("nodeRegistration", "kubeletExtraArgs"), "node-labels")
            pairs = [(entry.key, entry.value) for entry in entries(string_map(given))]
            settings += label_settings(pairs, thing.title, cluster)
        if thing.kind == TALOS:
            pairs = [(entry.key, entry.value) for entry in entries(thing.at("machine", "nodeLabels"))]
            settings += label_settings(pairs, f"the machines of {thing.path}", cluster)
            settings += table_setting(thing.at("machine", "sysctls"), f"the machines of {thing.path}", config, cluster)
        if thing.kind == "Node":
            labels = [(entry.key, entry.value) for entry in entries(thing.at("metadata", "labels"))]
            settings += label_settings(labels, thing.title, cluster)
    return groups, settings


def _declared(thing: KubeObject, scope: Scope, interruptions: Value | None) -> Iterator[DeclaredGroup]:
    match thing.group, thing.kind:
        case "eksctl.io", "ClusterConfig":
            for key, managed in (("nodeGroups", False), ("managedNodeGroups", True)):
                for block in items(thing.at(key)):
                    if isinstance(block, Body):
                        yield _eksctl(thing, block, managed)
        case "kops.k8s.io", "InstanceGroup":
            if (text(thing.at("spec", "role")) or "Node").lower() == "node":
                from kubelint5xx.link.kops import hooks_of_group

                found = _kops(thing)
                found.hooks = hooks_of_group(thing, scope)
                yield found
        case (("infrastructure.cluster.x-k8s.io" | "cluster.x-k8s.io"), _):
            from kubelint5xx.link.cluster_api import machine_group

            if (machines := machine_group(thing, scope)) is not None:
                yield machines
        case "karpenter.sh", ("NodePool" | "Provisioner"):
            yield _karpenter(thing, scope, interruptions)


def _eksctl(thing: KubeObject, block: Body, managed: bool) -> DeclaredGroup:
    name = block.get("name")
    place = name.span if name is not None else block.span.first_line()
    said = text(name) or "without a name"
    found = DeclaredGroup(said, f"the eksctl node group {said}", place, thing.name or None, managed)
    read_labels(found, block.get("labels"), thing)
    read_taints(found, block.get("taints"))
    spot = block.get("spot")
    if spot is not None and is_set(spot):
        found.spot.append(told_of(truth(spot), spot, "spot"))
    distribution = block.get("instancesDistribution")
    if isinstance(distribution, Body):
        found.spot.append(spot_share(distribution.get("onDemandPercentageAboveBaseCapacity")))
    found.signs.append(at_least_one(block.get("minSize"), "minSize"))
    desired = block.get("desiredCapacity")
    if desired is not None and whole(desired) == 0:
        found.signs.append(written(True, desired.span, "desiredCapacity"))
    scripts = [block.get("overrideBootstrapCommand"), *items(block.get("preBootstrapCommands"))]
    found.script = together(read_boot_script(node) for node in scripts if node is not None)
    bottlerocket = block.get("bottlerocket")
    if isinstance(bottlerocket, Body):
        _bottlerocket(found, bottlerocket.get("settings"))
    found.target_groups = list(items(block.get("targetGroupARNs")))
    if is_set(block.get("launchTemplate")):
        found.unknown = found.unknown or "its launch template is not in the files"
    found.kernel = kernel_of(block.get("amiFamily"))
    return found


def _kops(thing: KubeObject) -> DeclaredGroup:
    spec = thing.at("spec")
    cluster = text(thing.at("metadata", "labels", "kops.k8s.io/cluster"))
    found = DeclaredGroup(thing.name, f"the instance group {thing.name}", thing.span, cluster, False)
    if not isinstance(spec, Body):
        found.unknown = "its spec is not known"
        return found
    read_labels(found, spec.get("nodeLabels"), thing)
    read_taints(found, spec.get("taints"))
    if text(spec.get("manager")) == "Karpenter":
        found.unknown = found.unknown or "Karpenter starts its nodes, in its own way"
    price = spec.get("maxPrice")
    if price is not None and is_set(price):
        found.spot.append(written(True, price.span, "maxPrice"))
    policy = spec.get("mixedInstancesPolicy")
    if isinstance(policy, Body):
        found.spot.append(spot_share(policy.get("onDemandAboveBase")))
    found.signs.append(at_least_one(spec.get("minSize"), "minSize"))
    contents = (item.get("content") for item in items(spec.get("additionalUserData")) if isinstance(item, Body))
    found.script = together(read_boot_script(node) for node in contents if node is not None)
    found.sysctls += [(node, found.title) for node in _assignments(spec.get("sysctlParameters"))]
    for balancer in items(spec.get("externalLoadBalancers")):
        for key in ("targetGroupArn", "targetGroupARN"):
            target = balancer.get(key) if isinstance(balancer, Body) else None
            if target is not None:
                found.target_groups.append(target)
    return found


def _karpenter(thing: KubeObject, scope: Scope, interruptions: Value | None) -> DeclaredGroup:
    place = thing.span
    title = f"the {thing.kind} {thing.name}"
    found = DeclaredGroup(thing.name, title, place, None, False, hooks=Members(), inside=True)
    template = thing.at("spec", "template") if thing.kind == "NodePool" else thing.at("spec")
    spec = template.get("spec") if isinstance(template, Body) and thing.kind == "NodePool" else template
    if not isinstance(spec, Body) or not isinstance(template, Body):
        found.unknown = "its template is not known"
        return found
    metadata = template.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Body) else template.get("labels")
    read_labels(found, labels, thing)
    read_taints(found, spec.get("taints"))
    for requirement in items(spec.get("requirements")):
        if isinstance(requirement, Body) and text(requirement.get("key")) == CAPACITY_TYPE:
            found.spot.append(_capacity(requirement))
    limit = spec.get("terminationGracePeriod")
    no_limit = Value(math.inf, Default("Karpenter", "terminationGracePeriod", _DISRUPTION, place))
    found.lifetime["drain_limit"] = (
        length_of(limit, "terminationGracePeriod") if limit is not None and is_set(limit) else no_limit
    )
    _node_class(found, spec.get("nodeClassRef") or spec.get("providerRef"), scope)
    found.interruptions = interruptions or Value.unknown("Karpenter's controller is not in the files", place)
    reference = spec.get("nodeClassRef")
    if isinstance(reference, Body) and text(reference.get("group")) == "eks.amazonaws.com":
        found.interruptions = written(True, place, "EKS Auto Mode")
    elif any_spot(found.spot, found.unknown) is False:
        # Karpenter drains what it removes by itself, and EC2 takes back spot instances only.
        how = "its nodes are on-demand instances, which nothing interrupts"
        found.interruptions = Value(True, Derived(how, (written(False, place, CAPACITY_TYPE),)))
    return found


def _node_class(found: DeclaredGroup, reference: Node | None, scope: Scope) -> None:
    """What the class of a pool's nodes gives them to boot with."""
    if not isinstance(reference, Body):
        return
    name = text(reference.get("name")) or ""
    kind = text(reference.get("kind")) or "EC2NodeClass"
    node_class = scope.find(kind, "", name)
    if node_class is not None:
        found.script = read_boot_script(node_class.at("spec", "userData"))
        terms = items(node_class.at("spec", "amiSelectorTerms"))
        aliases = [alias for term in terms if isinstance(term, Body) and (alias := term.get("alias")) is not None]
        found.kernel = kernel_of(aliases[0] if len(aliases) == 1 else node_class.at("spec", "amiFamily"))
    elif kind != "NodeClass":  # EKS Auto Mode's, which takes no user data
        found.unknown = found.unknown or f"its {kind} {name} is not in the files"


def _capacity(requirement: Body) -> Value | None:
    negated = text(requirement.get("operator")) == "NotIn"
    for item in items(requirement.get("values")):
        if text(item) == "spot":
            return written(not negated, item.span, CAPACITY_TYPE)
        if text(item) is None:
            return Value.unknown(why_unknown(item) or "it is not a text", item.span)
    return written(True, requirement.span.first_line(), CAPACITY_TYPE) if negated else None


def read_labels(found: DeclaredGroup, node: Node | None, thing: KubeObject) -> None:
    """Takes the labels of a map over into the group."""
    if isinstance(node, Body):
        found.labels = list({entry.key.value: entry for entry in node.entries}.values())
        found.unknown = node.open
    elif node is not None and is_set(node):
        found.unknown = why_unknown(node) or "its labels are not a map"
    if thing.patched_by and not found.unknown:
        found.unknown = f"{_PATCHED} ({thing.patched_by})"


def read_taints(found: DeclaredGroup, node: Node | None) -> None:
    """Takes the taints of a list or a map over into the group."""
    for taint in items(node):
        if isinstance(taint, Body):
            key = taint.get("key")
            if key is not None:
                found.taints.append((f"{text(key)}={text(taint.get('value'))}", key.span))
        else:
            found.taints.append((text(taint) or "", taint.span))
    found.taints += [(f"{entry.key.value}={text(entry.value)}", entry.key.span) for entry in entries(node)]


def spot_share(node: Node | None) -> Value | None:
    """Whether a share of on-demand instances leaves some to spot instances; None where none is given."""
    if node is None or not is_set(node):
        return None
    percent = whole(node)
    return told_of(None if percent is None else percent < 100, node, "the share of on-demand instances")


def told_of(answer: bool | None, node: Node, setting: str) -> Value:
    """What a field answers, unknown where it is not readable."""
    if answer is None:
        return Value.unknown(why_unknown(node) or f"{setting} is not readable", node.span)
    return written(answer, node.span, setting)


def together(scripts: Iterable[BootScript]) -> BootScript:
    """What several scripts say that run one after the other."""
    found = list(scripts)
    return BootScript(
        tuple(label for script in found for label in script.labels),
        tuple(sysctl for script in found for sysctl in script.sysctls),
        True,
        next((script.unknown for script in found if script.unknown), ""),
    )


def _bottlerocket(found: DeclaredGroup, settings: Node | None) -> None:
    kernel = settings.get("kernel") if isinstance(settings, Body) else None
    sysctl = kernel.get("sysctl") if isinstance(kernel, Body) else None
    if sysctl is not None:
        found.sysctls.append((sysctl, found.title))


def _assignments(node: Node | None) -> Iterator[Node]:
    """``key=value`` texts as mappings."""
    for item in items(node):
        key, equals, value = (text(item) or "").partition("=")
        if equals:
            span = item.span
            key_node = Scalar(span, key.strip(), key.strip())
            yield Body(span, (Entry(key_node, Scalar(span, value.strip(), value.strip())),))
