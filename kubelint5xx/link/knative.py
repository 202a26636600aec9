"""Knative's Services: pods that Knative's gateway reaches, with a proxy of its own (queue-proxy) in each of them.

Knative writes the pods itself: it adds queue-proxy and a probe, a hook that waits until queue-proxy has drained, and
takes the grace period from ``timeoutSeconds``. Who serves there is known, and nothing of how the pods end. Source:
pkg/reconciler/revision/resources/deploy.go of knative/serving.
"""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import child, items
from kubelint5xx.core.value import Subject, Value
from kubelint5xx.link.objects import labels_of
from kubelint5xx.link.paths import Paths, unknown_facts
from kubelint5xx.link.receivers import Receiver, unknown_hop
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import whole_number

GROUP = "serving.knative.dev"
_VISIBILITY = "networking.knative.dev/visibility"


def join_knative(scope: Scope, paths: Paths) -> None:
    """Edges from Knative's gateway to the queue-proxies of its Services that can be reached from outside."""
    for workload in paths.receivers.workloads(scope):
        service = workload.owner
        if service.kind != "Service" or service.group != GROUP:
            continue
        if labels_of(service.at("metadata", "labels")).get(_VISIBILITY) == "cluster-local":
            continue
        containers = list(workload.containers())
        serving = [one for one in containers if items(one.node.get("ports"))] or containers
        if len(serving) != 1:
            paths.note(service.title, "which of its containers serves is not known", service.span)
            continue
        number = whole_number(child(serving[0].node.get("ports"), 0, "containerPort")) or 8080
        behind = paths.receivers.of_container(serving[0], number, scope)
        reason = "Knative writes the pods itself"
        values = {name: Value.unknown(reason, service.span) for name in behind.pod.values}
        pod = Subject("pod", service.title, service.span, values)
        proxy = unknown_hop("sidecar", f"the queue-proxy of {service.title}", service.span)
        sender = unknown_hop("proxy", f"Knative's gateway for {service.title}", service.span)
        receiver = Receiver(serving[0], proxy, pod, port=number)
        paths.edge(sender, receiver, unknown_facts(service, paths.config), (Step(sender.name, sender.place),), (), None)
