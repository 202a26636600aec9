"""Readiness gates of target groups: a new pod counts as ready only when its target is healthy.

The AWS Load Balancer Controller injects them into the pods of namespaces that ask for it by a label
(docs/deploy/pod_readiness_gate.md of kubernetes-sigs/aws-load-balancer-controller); EKS Auto Mode has a label of its
own.
"""

from __future__ import annotations

from kubelint5xx.core.node import Mapping, Unresolved, entries, items, text
from kubelint5xx.core.value import Default, Value, Written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload

_NAME = "pod-readiness-gate-inject"
LABEL, AUTO_MODE_LABEL = f"elbv2.k8s.aws/{_NAME}", f"eks.amazonaws.com/{_NAME}"
_GATE = "target-health.elbv2.k8s.aws/"
_CITE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/"


def readiness_gate(service: KubeObject, scope: Scope, auto_mode: bool) -> Value:
    """Whether the Service's namespace asks for gates: ``injected``, ``absent``, or ``ineffective`` where it asks in a
    form that nothing reads."""
    space = _namespace(service, scope)
    if space is None:
        what = f"the Namespace {service.namespace}" if service.namespace else f"the Namespace of {service.title}"
        return Value.unknown(f"{what} is not among the files", service.span)
    wanted = AUTO_MODE_LABEL if auto_mode else LABEL
    labels, annotations = space.at("metadata", "labels"), space.at("metadata", "annotations")
    own = labels.get(wanted) if isinstance(labels, Mapping) else None
    if own is not None and text(own) == "enabled":
        return Value("injected", Written(own.span, wanted))
    if isinstance(labels, Unresolved) or isinstance(own, Unresolved) or (isinstance(labels, Mapping) and labels.open):
        return Value.unknown("the labels of its namespace are not known", space.span)
    if not auto_mode and isinstance(labels, Mapping) and text(labels.get(AUTO_MODE_LABEL)) == "enabled":
        return Value.unknown("whether EKS Auto Mode makes the target group is not known", space.span)
    for key in (entry.key for node in (labels, annotations) for entry in entries(node)):
        if str(key.value).rpartition("/")[2] == _NAME:
            return Value("ineffective", Written(own.span if own is not None else key.span, wanted))
    unseen = (f"overlay {space.patched_by} was not built",) if space.patched_by else ()
    metadata = space.at("metadata")
    entry = metadata.entry("labels") if isinstance(metadata, Mapping) else None
    place = entry.key.span if entry is not None else space.span
    return Value("absent", Default("the controller", wanted, _CITE, place, unseen))


def own_gate(workload: Workload) -> Value:
    """Whether the pods name a target group's gate themselves, as few do."""
    for item in items(workload.spec.get("readinessGates")):
        kind = item.get("conditionType") if isinstance(item, Mapping) else item
        if kind is not None and (text(kind) or "").startswith(_GATE):
            return Value(True, Written(kind.span, "readinessGates"))
    gates = workload.spec.get("readinessGates")
    if isinstance(gates, Unresolved):
        return Value.unknown(gates.reason, gates.span)
    return Value(False, Default("Kubernetes", "readinessGates", _CITE, workload.owner.span, workload.unseen))


def _namespace(service: KubeObject, scope: Scope) -> KubeObject | None:
    for space in scope.of("Namespace"):
        if not space.group and ("" if space.name == "default" else space.name) == service.namespace:
            return space
    return None
