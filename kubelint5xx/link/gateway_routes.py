"""The Gateway API: which gateway a route is attached to, what makes that gateway, and where the route sends.

A GatewayClass names its controller (``spec.controllerName``). Those of the AWS Load Balancer Controller make load
balancers; Istio's, Envoy Gateway's, Traefik's, Contour's and Kong's are proxies; of others nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Join, Value
from kubelint5xx.link import proxy_controllers as known
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths, unknown_facts
from kubelint5xx.link.proxied_ingresses import protocol, sender_of, through_service
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, length
from kubelint5xx.link.proxy_controllers import Controller
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of

GROUP = "gateway.networking.k8s.io"
AWS = {"gateway.k8s.aws/alb": "alb", "gateway.k8s.aws/nlb": "nlb"}
_ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
_PROXIES = {
    "istio.io/gateway-controller": known.ISTIO,
    "gateway.envoyproxy.io/": known.ENVOY,
    "traefik.io/gateway-controller": known.TRAEFIK,
    "projectcontour.io/": known.CONTOUR,
    "konghq.com/": known.KONG,
}
# Istio makes this class by itself.
_CLASSES = {"istio": "istio.io/gateway-controller"}


@record(eq=False)
class Attached:
    """A route's rule as a gateway serves it: the Service's port that it sends to."""

    gateway: KubeObject
    route: KubeObject
    rule: Node
    port: ServicePort


def controller_of(gateway: KubeObject, scope: Scope) -> tuple[str, KubeObject | None]:
    """The controller's name, empty where it is not known, and the GatewayClass, where that is among the files."""
    name = text(gateway.at("spec", "gatewayClassName")) or ""
    found = next((one for one in scope.of("GatewayClass") if one.group == GROUP and one.name == name), None)
    if found is None:
        return _CLASSES.get(name, ""), None
    return text(found.at("spec", "controllerName")) or "", found


def gateways_of(route: KubeObject, scope: Scope) -> Iterator[KubeObject]:
    """The Gateways among the files that a route asks for."""
    seen: set[tuple[str, str]] = set()
    for parent in items(route.at("spec", "parentRefs")):
        name, space = text(child(parent, "name")) or "", text(child(parent, "namespace"))
        namespace = route.namespace if space is None else "" if space == "default" else space
        if text(child(parent, "kind")) in (None, "Gateway") and (namespace, name) not in seen:
            seen.add((namespace, name))
            for one in scope.of("Gateway"):
                if one.group == GROUP and (one.namespace, one.name) == (namespace, name):
                    yield one


def backends(route: KubeObject, scope: Scope, paths: Paths) -> Iterator[tuple[Node, ServicePort]]:
    """Each rule of a route with the Services' ports that it sends to."""
    for rule in items(route.at("spec", "rules")):
        for reference in items(child(rule, "backendRefs")):
            name = child(reference, "name")
            written = text(name)
            if name is None or not written or text(child(reference, "kind")) not in (None, "Service"):
                continue
            space = text(child(reference, "namespace"))
            namespace = route.namespace if space is None else "" if space == "default" else space
            service = service_of(scope, namespace, written)
            wanted = child(reference, "port")
            port = port_of(service, wanted) if service else f"Service {written} is not among the files"
            if service is not None:
                paths.refer(to_service(f"the backend {written} of {route.title}", wanted, service))
            if isinstance(port, str):
                paths.note(f"a backend of {route.title}", port, name.span)
            else:
                yield rule, port


def join_gateways(scope: Scope, paths: Paths) -> list[TargetGroup]:
    """The target groups, with their edges, of Gateways that the AWS Load Balancer Controller makes balancers of."""
    found: dict[KubeObject, list[Attached]] = {}
    for route in _routes(scope):
        for gateway in gateways_of(route, scope):
            if controller_of(gateway, scope)[0] in AWS:
                for rule, port in backends(route, scope, paths):
                    found.setdefault(gateway, []).append(Attached(gateway, route, rule, port))
    if not found:
        return []
    from kubelint5xx.link.aws_gateways import join_gateway

    return [
        group
        for gateway, attached in found.items()
        for group in join_gateway(gateway, *controller_of(gateway, scope), attached, scope, paths)
    ]


def join_gateway_routes(scope: Scope, paths: Paths) -> None:
    """Edges from all other gateways to the Services of their routes."""
    made: dict[str, Proxies] = {}
    for route in _routes(scope):
        gateways = list(gateways_of(route, scope))
        if not gateways:
            sender = unknown_hop("proxy", f"the gateway of {route.title}", route.span)
            for _, port in backends(route, scope, paths):
                paths.connect(sender, port, scope, unknown_facts(route, paths.config))
        for gateway in gateways:
            name = controller_of(gateway, scope)[0]
            if name in AWS:
                continue
            controller = next((one for start, one in _PROXIES.items() if name.startswith(start)), None)
            unknown = unknown_hop("proxy", gateway.title, gateway.span)
            for rule, port in backends(route, scope, paths):
                steps = (Step(gateway.title, gateway.span), Step(route.title, route.span))
                if controller is None or route.kind in ("TCPRoute", "TLSRoute"):
                    paths.connect(unknown, port, scope, unknown_facts(route, paths.config), steps)
                    continue
                proxies = made.setdefault(controller.name, Proxies(controller, scope, paths))
                _join(proxies, controller, Attached(gateway, route, rule, port), scope, paths, steps)


def _join(
    proxies: Proxies, controller: Controller, at: Attached, scope: Scope, paths: Paths, steps: tuple[Step, ...]
) -> None:
    told = _told(at.rule, controller)
    if controller is known.ENVOY:
        from kubelint5xx.link.envoy_gateway import policies_of

        policy = policies_of(at.route, at.gateway, scope)
        told = Told({**policy.values, **told.values}, policy.seen)
    if controller in (known.ISTIO, known.ENVOY):
        sender = proxies.sender(at.gateway.title, at.gateway.span, told)
    else:
        sender = sender_of(proxies, at.route, at.port, at.gateway.title, scope)
        sender.outbound.values.update(told.values)
    paths.judge(sender)
    spoken = _spoken(controller, at)
    through = through_service(controller, at.route, at.port.service)
    facts = endpoint_facts(controller.title, at.port.service, through, spoken, paths.config)
    joins: tuple[Join, ...] = ()
    if controller is known.ISTIO:
        from kubelint5xx.link.istio_routes import without_sidecar

        joins = without_sidecar(at.port.service, scope)
    paths.connect(sender, at.port, scope, facts, (Step(sender.name, sender.place), *steps), joins)


def _spoken(controller: Controller, at: Attached) -> Value:
    if controller is known.ISTIO:
        from kubelint5xx.link.istio_routes import spoken

        return spoken(at.port)
    return protocol(controller, at.route, at.port)


def _told(rule: Node, controller: Controller) -> Told:
    """The timeouts of a rule; without one the gateway's own holds."""
    values: dict[str, Value] = {}
    for key in ("backendRequest", "request"):
        node = child(rule, "timeouts", key)
        value = length(node, f"timeouts.{key}", zero="unlimited") if node is not None else None
        if value is not None and "response_timeout" not in values:
            values["response_timeout"] = value
    return Told(values, ("a VirtualService",) if controller is known.ISTIO else ())


def _routes(scope: Scope) -> Iterator[KubeObject]:
    for route in scope.of(*_ROUTES):
        if route.group == GROUP and isinstance(route.at("spec"), Mapping):
            yield route
