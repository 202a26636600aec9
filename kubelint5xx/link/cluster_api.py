"""Cluster API's machines on AWS: its pools and deployments of them, and by which names a cluster goes.

A MachinePool or a MachineDeployment names its cluster, what its machines are made of, and how they boot. Cluster API
drains a machine before it deletes it, for as long as ``nodeDrainTimeout`` says, without a limit where it says nothing
or 0; the machines of an AWSMachinePool belong to an autoscaling group, which nobody drains. Sources: exp/api/v1beta2
and docs/book/src/topics/spot-instances.md of kubernetes-sigs/cluster-api-provider-aws, and
docs/book/src/tasks/automated-machine-management/machine_deletions.md of kubernetes-sigs/cluster-api.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, child, entries, items, text
from kubelint5xx.core.value import Default, Derived, Members, Subject, Value, Written
from kubelint5xx.link.attributes import is_set, length_of, truth, written
from kubelint5xx.link.aws_controller import string_map
from kubelint5xx.link.boot_script import read_boot_script
from kubelint5xx.link.kernels import kernel_of
from kubelint5xx.link.kubelet_arguments import given_to_kubelet
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.provisioned_groups import (
    DeclaredGroup,
    read_labels,
    read_taints,
    spot_share,
    together,
    told_of,
)
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.volatility import any_spot, at_least_one

_INFRASTRUCTURE, _CORE = "infrastructure.cluster.x-k8s.io", "cluster.x-k8s.io"
_CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
_DRAINS = "https://cluster-api.sigs.k8s.io/tasks/automated-machine-management/machine_deletions"
_HOOKS = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html"
_TRANSITIONS = {
    "autoscaling:EC2_INSTANCE_TERMINATING": "terminating",
    "autoscaling:EC2_INSTANCE_LAUNCHING": "launching",
}


def machine_group(thing: KubeObject, scope: Scope) -> DeclaredGroup | None:
    """The node group that an object of Cluster API declares; None where it declares none on AWS."""
    match thing.group, thing.kind:
        case "infrastructure.cluster.x-k8s.io", "AWSManagedMachinePool":
            return _managed(thing, scope)
        case "infrastructure.cluster.x-k8s.io", "AWSMachinePool":
            return _pool(thing, scope)
        case "cluster.x-k8s.io", "MachineDeployment":
            reference = thing.at("spec", "template", "spec", "infrastructureRef")
            if text(child(reference, "kind")) == "AWSMachineTemplate":
                return _deployment(thing, reference, scope)
    return None


def cluster_names(plane: KubeObject, scope: Scope) -> frozenset[str]:
    """The names of the cluster of a control plane: in Cluster API, and in EKS."""
    names = {plane.name, text(plane.at("metadata", "labels", _CLUSTER_LABEL)), text(plane.at("spec", "eksClusterName"))}
    for cluster in scope.of("Cluster"):
        reference = cluster.at("spec", "controlPlaneRef")
        meant = text(child(reference, "kind")), text(child(reference, "name"))
        if cluster.group == _CORE and cluster.namespace == plane.namespace and meant == (plane.kind, plane.name):
            names.add(cluster.name)
    return frozenset(name for name in names if name)


def _managed(thing: KubeObject, scope: Scope) -> DeclaredGroup:
    owner = _owner(thing, scope)
    found = _declared(thing, "the managed machine pool", owner, True)
    read_labels(found, thing.at("spec", "labels"), thing)
    read_taints(found, thing.at("spec", "taints"))
    capacity = thing.at("spec", "capacityType")
    if capacity is not None and is_set(capacity):
        said = text(capacity)
        found.spot.append(told_of(said.lower() == "spot" if said else None, capacity, "capacityType"))
    found.signs.append(at_least_one(thing.at("spec", "scaling", "minSize"), "scaling.minSize"))
    found.kernel = kernel_of(thing.at("spec", "amiType"))
    found.hooks = Members(tuple(_hooks(thing)))
    if is_set(thing.at("spec", "awsLaunchTemplate")):
        _boot(found, owner, scope)
    return found


def _pool(thing: KubeObject, scope: Scope) -> DeclaredGroup:
    owner = _owner(thing, scope)
    found = _declared(thing, "the machine pool", owner, False)
    template, mixed = thing.at("spec", "awsLaunchTemplate"), thing.at("spec", "mixedInstancesPolicy")
    found.spot.append(_market(template))
    found.spot.append(spot_share(child(mixed, "instancesDistribution", "onDemandPercentageAboveBaseCapacity")))
    found.signs.append(at_least_one(thing.at("spec", "minSize"), "minSize"))
    rebalance = thing.at("spec", "capacityRebalance")
    if truth(rebalance) is True and rebalance is not None:
        found.signs.append(written(True, rebalance.span, "capacityRebalance"))
    found.hooks = Members(tuple(_hooks(thing)))
    _boot(found, owner, scope)
    return found


def _deployment(thing: KubeObject, reference: Node | None, scope: Scope) -> DeclaredGroup:
    found = _declared(thing, "the MachineDeployment", thing, False)
    found.hooks = Members()
    found.provisioner = "cluster-api"
    template = _named(reference, thing.namespace, scope)
    if template is None:
        found.unknown = "its AWSMachineTemplate is not in the files"
    else:
        found.spot.append(_market(template.at("spec", "template", "spec")))
    found.signs.append(at_least_one(thing.at("spec", "replicas"), "replicas"))
    spot = any_spot(found.spot, found.unknown)
    reason = "" if spot is not None else "whether it has spot instances is not known"
    drained = Default("Cluster API", "", _DRAINS, thing.span)
    # It drains what it removes by itself, and hears nothing of the interruption of spot instances.
    handled = Value(None if spot is None else not spot, drained, reason)
    found.interruptions = Value(
        handled.data, Derived("Cluster API drains the machines that it deletes", (handled,)), reason
    )
    spec = thing.at("spec", "template", "spec")
    limit = child(spec, "nodeDrainTimeout")
    if limit is None:
        limit = child(spec, "deletion", "nodeDrainTimeoutSeconds")
    no_limit = Value(math.inf, Default("Cluster API", "nodeDrainTimeout", _DRAINS, thing.span))
    given = length_of(limit, "nodeDrainTimeout") if limit is not None and is_set(limit) else no_limit
    found.lifetime["drain_limit"] = no_limit if given.data == 0.0 else given
    _boot(found, thing, scope)
    return found


def _declared(thing: KubeObject, noun: str, owner: KubeObject | None, managed: bool) -> DeclaredGroup:
    names = [owner.at("spec", "clusterName")] if owner is not None else []
    names.append(thing.at("metadata", "labels", _CLUSTER_LABEL))
    cluster = next((name for node in names if (name := text(node))), None)
    return DeclaredGroup(thing.name, f"{noun} {thing.name}", thing.span, cluster, managed)


def _owner(thing: KubeObject, scope: Scope) -> KubeObject | None:
    """The MachinePool whose machines these are."""
    for pool in scope.of("MachinePool"):
        reference = pool.at("spec", "template", "spec", "infrastructureRef")
        if pool.group == _CORE and _named(reference, pool.namespace, scope) is thing:
            return pool
    return None


def _named(reference: Node | None, namespace: str, scope: Scope) -> KubeObject | None:
    kind, name = text(child(reference, "kind")) or "", text(child(reference, "name")) or ""
    space = text(child(reference, "namespace"))
    return scope.find(kind, namespace if space is None else "" if space == "default" else space, name)


def _market(template: Node | None) -> Value | None:
    options = child(template, "spotMarketOptions")
    if options is None or not is_set(options):
        return None
    return told_of(True if isinstance(options, Mapping) else None, options, "spotMarketOptions")


def _hooks(thing: KubeObject) -> Iterator[Subject]:
    for hook in items(thing.at("spec", "lifecycleHooks")):
        name, transition = child(hook, "name"), child(hook, "lifecycleTransition")
        place = name.span if name is not None else hook.span.first_line()
        kind = _TRANSITIONS.get(text(transition) or "")
        length = child(hook, "heartbeatTimeout")
        usual = Value(3600.0, Default("AWS Auto Scaling", "heartbeatTimeout", _HOOKS, place))
        values = {
            "transition": Value(kind, Written(transition.span if transition is not None else place), "it is not known"),
            "heartbeat": length_of(length, "heartbeatTimeout") if is_set(length) and length is not None else usual,
            "extended": Value(False, Default("AWS Auto Scaling", "RecordLifecycleActionHeartbeat", _HOOKS, place)),
        }
        notified = child(hook, "notificationTargetARN")
        if notified is not None and is_set(notified):
            values["told"] = Value(True, Written(notified.span, "notificationTargetARN"))
        yield Subject("hook", f"the lifecycle hook {text(name) or 'of ' + thing.name}", place, values)


def _boot(found: DeclaredGroup, owner: KubeObject | None, scope: Scope) -> None:
    """What the bootstrap configuration of machines says of their nodes."""
    if owner is None:
        found.unknown = found.unknown or "the MachinePool that it belongs to is not in the files"
        return
    reference = owner.at("spec", "template", "spec", "bootstrap", "configRef")
    configuration = _named(reference, owner.namespace, scope)
    if configuration is None:
        found.unknown = found.unknown or "its bootstrap configuration is not in the files"
        return
    spec = configuration.at("spec", "template", "spec") or configuration.at("spec")
    places = (
        ("kubeletExtraArgs",),
        ("joinConfiguration", "nodeRegistration", "kubeletExtraArgs"),
        ("kubelet", "flags"),
    )
    for path in places:
        given = given_to_kubelet(child(spec, *path), "node-labels")
        pairs = string_map(given)
        found.labels += entries(pairs)
        if pairs is not None and pairs.open:
            found.unknown = found.unknown or pairs.open
    read_taints(found, child(spec, "joinConfiguration", "nodeRegistration", "taints"))
    commands = [node for key in ("preBootstrapCommands", "preKubeadmCommands") for node in items(child(spec, key))]
    contents = [child(one, "content") for one in items(child(spec, "files"))]
    found.script = together(read_boot_script(node) for node in (*commands, *contents) if node is not None)
