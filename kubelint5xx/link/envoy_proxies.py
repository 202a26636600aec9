"""The proxies that Envoy Gateway runs for a Gateway: how they end, and the Service that leads to them.

An EnvoyProxy is named by the Gateway, else by its GatewayClass. Nothing of the pods is among the files: they drain for
60 s at most, and 10 s at least, and answer ``Connection: close`` meanwhile. Their Service is a load balancer, with the
annotations that the EnvoyProxy gives. Source: api/v1alpha1/envoyproxy_types.go and
internal/cmd/envoy/shutdown_manager.go of envoyproxy/gateway.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, items, text
from kubelint5xx.core.value import Default, Subject, Value
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.gateway_parents import own_namespace
from kubelint5xx.link.load_balancers import nlb_target
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxies import lengths
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ports_of
from kubelint5xx.model.topology import Edge, Hop

_GROUP = "gateway.envoyproxy.io"
_CITE = "https://gateway.envoyproxy.io/docs/tasks/operations/graceful-shutdown/"
_SHUTDOWN = {"shutdown_timeout": ("drainTimeout", 60.0), "drain_delay": ("minDrainDuration", 10.0)}


def proxy_of(gateway: KubeObject, gateway_class: KubeObject | None, scope: Scope) -> KubeObject | None:
    """The EnvoyProxy of a Gateway, where it is among the files."""
    own = gateway.at("spec", "infrastructure", "parametersRef")
    shared = gateway_class.at("spec", "parametersRef") if gateway_class is not None else None
    for reference, namespace in ((own, gateway.namespace), (shared, "")):
        if text(child(reference, "kind")) == "EnvoyProxy":
            space = own_namespace(child(reference, "namespace"), namespace)
            return scope.find("EnvoyProxy", space, text(child(reference, "name")) or "")
    return None


def shutdown_values(gateway: KubeObject, proxy: KubeObject | None) -> dict[str, Value]:
    """How a proxy ends: it goes on answering, and lets requests in progress end."""
    shutdown = proxy.at("spec", "shutdown") if proxy is not None else None
    place = proxy.span if proxy is not None else gateway.span
    unseen = () if proxy is not None else ("an EnvoyProxy",)
    nature = Default("Envoy Gateway", "", _CITE, place)
    values = {"graceful": Value(True, nature), "closes_in_drain": Value(True, nature)}
    for quantity, (key, usual) in _SHUTDOWN.items():
        values[quantity] = Value(usual, Default("Envoy Gateway", f"shutdown.{key}", _CITE, place, unseen))
    return values | lengths(shutdown, {name: (key,) for name, (key, _) in _SHUTDOWN.items()}, "shutdown.")


def join_front(gateway: KubeObject, proxy: KubeObject, hop: Hop, scope: Scope, paths: Paths) -> Iterator[TargetGroup]:
    """The load balancer before the proxies of a Gateway, where an AWS controller makes one of their Service."""
    service = _service(gateway, proxy)
    if service is None or not aws.is_nlb(service):
        return
    for port in ports_of(service):
        group, facts = nlb_target(port, scope, paths, reaches_pods=False)
        balancer = group.balancers[0]
        name = f"the way from {balancer.name} to {hop.name}"
        never = Value(False, Default("Kubernetes"))
        unsaid = Value("", Default("Kubernetes", "", "", service.span))
        idle = balancer.outbound.read("idle_timeout")
        rest = {"spoken": facts["protocol"], "port_transport": unsaid, "flow_idle": idle}
        values = {"inside_pod": never, "of_task": never, **rest, **facts}
        steps = (Step(balancer.name, balancer.place), Step(gateway.title, gateway.span), Step(hop.name, hop.place))
        paths.edges.append(Edge(Subject("edge", name, hop.place, values), balancer, hop, steps, None, group.subject))
        yield group


def _service(gateway: KubeObject, proxy: KubeObject) -> KubeObject | None:
    """The Service that Envoy Gateway makes, of what the EnvoyProxy and the listeners say of it."""
    said = proxy.at("spec", "provider", "kubernetes", "envoyService")
    if not isinstance(said, Mapping) or text(said.get("type")) not in (None, "LoadBalancer"):
        return None
    span = said.span.first_line()

    def entry(key: str, value: Node) -> Entry:
        return Entry(Scalar(value.span, key, key), value)

    def scalar(value: str) -> Scalar:
        return Scalar(span, value, value)

    annotations = said.get("annotations")
    metadata = Mapping(span, (entry("annotations", annotations),) if annotations is not None else ())
    ports = [
        Mapping(one.span, (entry("port", number),))
        for one in items(gateway.at("spec", "listeners"))
        if (number := child(one, "port")) is not None
    ]
    own = [(key, said.get(key)) for key in ("loadBalancerClass", "externalTrafficPolicy")]
    spec = [entry("type", said.get("type") or scalar("LoadBalancer")), entry("ports", Sequence(span, tuple(ports)))]
    spec += [entry(key, node) for key, node in own if node is not None]
    if said.get("externalTrafficPolicy") is None:
        # Its default is not that of Kubernetes.
        spec.append(entry("externalTrafficPolicy", Unresolved(span, "Envoy Gateway takes Local by itself")))
    root = Mapping(span, (entry("metadata", metadata), entry("spec", Mapping(span, tuple(spec)))))
    name = text(said.get("name")) or f"of {gateway.title}"
    return KubeObject("Service", "v1", "", name, root, proxy.span, proxy.origin, proxy.patched_by, proxy.home)
