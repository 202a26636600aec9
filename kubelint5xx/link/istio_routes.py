"""Istio's gateways: what a VirtualService and a DestinationRule say of the way from the gateway to the pods.

Sources: networking/v1alpha3 of istio/api (a VirtualService's ``timeout`` is off where none is written, a
DestinationRule's ``idleTimeout`` is 1 h), and Istio's page on protocol selection: a gateway speaks HTTP/1.1 unless the
Service's port says http2 or grpc.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Join, Value, Written
from kubelint5xx.link.contour_routes import RESETS
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, length
from kubelint5xx.link.proxy_controllers import ISTIO
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of
from kubelint5xx.link.workloads import Container, whole_number

GROUP = "networking.istio.io"
_SELECTION = "https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/"
_POOL = ("connectionPool", "http", "idleTimeout")


@record
class _Destination:
    """A Service that a VirtualService sends to, by its host as written."""

    host: str
    namespace: str
    name: str
    port: Node | None
    subset: str
    place: Span


def join_virtual_services(scope: Scope, paths: Paths) -> None:
    """Edges from Istio's gateways to the Services of VirtualServices that are bound to a gateway."""
    routes = [thing for thing in scope.of("VirtualService") if thing.group == GROUP and _gateways(thing)]
    if not routes:
        return
    proxies = Proxies(ISTIO, scope, paths)
    for route in routes:
        container = _container(route, proxies, scope)
        for rule in items(route.at("spec", "http")):
            for target in items(child(rule, "route")):
                found = _destination(child(target, "destination"), route)
                if found is not None:
                    _join(route, rule, found, proxies, container, scope, paths)


def _gateways(route: KubeObject) -> list[str]:
    """The gateways that it is bound to; the sidecars of a mesh alone are no way in."""
    return [name for item in items(route.at("spec", "gateways")) if (name := text(item)) and name != "mesh"]


def _container(route: KubeObject, proxies: Proxies, scope: Scope) -> Container | None:
    """The gateway's own proxy, where the Gateway's selector finds it among the files."""
    found: dict[int, Container] = {}
    for written in _gateways(route):
        space, slash, name = written.rpartition("/")
        namespace = ("" if space == "default" else space) if slash else route.namespace
        gateway = next(
            (
                one
                for one in scope.of("Gateway")
                if one.group == GROUP and (one.namespace, one.name) == (namespace, name)
            ),
            None,
        )
        wanted = labels_of(gateway.at("spec", "selector")) if gateway is not None else {}
        for one in proxies.containers:
            if wanted and wanted.items() <= one.workload.labels.items():
                found[id(one.node)] = one
    return next(iter(found.values())) if len(found) == 1 else None


def _destination(node: Node | None, route: KubeObject) -> _Destination | None:
    host = node.get("host") if isinstance(node, Mapping) else None
    written = text(host)
    if host is None or not written:
        return None
    name, _, rest = written.partition(".")
    space = rest.partition(".")[0] if rest else route.namespace
    port, subset = child(node, "port", "number"), text(child(node, "subset")) or ""
    return _Destination(written, "" if space == "default" else space, name, port, subset, host.span)


def _join(
    route: KubeObject,
    rule: Node,
    to: _Destination,
    proxies: Proxies,
    container: Container | None,
    scope: Scope,
    paths: Paths,
) -> None:
    service = service_of(scope, to.namespace, to.name)
    port = port_of(service, to.port) if service else f"Service {to.name} is not among the files"
    if isinstance(port, str):
        paths.note(f"a backend of {route.title}", port, to.place)
        return
    told = _of_rule(rule)
    pool = _of_destination_rule(to, port, scope)
    merged = Told({**told.values, **pool.values}, (*told.seen, *pool.seen))
    sender = proxies.sender(route.title, route.span, merged, container)
    facts = endpoint_facts("Istio's gateway", port.service, None, spoken(port), paths.config)
    steps = (Step(sender.name, sender.place), Step(route.title, route.span))
    paths.connect(sender, port, scope, facts, steps, without_sidecar(port.service, scope))


def without_sidecar(service: KubeObject, scope: Scope) -> tuple[Join, ...]:
    """That the pods have no sidecar, as far as their Namespace does not show it: where Istio is, there often is one."""
    for space in scope.of("Namespace"):
        if ("" if space.name == "default" else space.name) == service.namespace:
            labels = labels_of(space.at("metadata", "labels"))
            if not any(key.startswith("istio.io/") for key in labels):
                return ()
    said = f"the pods of {service.title} have no sidecar, which their Namespace would tell"
    return (Join(said, service.span, assumed=True),)


def _of_rule(rule: Node) -> Told:
    values: dict[str, Value] = {}
    node = child(rule, "timeout")
    value = length(node, "timeout", zero="unlimited") if node is not None else None
    if value is not None:
        values["response_timeout"] = value
    retries = child(rule, "retries")
    if isinstance(retries, Mapping):
        place = retries.span.first_line()
        causes = {part.strip() for part in (text(retries.get("retryOn")) or "").split(",") if part.strip()}
        if text(retries.get("attempts")) == "0":
            values["resends"] = Value(False, Written(place, "retries.attempts"))
        elif causes:
            values["resends"] = Value(bool(causes & RESETS), Written(place, "retries.retryOn"))
    return Told(values, ("a VirtualService",))


def _of_destination_rule(to: _Destination, port: ServicePort, scope: Scope) -> Told:
    """What the DestinationRule of the host says; without one here, there may be one elsewhere."""
    rules = list(_rules_of(to, scope))
    if len(rules) != 1:
        return Told({})
    policies: list[Node | None] = []
    for subset in items(rules[0].at("spec", "subsets")):
        if to.subset and text(child(subset, "name")) == to.subset:
            policies.append(child(subset, "trafficPolicy"))
    policies.append(rules[0].at("spec", "trafficPolicy"))
    for policy in policies:
        for own in items(child(policy, "portLevelSettings")):
            if whole_number(child(own, "port", "number")) == port.number:
                policies.insert(policies.index(policy), own)
                break
        else:
            continue
        break
    values: dict[str, Value] = {}
    for policy in policies:
        node = child(policy, *_POOL)
        value = length(node, ".".join(_POOL), zero="unlimited") if node is not None else None
        if value is not None:
            values["idle_timeout"] = value
            break
    for policy in policies:
        most = child(policy, "connectionPool", "http", "maxRequestsPerConnection")
        if text(most) == "1" and most is not None:
            values["keepalive"] = Value(False, Written(most.span, "maxRequestsPerConnection"))
    return Told(values, ("a DestinationRule",))


def _rules_of(to: _Destination, scope: Scope) -> Iterator[KubeObject]:
    for rule in scope.of("DestinationRule"):
        host = text(rule.at("spec", "host")) or ""
        name, _, rest = host.partition(".")
        space = rest.partition(".")[0] if rest else rule.namespace
        space = "" if space == "default" else space
        if rule.group == GROUP and name == to.name and space == to.namespace:
            yield rule


def spoken(port: ServicePort) -> Value:
    """What a gateway speaks to a Service's port."""
    for key in ("appProtocol", "name"):
        node = port.node.get(key)
        first = (text(node) or "").lower().rpartition("/")[2].partition("-")[0]
        known = {"http": "http1", "https": "http1", "http2": "http2", "h2c": "http2", "grpc": "grpc"}.get(first)
        if node is not None and known:
            return Value(known, Written(node.span, key))
    return Value("http1", Default("Istio's gateway", "appProtocol", _SELECTION, port.service.span))
