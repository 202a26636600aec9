"""Traefik's IngressRoute: which Services it sends to, through which ServersTransport.

Source: pkg/provider/kubernetes/crd of traefik/traefik.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.value import Default, Value
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxied_ingresses import servers_transport, through_service
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, flag, http_of
from kubelint5xx.link.proxy_controllers import TRAEFIK
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of

GROUPS = ("traefik.io", "traefik.containo.us")
_MAX_SERVICES = 4  # TraefikServices may name each other.


def join_ingress_routes(scope: Scope, paths: Paths) -> None:
    """Edges from Traefik to the Services of every IngressRoute."""
    routes = [thing for thing in scope.of("IngressRoute") if thing.group in GROUPS]
    if not routes:
        return
    proxies = Proxies(TRAEFIK, scope, paths)
    for route in routes:
        for rule in items(route.at("spec", "routes")):
            for service in _services(child(rule, "services"), route.namespace, scope):
                _join(route, service, proxies, scope, paths)


def _services(node: Node | None, namespace: str, scope: Scope, depth: int = 0) -> Iterator[tuple[Mapping, str]]:
    """Each Service that is named, with the namespace of what names it; TraefikServices stand for several."""
    for item in items(node):
        if not isinstance(item, Mapping):
            continue
        kind, name = text(item.get("kind")) or "Service", text(item.get("name")) or ""
        space = text(item.get("namespace")) or namespace
        if kind == "Service":
            yield item, "" if space == "default" else space
            continue
        found = scope.find("TraefikService", "" if space == "default" else space, name)
        if found is not None and depth < _MAX_SERVICES:
            yield from _services(found.at("spec", "weighted", "services"), space, scope, depth + 1)
            main = found.at("spec", "mirroring")
            if isinstance(main, Mapping) and text(main.get("kind")) in (None, "Service"):
                yield main, "" if space == "default" else space


def _join(route: KubeObject, named: tuple[Mapping, str], proxies: Proxies, scope: Scope, paths: Paths) -> None:
    node, namespace = named
    name = node.get("name")
    written = text(name) or ""
    place = name.span if name is not None else node.span
    service = service_of(scope, namespace, written)
    port: ServicePort | str = f"Service {written} is not among the files"
    if service is not None:
        port = port_of(service, node.get("port"))
        paths.refer(to_service(f"the backend {written} of {route.title}", node.get("port"), service))
    if isinstance(port, str):
        paths.note(f"a backend of {route.title}", port, place)
        return
    transport = node.get("serversTransport")
    told = Told({}, ("a ServersTransport",))
    if transport is not None:
        wanted = text(transport) or ""
        told = servers_transport(scope.find("ServersTransport", route.namespace, wanted), transport)
    sender = proxies.sender(route.title, route.span, told)
    paths.judge(sender)
    usual = through_service(TRAEFIK, route, port.service)
    assert usual is not None
    through = flag(node.get("nativeLB"), "nativeLB", usual)
    if (text(node.get("nodePortLB")) or "").lower() == "true":
        entry = node.entry("nodePortLB")
        through = Value.unknown("it sends to the nodes' ports", entry.key.span if entry else node.span)
    scheme = node.get("scheme")
    spoken = http_of(port, "Traefik", scheme, "scheme")
    facts = endpoint_facts("Traefik", port.service, through, spoken, paths.config)
    if scheme is None and text(port.node.get("name")) == "https":
        facts["transport"] = Value("tls", Default("Traefik", "scheme", "", port.service.span))
    steps = (Step(sender.name, sender.place), Step(route.title, route.span))
    paths.connect(sender, port, scope, facts, steps)
