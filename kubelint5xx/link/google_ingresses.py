"""Ingresses of GKE: which BackendConfig a Service's port has, and whether its targets are nodes or pods.

Source: pkg/annotations/ingress.go and service.go of kubernetes/ingress-gce. A Service's annotations are objects in
JSON: ``cloud.google.com/neg`` says whether pods are targets (newer clusters decide so by themselves, too),
``cloud.google.com/backend-config`` names a BackendConfig for a port or for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelint5xx.core.node import entries, text
from kubelint5xx.core.value import Value, Written
from kubelint5xx.link.attributes import truth
from kubelint5xx.link.google_balancers import Backend, GoogleBalancer, named_in
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort

NEG = "cloud.google.com/neg"
_CONFIGURATIONS = ("cloud.google.com/backend-config", "beta.cloud.google.com/backend-config")


def join_google_ingresses(
    ingresses: Sequence[tuple[KubeObject, Iterable[ServicePort]]], scope: Scope, paths: Paths
) -> list[TargetGroup]:
    """The target groups, with their edges, of the load balancers that GKE makes of Ingresses."""
    found: list[TargetGroup] = []
    for ingress, ports in ingresses:
        balancer = GoogleBalancer(ingress, scope, paths)
        seen: set[int] = set()
        for port in ports:
            if id(port.node) not in seen:
                seen.add(id(port.node))
                found.append(balancer.join(ingress, port, _target_type(port.service), _backend(port, scope)))
    return found


def _target_type(service: KubeObject) -> Value:
    given = service.annotation(NEG)
    said = named_in(given, "ingress")
    if given is None:
        return Value.unknown("whether the cluster makes network endpoint groups by itself is not known", service.span)
    on = truth(said) if said is not None else None
    if on is None:
        return Value.unknown(f"{NEG} does not say whether Ingresses use the pods", given.span)
    return Value("ip" if on else "instance", Written(given.span, NEG))


def _backend(port: ServicePort, scope: Scope) -> Backend:
    service = port.service
    for setting in _CONFIGURATIONS:
        given = service.annotation(setting)
        if given is None:
            continue
        ports = named_in(given, "ports")
        names = (text(port.node.get("name")), str(port.number))
        own = next((entry.value for key in names for entry in entries(ports) if entry.key.value == key), None)
        name = own if own is not None else named_in(given, "default")
        if name is None:
            return Backend(missing="" if ports is not None else f"{setting} names none")
        found = scope.find("BackendConfig", service.namespace, text(name) or "")
        if found is None:
            return Backend(missing=f"BackendConfig {text(name)} is not among the files")
        return Backend(found, found.at("spec"))
    if service.patched_by:
        return Backend(missing=f"overlay {service.patched_by} was not built")
    return Backend()
