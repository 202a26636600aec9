"""The Gateway API: which gateway a route is attached to, what makes that gateway, and where the route sends.

A GatewayClass names its controller (``spec.controllerName``). Those of the AWS Load Balancer Controller make load
balancers; Istio's, Envoy Gateway's, Traefik's, Contour's and Kong's are proxies; of others nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Join, Value
from kubelint5xx.link import proxy_controllers as known
from kubelint5xx.link.gateway_parents import GROUP, Parent, granted, names_parents, own_namespace, parents_of
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
from kubelint5xx.model.topology import Hop

AWS = {"gateway.k8s.aws/alb": "alb", "gateway.k8s.aws/nlb": "nlb"}
_ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
_PROXIES = {
    "istio.io/gateway-controller": known.ISTIO,
    "gateway.envoyproxy.io/": known.ENVOY,
    "traefik.io/gateway-controller": known.TRAEFIK,
    "projectcontour.io/": known.CONTOUR,
    "konghq.com/": known.KONG,
}
GOOGLE = "networking.gke.io/gateway"
# Classes that are there by themselves: Istio's, and by its beginning GKE's.
_CLASSES = {"istio": "istio.io/gateway-controller"}
_GOOGLE_CLASSES = "gke-l7-"


@record(eq=False)
class Attached:
    """A route's rule as a gateway serves it: the Service's port that it sends to. ``joins``: what had to be assumed for
    it to be let there."""

    parent: Parent
    route: KubeObject
    rule: Node
    port: ServicePort
    joins: tuple[Join, ...] = ()

    @property
    def gateway(self) -> KubeObject:
        return self.parent.gateway


def controller_of(gateway: KubeObject, scope: Scope) -> tuple[str, KubeObject | None]:
    """The controller's name, empty where it is not known, and the GatewayClass, where that is among the files."""
    name = text(gateway.at("spec", "gatewayClassName")) or ""
    found = next((one for one in scope.of("GatewayClass") if one.group == GROUP and one.name == name), None)
    if found is None:
        return GOOGLE if name.startswith(_GOOGLE_CLASSES) else _CLASSES.get(name, ""), None
    return text(found.at("spec", "controllerName")) or "", found


def backends(route: KubeObject, scope: Scope, paths: Paths) -> Iterator[tuple[Node, ServicePort, tuple[Join, ...]]]:
    """Each rule of a route with the Services' ports that it sends to, and what had to be assumed for that."""
    for rule in items(route.at("spec", "rules")):
        for reference in items(child(rule, "backendRefs")):
            name = child(reference, "name")
            written = text(name)
            if name is None or not written or text(child(reference, "kind")) not in (None, "Service"):
                continue
            namespace = own_namespace(child(reference, "namespace"), route.namespace)
            service = service_of(scope, namespace, written)
            wanted = child(reference, "port")
            port = port_of(service, wanted) if service else f"Service {written} is not among the files"
            if service is not None:
                paths.refer(to_service(f"the backend {written} of {route.title}", wanted, service))
            if isinstance(port, str):
                paths.note(f"a backend of {route.title}", port, name.span)
            else:
                yield rule, port, granted(route, "Service", namespace, written, name.span, scope)


def join_gateways(scope: Scope, paths: Paths) -> list[TargetGroup]:
    """The target groups, with their edges, of Gateways that are load balancers of AWS or Google."""
    found: dict[KubeObject, list[Attached]] = {}
    for route in _routes(scope):
        for parent in parents_of(route, scope):
            if controller_of(parent.gateway, scope)[0] in (*AWS, GOOGLE):
                for rule, port, joins in backends(route, scope, paths):
                    found.setdefault(parent.gateway, []).append(Attached(parent, route, rule, port, joins))
    groups = [group for gateway, attached in found.items() for group in _balanced(gateway, attached, scope, paths)]
    return [*groups, *_fronts(scope, paths)] if scope.of("EnvoyProxy") else groups


def _balanced(gateway: KubeObject, attached: list[Attached], scope: Scope, paths: Paths) -> Iterable[TargetGroup]:
    controller, gateway_class = controller_of(gateway, scope)
    if controller == GOOGLE:
        from kubelint5xx.link.google_gateways import join_google_gateway

        return join_google_gateway(gateway, attached, scope, paths)
    from kubelint5xx.link.aws_gateways import join_gateway

    return join_gateway(gateway, controller, gateway_class, attached, scope, paths)


