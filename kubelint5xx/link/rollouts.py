"""How many pods a workload has, and how many of them a rollout may take away at once."""

from __future__ import annotations

import math

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Unresolved, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.value import Default, Derived, Value, Written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload

_DEPLOYMENTS = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"
_SETS = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#rolling-updates"
_AUTOSCALER = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/"
_SCALED_OBJECT = "https://keda.sh/docs/latest/reference/scaledobject-spec/#minreplicacount"
_SCHEDULING = "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/"
_PERCENT = pattern(r"(\d{1,9})%")
_SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout")


def rollout_values(workload: Workload, scope: Scope) -> dict[str, Value]:
    """``replicas``, ``strategy``, ``max_unavailable`` and ``chooses_nodes`` of a workload's pods."""
    replicas = replicas_of(workload, scope)
    strategy = _strategy(workload)
    return {
        "replicas": replicas,
        "strategy": strategy,
        "max_unavailable": _max_unavailable(workload, replicas, strategy),
        "chooses_nodes": _chooses_nodes(workload),
    }


def _chooses_nodes(workload: Workload) -> Value:
    for key in ("nodeSelector", "affinity", "nodeName"):
        node = workload.spec.get(key)
        if key == "affinity" and isinstance(node, Mapping):
            node = child(node, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        if isinstance(node, Unresolved):
            return Value.unknown(node.reason, node.span)
        if node is not None and not (isinstance(node, Mapping) and not node.entries):
            return Value(True, Written(node.span.first_line(), key))
    return Value(False, Default("Kubernetes", "nodeSelector", _SCHEDULING, workload.owner.span, workload.unseen))


def replicas_of(workload: Workload, scope: Scope) -> Value:
    """How many pods serve at least. An autoscaler decides where there is one; what it may scale to zero counts as one,
    since it is there as soon as there is something to serve."""
    owner = workload.owner
    if owner.kind == "Pod":
        return Value(1, Written(owner.span, "Pod"))
    if owner.kind not in _SCALED:
        return Value.unknown(f"how many pods {owner.title} has is not in the files", owner.span)
    for thing in scope.of("HorizontalPodAutoscaler", "ScaledObject"):
        if _scales(thing, owner):
            return _least(thing)
    node = owner.at("spec", "replicas")
    if node is None:
        default = Value(1, Default("Kubernetes", "replicas", _DEPLOYMENTS, owner.span, workload.unseen))
        return _unless_open(owner, default, "spec")
    return count(node, "replicas")


def count(node: Node, setting: str) -> Value:
    """A number of pods."""
    origin = Written(node.span, setting, "", node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ())
    number = node.value if isinstance(node, Scalar) and not isinstance(node.value, bool) else None
    if isinstance(number, int) and number >= 0:
        return Value(number, origin)
    return Value(None, origin, node.reason if isinstance(node, Unresolved) else f"{setting} is not a number of pods")


def share(given: Value, whole: Value, up: bool) -> Value:
    """How many of ``whole`` pods ``given`` means, a number or a percentage, which is rounded ``up`` or down."""
    if not isinstance(given.data, str):
        return given
    part = _PERCENT.fullmatch(given.data)
    if part is None:
        return Value(None, given.origin, f"{given.data} is neither a number of pods nor a percentage")
    how = f"{given.data} of the pods, rounded {'up' if up else 'down'}"
    if not isinstance(whole.data, int):
        return Value(None, Derived(how, (given, whole)), whole.reason)
    exact = whole.data * int(part[1]) / 100
    return Value(math.ceil(exact) if up else math.floor(exact), Derived(how, (given, whole)))


def number_or_percentage(node: Node, setting: str) -> Value:
    """A number of pods, or a percentage as the text that it is."""
    said = text(node)
    if said is not None and _PERCENT.fullmatch(said):
        return Value(said, Written(node.span, setting))
    return count(node, setting)


def _scales(thing: KubeObject, owner: KubeObject) -> bool:
    kind = text(thing.at("spec", "scaleTargetRef", "kind"))
    if kind is None and thing.kind == "ScaledObject":
        kind = "Deployment"
    name = text(thing.at("spec", "scaleTargetRef", "name"))
    return kind == owner.kind and name == owner.name and thing.namespace == owner.namespace


def _least(autoscaler: KubeObject) -> Value:
    setting = "minReplicas" if autoscaler.kind == "HorizontalPodAutoscaler" else "minReplicaCount"
    node = autoscaler.at("spec", setting)
    unseen = (f"overlay {autoscaler.patched_by} was not built",) if autoscaler.patched_by else ()
    if node is None:
        product, cite = ("Kubernetes", _AUTOSCALER) if setting == "minReplicas" else ("KEDA", _SCALED_OBJECT)
        return Value(1, Default(product, setting, cite, autoscaler.span, unseen))
    least = count(node, setting)
    return Value(1, Derived("a pod is started for what is to be served", (least,))) if least.data == 0 else least


def _unless_open(owner: KubeObject, default: Value, *path: str) -> Value:
    """``default`` where every mapping on the way was read whole."""
    for depth in range(1, len(path) + 1):
        node = owner.at(*path[:depth])
        if isinstance(node, Mapping) and node.open:
            return Value.unknown(node.open, owner.span)
    return default


def _strategy(workload: Workload) -> Value:
    owner = workload.owner
    key = {"Deployment": "strategy", "StatefulSet": "updateStrategy", "DaemonSet": "updateStrategy"}.get(owner.kind)
    if key is None:
        if owner.kind in ("Pod", "ReplicaSet", "ReplicationController"):
            return Value("none", Written(owner.span, owner.kind))
        return Value.unknown(f"how {owner.title} is rolled out is not read", owner.span)
    node = owner.at("spec", key, "type")
    if node is None:
        cite = _DEPLOYMENTS if key == "strategy" else _SETS
        rolling = Value("RollingUpdate", Default("Kubernetes", f"{key}.type", cite, owner.span, workload.unseen))
        return _unless_open(owner, rolling, "spec", key)
    known = {"RollingUpdate": "RollingUpdate", "Recreate": "Recreate", "OnDelete": "OnDelete"}.get(text(node) or "")
    reason = node.reason if isinstance(node, Unresolved) else f"{key}.type is none that there is"
    return Value(known, Written(node.span, f"{key}.type"), "" if known else reason)


def _max_unavailable(workload: Workload, replicas: Value, strategy: Value) -> Value:
    owner = workload.owner
    if strategy.data != "RollingUpdate":
        return Value.unknown(strategy.reason or "it is not updated in a rolling way", strategy.place)
    if owner.kind == "StatefulSet":
        node = owner.at("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
        if node is not None:
            return Value.unknown("a feature gate decides whether maxUnavailable of a StatefulSet counts", node.span)
        return Value(1, Default("a StatefulSet", "", _SETS, owner.span))
    if owner.kind != "Deployment":
        return Value.unknown(replicas.reason, owner.span)
    unavailable = share(_given(workload, "maxUnavailable"), replicas, up=False)
    surge = share(_given(workload, "maxSurge"), replicas, up=True)
    if unavailable.data != 0:
        return unavailable
    how = "no pod may be added, so one is taken away first"
    if surge.data != 0:
        return unavailable if surge.known else Value(None, Derived(how, (surge, unavailable)), surge.reason)
    return Value(1, Derived(how, (surge, unavailable)))


def _given(workload: Workload, key: str) -> Value:
    owner = workload.owner
    node = child(owner.root, "spec", "strategy", "rollingUpdate", key)
    setting = f"strategy.rollingUpdate.{key}"
    if node is None:
        cite = f"{_DEPLOYMENTS}#rolling-update-deployment"
        default = Value("25%", Default("Kubernetes", setting, cite, owner.span, workload.unseen))
        return _unless_open(owner, default, "spec", "strategy", "rollingUpdate")
    return number_or_percentage(node, setting)
