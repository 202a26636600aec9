"""kOps' node termination handler, with what kOps makes around it: a hook for each group, a queue, and event rules.

``spec.nodeTerminationHandler`` (v1alpha2) or ``spec.cloudProvider.aws.nodeTerminationHandler`` says what is wanted.
Newer versions of kOps install it by themselves, and read a queue only; older ones did neither. Which version of kOps
there is, is in no file: one of 1.25 or earlier made what runs a Kubernetes before 1.20. Sources:
pkg/model/components/nodeterminationhandler.go and pkg/model/awsmodel/nodeterminationhandler.go of kubernetes/kops.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Node, child, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Members, Subject, Value, Version
from kubelint5xx.link.attributes import is_set, truth, why_unknown, written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope

GROUP = "kops.k8s.io"
_CITE = "https://github.com/kubernetes/kops/blob/master/pkg/model/awsmodel/nodeterminationhandler.go"
_NO_HOOKS = "no file shows a lifecycle hook"
_BY_ITSELF = "newer versions of kOps install a termination handler with a hook by themselves"
_INSTALLED_BEFORE = Version((1, 20))


def hooks_of_group(group: KubeObject, scope: Scope) -> Members:
    """The lifecycle hooks that kOps gives an instance group."""
    cluster = _cluster_of(group, scope)
    handler = _wanted(cluster)
    if cluster is None or handler is None:
        old = _before(cluster)
        return Members((), "" if old else _BY_ITSELF, _NO_HOOKS if old else "")
    queue = _queue_mode(handler, cluster.span)
    if queue.data is None:
        return Members((), queue.reason)
    if not queue.data:
        return Members((), "", _NO_HOOKS)
    place = handler.span.first_line()
    values = {
        "transition": Value("terminating", Default("kOps", "", _CITE, place)),
        "heartbeat": Value(300.0, Default("kOps", "", _CITE, place)),
        "extended": Value(False, Default("kOps", "", _CITE, place)),
        "told": queue,
    }
    return Members((Subject("hook", f"the lifecycle hook {group.name}-NTHLifecycleHook", group.span, values),))


def kops_handlers(scope: Scope) -> Iterator[Subject]:
    """The termination handlers that the clusters of a scope ask for."""
    for cluster in scope.of("Cluster"):
        handler = _wanted(cluster) if cluster.group == GROUP else None
        if handler is None:
            continue
        place = handler.span.first_line()
        queue = _queue_mode(handler, place)
        excludes = child(handler, "excludeFromLoadBalancers")
        usual = Value(True, Default("kOps", "nodeTerminationHandler.excludeFromLoadBalancers", _CITE, place))
        values = {
            "queue_mode": queue,
            "excludes": _switch(excludes, "excludeFromLoadBalancers") if excludes is not None else usual,
            "spot_events": queue,
        }
        if truth(child(handler, "enabled")) is not False:
            yield Subject("handler", f"the termination handler of {cluster.title}", place, values)


def _wanted(cluster: KubeObject | None) -> Node | None:
    """What is written of the termination handler."""
    if cluster is None:
        return None
    own = cluster.at("spec", "nodeTerminationHandler")
    found = own if own is not None else cluster.at("spec", "cloudProvider", "aws", "nodeTerminationHandler")
    return found if is_set(found) else None


def _queue_mode(handler: Node, place: Span) -> Value:
    enabled, queue = child(handler, "enabled"), child(handler, "enableSQSTerminationDraining")
    if enabled is not None and truth(enabled) is False:
        return written(False, enabled.span, "nodeTerminationHandler.enabled")
    if enabled is not None and truth(enabled) is None:
        return Value.unknown(why_unknown(enabled) or "enabled is not true or false", enabled.span)
    if queue is not None:
        return _switch(queue, "enableSQSTerminationDraining")
    return Value.unknown("whether it reads a queue depends on the version of kOps", place)


def _switch(node: Node, setting: str) -> Value:
    on = truth(node)
    if on is None:
        return Value.unknown(why_unknown(node) or f"{setting} is not true or false", node.span)
    return written(on, node.span, f"nodeTerminationHandler.{setting}")


def _cluster_of(group: KubeObject, scope: Scope) -> KubeObject | None:
    clusters = [one for one in scope.of("Cluster") if one.group == GROUP]
    name = text(group.at("metadata", "labels", "kops.k8s.io/cluster"))
    named = [one for one in clusters if one.name == name]
    return named[0] if named else clusters[0] if len(clusters) == 1 and name is None else None


def _before(cluster: KubeObject | None) -> bool:
    """Whether the cluster is too old for a kOps that installs the handler by itself."""
    version = Version.parse(text(cluster.at("spec", "kubernetesVersion")) or "") if cluster is not None else None
    return version is not None and version.compare(_INSTALLED_BEFORE) == -1