def join_gateway_routes(scope: Scope, paths: Paths) -> None:
    """Edges from all other gateways to the Services of their routes."""
    made: dict[str, Proxies] = {}
    for route in _routes(scope):
        parents = parents_of(route, scope)
        if not parents and names_parents(route, scope):
            paths.note(route.title, "no listener of its Gateways lets routes of its namespace in", route.span)
            continue
        if not parents:
            sender = unknown_hop("proxy", f"the gateway of {route.title}", route.span)
            for _, port, _ in backends(route, scope, paths):
                paths.connect(sender, port, scope, unknown_facts(route, paths.config))
        for parent in parents:
            gateway = parent.gateway
            name = controller_of(gateway, scope)[0]
            if name in (*AWS, GOOGLE):
                continue
            controller = _proxy_named(name)
            unknown = unknown_hop("proxy", gateway.title, gateway.span)
            steps = tuple(Step(one.title, one.span) for one in (gateway, parent.over, route) if one is not None)
            for rule, port, joins in backends(route, scope, paths):
                if controller is None or route.kind in ("TCPRoute", "TLSRoute"):
                    # Not every controller asks for a grant.
                    own = joins if controller is not None else ()
                    paths.connect(unknown, port, scope, unknown_facts(route, paths.config), steps, own)
                    continue
                proxies = made.setdefault(controller.name, Proxies(controller, scope, paths))
                _join(proxies, controller, Attached(parent, route, rule, port, joins), scope, paths, steps)


def _proxy_named(controller: str) -> Controller | None:
    return next((one for start, one in _PROXIES.items() if controller.startswith(start)), None)


def _join(
    proxies: Proxies, controller: Controller, at: Attached, scope: Scope, paths: Paths, steps: tuple[Step, ...]
) -> None:
    told = _told(at.rule, controller)
    if controller is known.ENVOY:
        sender = _envoy(proxies, at, told, scope)
    elif controller is known.ISTIO:
        sender = proxies.sender(at.gateway.title, at.gateway.span, told)
    else:
        sender = sender_of(proxies, at.route, at.port, at.gateway.title, scope)
        sender.outbound.values.update(told.values)
    paths.judge(sender)
    spoken = _spoken(controller, at)
    through = through_service(controller, at.route, at.port.service)
    facts = endpoint_facts(controller.title, at.port.service, through, spoken, paths.config)
    joins = at.joins
    if controller is known.ISTIO:
        from kubelint5xx.link.istio_routes import without_sidecar

        joins += without_sidecar(at.port.service, scope)
    paths.connect(sender, at.port, scope, facts, (Step(sender.name, sender.place), *steps), joins)


def _envoy(proxies: Proxies, at: Attached, told: Told, scope: Scope) -> Hop:
    """Envoy Gateway's proxy as it sends the requests of a route's rule on."""
    from kubelint5xx.link.envoy_gateway import client_values, policies_of
    from kubelint5xx.link.envoy_proxies import proxy_of, shutdown_values

    policy = policies_of(at.route, at.rule, at.parent, scope)
    sender = proxies.sender(at.gateway.title, at.gateway.span, Told({**policy.values, **told.values}, policy.seen))
    ending = shutdown_values(at.gateway, proxy_of(at.gateway, controller_of(at.gateway, scope)[1], scope))
    sender.inbound.values.update(client_values(at.parent, scope) | ending)
    sender.outbound.values.update(ending)
    return sender


def _fronts(scope: Scope, paths: Paths) -> Iterator[TargetGroup]:
    """The target groups of the load balancers that stand before Envoy Gateway's proxies."""
    from kubelint5xx.link.envoy_gateway import client_values
    from kubelint5xx.link.envoy_proxies import join_front, proxy_of, shutdown_values

    for gateway in scope.of("Gateway"):
        controller, gateway_class = controller_of(gateway, scope)
        proxy = proxy_of(gateway, gateway_class, scope) if _proxy_named(controller) is known.ENVOY else None
        if proxy is not None:
            hop = Proxies(known.ENVOY, scope, paths).sender(gateway.title, gateway.span)
            hop.inbound.values.update(client_values(Parent(gateway), scope) | shutdown_values(gateway, proxy))
            yield from join_front(gateway, proxy, hop, scope, paths)


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
