"""Other ways into a cluster than Ingresses: each kind of route has joins of its own."""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, child, items, text
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, ports_of, service_of

_OF_GATEWAYS = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")


def join_routes(scope: Scope, paths: Paths) -> list[TargetGroup]:
    """Edges to the Services that routes name, and the target groups of Gateways that are AWS load balancers."""
    present = {thing.kind for thing in scope.objects}
    if "Route" in present:
        _join_openshift(scope, paths)
    if "VirtualService" in present:
        from kubelint5xx.link.istio_routes import join_virtual_services

        join_virtual_services(scope, paths)
    if "IngressRoute" in present:
        from kubelint5xx.link.traefik_routes import join_ingress_routes

        join_ingress_routes(scope, paths)
    if "Mapping" in present:
        from kubelint5xx.link.emissary_routes import join_mappings

        join_mappings(scope, paths)
    if "HTTPProxy" in present:
        from kubelint5xx.link.contour_routes import join_http_proxies

        join_http_proxies(scope, paths)
    if any(thing.kind == "Service" and thing.group == "serving.knative.dev" for thing in scope.objects):
        from kubelint5xx.link.knative import join_knative

        join_knative(scope, paths)
    if present.intersection(_OF_GATEWAYS):
        from kubelint5xx.link.gateway_routes import join_gateway_routes, join_gateways

        join_gateway_routes(scope, paths)
        return join_gateways(scope, paths)
    return []


def _join_openshift(scope: Scope, paths: Paths) -> None:
    """OpenShift's Routes: its router, an HAProxy, sends to the endpoints of the Services."""
    routes = [thing for thing in scope.of("Route") if thing.group in ("route.openshift.io", "")]
    if not routes:
        return
    from kubelint5xx.link.proxies import Proxies, endpoint_facts, http_of
    from kubelint5xx.link.proxy_controllers import OPENSHIFT
    from kubelint5xx.link.proxy_settings import settings_of

    proxies = Proxies(OPENSHIFT, scope, paths)
    for route in routes:
        passes = (text(route.at("spec", "tls", "termination")) or "").lower() == "passthrough"
        for target in (route.at("spec", "to"), *items(route.at("spec", "alternateBackends"))):
            name = child(target, "name")
            if name is None or not text(name):
                continue
            service = service_of(scope, route.namespace, text(name) or "")
            wanted = route.at("spec", "port", "targetPort")
            port = _port(service, wanted) if service else f"Service {text(name)} is not among the files"
            if isinstance(port, str):
                paths.note(f"a backend of {route.title}", port, name.span)
                continue
            sender = proxies.sender(route.title, route.span, settings=settings_of(proxies, route, service, scope))
            paths.judge(sender)
            facts = endpoint_facts("OpenShift's router", port.service, None, http_of(port, "the router"), paths.config)
            if passes:
                from kubelint5xx.core.value import Value

                facts["protocol"] = Value.unknown("connections are passed on as they come", route.span)
            paths.connect(sender, port, scope, facts, (Step(sender.name, sender.place), Step(route.title, route.span)))


def _port(service: KubeObject, wanted: Node | None) -> ServicePort | str:
    """A Route names the pods' port, or the Service's port by its name."""
    written = text(wanted)
    for port in ports_of(service) if written is not None else ():
        if written in (text(port.target), text(port.node.get("name"))):
            return port
    return port_of(service, wanted)
