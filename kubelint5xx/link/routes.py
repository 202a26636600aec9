"""Other ways into a cluster: OpenShift's Routes, the Gateway API, Istio's gateways. Who sends there is not known."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Sequence, child, items, text
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths, unknown_facts
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import Backend, ServicePort, port_of, ports_of, service_of

_KINDS = {
    "Route": ("route.openshift.io", "the OpenShift router"),
    "HTTPRoute": ("gateway.networking.k8s.io", "the gateway"),
    "GRPCRoute": ("gateway.networking.k8s.io", "the gateway"),
    "VirtualService": ("networking.istio.io", "the Istio gateway"),
}


def join_routes(scope: Scope, paths: Paths) -> None:
    """Edges to the Services that such an object names."""
    for route in scope.of(*_KINDS):
        group, what = _KINDS[route.kind]
        if route.group != group:
            continue
        sender = unknown_hop("proxy", f"{what} of {route.title}", route.span)
        for backend in _backends(route):
            service = service_of(scope, route.namespace, backend.service)
            port = _port(route, service, backend) if service else f"Service {backend.service} is not among the files"
            if isinstance(port, str):
                paths.note(f"a backend of {route.title}", port, backend.place)
            else:
                paths.connect(sender, port, scope, unknown_facts(route, paths.config))


def _port(route: KubeObject, service: KubeObject, backend: Backend) -> ServicePort | str:
    if route.kind == "Route" and backend.port is not None:
        # A Route names the pods' port, or the Service's port by its name.
        wanted = text(backend.port)
        for port in ports_of(service):
            if wanted in (text(port.target), text(port.node.get("name"))):
                return port
    return port_of(service, backend.port)


def _backends(route: KubeObject) -> Iterator[Backend]:
    if route.kind == "Route":
        yield from _named(route.at("spec", "to"), "name", route.at("spec", "port", "targetPort"))
    elif route.kind == "VirtualService":
        gateways = [text(item) for item in items(route.at("spec", "gateways"))]
        if not any(gateway and gateway != "mesh" for gateway in gateways):
            return
        for rule in items(route.at("spec", "http")):
            for target in items(child(rule, "route")):
                destination = child(target, "destination")
                yield from _named(destination, "host", child(destination, "port", "number"))
    else:
        for rule in items(route.at("spec", "rules")):
            references = child(rule, "backendRefs")
            for reference in references.items if isinstance(references, Sequence) else ():
                yield from _named(reference, "name", child(reference, "port"))


def _named(node: Node | None, key: str, port: Node | None) -> Iterator[Backend]:
    name = node.get(key) if isinstance(node, Mapping) else None
    if name is not None and (written := text(name)):
        yield Backend(written.partition(".")[0], port, name.span)
