"""Google's Application Load Balancers, as GKE makes them of Ingresses and Gateways.

Their targets are nodes (instance groups) or, with network endpoint groups, the pods themselves, which then wait for
their endpoint before they count as ready. Sources: pkg/annotations of kubernetes/ingress-gce, and
apis/networking/v1/gcpbackendpolicy_types.go of GoogleCloudPlatform/gke-gateway-api (30 s for an answer, and no time for
connections to drain, where nothing is said).
"""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, Unresolved, child, text
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Default, Join, Subject, Value, Written
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link.attributes import is_set, value_of
from kubelint5xx.link.kube_proxy import documents_in
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths, target_facts, traffic_policy
from kubelint5xx.link.port_protocols import PLAIN, TLS
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort
from kubelint5xx.link.target_attributes import node_port, reached_by, sends_to_nodes
from kubelint5xx.link.workloads import whole_number
from kubelint5xx.model.knobs import DURATION, TEXT
from kubelint5xx.model.topology import Hop

PRODUCT = "GKE"
_DRAINING = "connectionDraining.drainingTimeoutSec"
_POLICY_CITE = "https://googlecloudplatform.github.io/gke-gateway-api/"
_GATES = "https://docs.cloud.google.com/kubernetes-engine/docs/concepts/container-native-load-balancing#pod_readiness"
_PROTOCOLS = ("cloud.google.com/app-protocols", "service.alpha.kubernetes.io/app-protocols")
_PROTOCOLS_CITE = "https://github.com/kubernetes/ingress-gce/blob/master/pkg/annotations/service.go"


@record
class Backend:
    """What an object of GKE says of a Service's port: ``spec`` holds the settings of the backend service. ``missing``
    tells why they are not known."""

    named: KubeObject | None = None
    spec: Node | None = None
    missing: str = ""

    def settings(self) -> Settings:
        label = self.named.title if self.named is not None else "a BackendConfig"
        spec, why = self.spec, self.missing
        if self.named is not None and self.named.patched_by:
            why = f"overlay {self.named.patched_by} was not built"
        if isinstance(spec, Mapping):
            return Settings("attributes", Mapping(spec.span, spec.entries, spec.open or why), label)
        return Settings("attributes", None, label, spec.reason if isinstance(spec, Unresolved) else why)

    def draining(self, route: KubeObject) -> Value:
        """How long requests to a target that leaves may still take."""
        node = child(self.spec, "connectionDraining", "drainingTimeoutSec")
        if node is not None and is_set(node):
            return value_of(node, _DRAINING, DURATION)
        unseen = tuple(filter(None, (self.settings().unseen, *_patched(route))))
        place = self.named.span if self.named is not None else route.span
        return Value(0.0, Default(PRODUCT, _DRAINING, _POLICY_CITE, place, unseen))


class GoogleBalancer:
    """The load balancer that one Ingress or Gateway makes."""

    def __init__(self, owner: KubeObject, scope: Scope, paths: Paths) -> None:
        self._owner, self._scope, self._paths = owner, scope, paths
        # What a backend service sets is set for its own requests only.
        self._senders: dict[int, Hop] = {}

    def join(
        self,
        route: KubeObject,
        port: ServicePort,
        target_type: Value,
        backend: Backend,
        joins: tuple[Join, ...] = (),
    ) -> TargetGroup:
        """The target group of a Service's port, with the edges to what stands behind it."""
        sender = self._sender(backend)
        service, protocol = port.service, _protocol(port)
        name = f"the backend service of {service.title}, port {port.number}, for {route.title}"
        subject = Subject("target_group", name, route.span, {})
        subject.values.update(
            deregistration_delay=backend.draining(route),
            target_type=target_type,
            traffic_policy=traffic_policy(port),
            sends_to_nodes=sends_to_nodes(target_type),
            node_port=node_port(port),
            balancer=Value("google", Written(self._owner.span)),
            readiness_gate=Value("injected", Default(PRODUCT, "", _GATES, route.span)),
            **_health(backend, route),
        )
        facts = target_facts(reached_by(target_type, subject.values["node_port"]), protocol, self._paths.config)
        facts["transport"] = _transport(port)
        steps = tuple(Step(one.title, one.span) for one in dict.fromkeys((self._owner, route)))
        way = (Step(sender.name, sender.place), *steps)
        self._paths.connect(sender, port, self._scope, facts, way, joins, target_group=subject)
        number = port.node_port if target_type.data == "instance" else whole_number(port.target)
        address = f"{self._scope.name}:{self._owner.title}/{route.title}/{service.name}:{port.number}"
        version = {"http2": "HTTP2"}.get(str(protocol.data), "HTTP1")
        return TargetGroup(address, subject, (sender,), None, number, version, way, registered=True)

    def _sender(self, backend: Backend) -> Hop:
        key = id(backend.spec) if backend.spec is not None else 0
        if key not in self._senders or backend.missing:
            name = f"the load balancer of {self._owner.title}"
            self._senders[key] = build_hop("google_alb", name, self._owner.span, (backend.settings(),))
        return self._senders[key]


def named_in(node: Node | None, *keys: str | None) -> Node | None:
    """What an annotation that holds an object in JSON says of the first of ``keys`` that it has."""
    for document in documents_in(node):
        for key in keys:
            found = child(document, key) if key else None
            if found is not None:
                return found
    return None


def _protocol(port: ServicePort) -> Value:
    return _spoken(port, {"HTTP": "http1", "HTTPS": "http1", "HTTP2": "http2"}, "http1")


def _transport(port: ServicePort) -> Value:
    return _spoken(port, {"HTTP": PLAIN, "HTTPS": TLS, "HTTP2": TLS}, PLAIN)


def _spoken(port: ServicePort, meanings: dict[str, str], usual: str) -> Value:
    said, service = _said(port), port.service
    if said is None:
        return Value(usual, Default(PRODUCT, _PROTOCOLS[0], _PROTOCOLS_CITE, service.span, _patched(service)))
    known = meanings.get((text(said) or "").upper())
    reason = "" if known is not None else "it is none of HTTP, HTTPS and HTTP2"
    return Value(known, Written(said.span, _PROTOCOLS[0]), reason)


def _said(port: ServicePort) -> Node | None:
    for setting in _PROTOCOLS:
        node = port.service.annotation(setting)
        if isinstance(node, Unresolved):
            return node
        found = named_in(node, text(port.node.get("name")), str(port.number))
        if found is not None:
            return found
    kind = (text(port.node.get("appProtocol")) or "").upper()
    return port.node.get("appProtocol") if kind in ("HTTP", "HTTPS", "HTTP2") else None


def _health(backend: Backend, route: KubeObject) -> dict[str, Value]:
    """What it asks the pods for, where that is written; else it follows the readiness probe, or asks for /."""
    check = child(backend.spec, "healthCheck")
    path = child(check, "requestPath")
    unknown = Value.unknown("it follows the readiness probe, as far as that is seen when it is made", route.span)
    found = {"health_protocol": unknown, "health_path": unknown, "health_port": unknown}
    if path is not None and is_set(path):
        found["health_path"] = value_of(path, "healthCheck.requestPath", TEXT)
        found["health_protocol"] = Value("http", Written(path.span, "healthCheck.requestPath"))
    port = child(check, "port")
    if port is not None and is_set(port):
        found["health_port"] = value_of(port, "healthCheck.port", TEXT)
    return found


def _patched(thing: KubeObject) -> tuple[str, ...]:
    return (f"overlay {thing.patched_by} was not built",) if thing.patched_by else ()
