"""Contour's HTTPProxy: which Services it sends to, and what its timeout policy says.

Source: site/content/docs/main/config/request-routing.md and apis/projectcontour/v1 of projectcontour/contour: a time
of 0 counts as none, ``infinity`` as no limit; Envoy's own 15 s and 1 h hold where nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.value import Value, Written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths, unknown_facts
from kubelint5xx.link.proxied_ingresses import protocol
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, http_of, length
from kubelint5xx.link.proxy_controllers import CONTOUR
from kubelint5xx.link.proxy_settings import settings_of
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of

_TIMES = {"response_timeout": "response", "idle_timeout": "idleConnection"}
# What makes Envoy send a request again after a reset.
RESETS = frozenset({"5xx", "gateway-error", "reset", "retriable-5xx"})


def join_http_proxies(scope: Scope, paths: Paths) -> None:
    """Edges from Contour's Envoys to the Services of every HTTPProxy."""
    routes = [thing for thing in scope.of("HTTPProxy") if thing.group == "projectcontour.io"]
    if not routes:
        return
    proxies = Proxies(CONTOUR, scope, paths)
    including = _including(routes)
    for route in routes:
        ways = including.get(route, ())
        for rule in items(route.at("spec", "routes")):
            told = _told(rule)
            for service in items(child(rule, "services")):
                mirrored = text(child(service, "mirror")) or ""
                if isinstance(service, Mapping) and mirrored.lower() != "true":
                    _join(route, service, told, proxies, scope, paths, ways)
        for service in items(route.at("spec", "tcpproxy", "services")):
            if isinstance(service, Mapping):
                _pass_on(route, service, scope, paths)


def _including(routes: Sequence[KubeObject]) -> dict[KubeObject, tuple[KubeObject, ...]]:
    """Of each HTTPProxy that another includes, wherever it is, those that requests pass before it, the root first.

    Nothing of what the including one says counts for the routes of the included but the conditions, which only choose.
    """
    found: dict[KubeObject, tuple[KubeObject, ...]] = {}
    waiting = [route for route in routes if route.at("spec", "virtualhost") is not None]
    while waiting:
        parent = waiting.pop(0)
        for include in items(parent.at("spec", "includes")):
            space, name = text(child(include, "namespace")) or parent.namespace, text(child(include, "name"))
            namespace = "" if space == "default" else space
            for route in routes:
                if (route.name, route.namespace) == (name, namespace) and route not in found:
                    found[route] = (*found.get(parent, ()), parent)
                    waiting.append(route)
    return found


def _pass_on(route: KubeObject, node: Mapping, scope: Scope, paths: Paths) -> None:
    """An edge over which connections are passed on as they come."""
    port = _port(route, node, scope, paths)
    if port is not None:
        sender = unknown_hop("proxy", f"Contour ({route.title})", route.span)
        steps = (Step(sender.name, sender.place), Step(route.title, route.span))
        paths.connect(sender, port, scope, unknown_facts(route, paths.config), steps)


def _told(rule: Node) -> Told:
    values: dict[str, Value] = {}
    for quantity, key in _TIMES.items():
        node = child(rule, "timeoutPolicy", key)
        value = length(node, f"timeoutPolicy.{key}", zero="fallback") if node is not None else None
        if value is not None:
            values[quantity] = value
    quiet = child(rule, "timeoutPolicy", "idle")
    longest = length(quiet, "timeoutPolicy.idle", zero="fallback") if quiet is not None else None
    said = values.get("response_timeout")
    lengths = [one.data for one in (longest, said) if one is not None and isinstance(one.data, float)]
    if longest is not None and len(lengths) == 2 and lengths[0] < lengths[1]:
        # A response of which nothing comes ends by the shorter of the two.
        values["response_timeout"] = longest
    retry = child(rule, "retryPolicy")
    if isinstance(retry, Mapping):
        causes = {text(item) for item in items(retry.get("retryOn"))} or {"5xx"}
        again = text(retry.get("count")) != "-1" and bool(causes & RESETS)
        values["resends"] = Value(again, Written(retry.span.first_line(), "retryPolicy"))
    return Told(values, ("an HTTPProxy", "the annotations of an Ingress"))


def _port(route: KubeObject, node: Mapping, scope: Scope, paths: Paths) -> ServicePort | None:
    name = node.get("name")
    written = text(name) or ""
    service = service_of(scope, route.namespace, written)
    port: ServicePort | str = f"Service {written} is not among the files"
    if service is not None:
        port = port_of(service, node.get("port"))
        paths.refer(to_service(f"the backend {written} of {route.title}", node.get("port"), service))
    if isinstance(port, str):
        paths.note(f"a backend of {route.title}", port, name.span if name is not None else node.span)
        return None
    return port


def _join(
    route: KubeObject,
    node: Mapping,
    told: Told,
    proxies: Proxies,
    scope: Scope,
    paths: Paths,
    ways: tuple[KubeObject, ...],
) -> None:
    port = _port(route, node, scope, paths)
    if port is None:
        return
    sender = proxies.sender(route.title, route.span, told, settings=settings_of(proxies, route, port.service, scope))
    paths.judge(sender)
    said = node.get("protocol")
    spoken = http_of(port, "Contour", said, "protocol") if said is not None else protocol(CONTOUR, route, port)
    facts = endpoint_facts("Contour", port.service, None, spoken, paths.config)
    steps = (Step(sender.name, sender.place), *(Step(one.title, one.span) for one in (*ways, route)))
    paths.connect(sender, port, scope, facts, steps)
