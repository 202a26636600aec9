"""Gateways that the AWS Load Balancer Controller makes load balancers of, and the target groups of their routes.

A LoadBalancerConfiguration is attached to a Gateway (``infrastructure.parametersRef``) or to its GatewayClass
(``parametersRef``), whose attributes win unless its ``mergingMode`` says otherwise. A TargetGroupConfiguration names a
Service (``targetReference``), or is a configuration's ``defaultTargetGroupConfiguration``; the Service's own wins,
field by field, and of attributes key by key. Source: docs/guide/gateway/customization.md and targetgroupconfig.md of
kubernetes-sigs/aws-load-balancer-controller. The target type is ``instance`` where nothing says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Entry, Mapping, Node, Unresolved, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Subject, Value, Written
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.attributes import value_of
from kubelint5xx.link.aws_controller import Candidate
from kubelint5xx.link.gateway_routes import AWS, Attached
from kubelint5xx.link.health_checks import HEALTHY, INTERVAL, TIMEOUT, UNHEALTHY
from kubelint5xx.link.health_paths import PATH, PROTOCOL
from kubelint5xx.link.lb_attributes import without_refused
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths, target_facts, traffic_policy
from kubelint5xx.link.port_protocols import UNSAID, group_transport
from kubelint5xx.link.readiness_gates import readiness_gate
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort
from kubelint5xx.link.target_attributes import node_port, reached_by, sends_to_nodes, spreading
from kubelint5xx.link.workloads import whole_number
from kubelint5xx.model.knobs import DURATION, NUMBER
from kubelint5xx.model.topology import Hop

GROUP = "gateway.k8s.aws"
_GUIDE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/targetgroupconfig/"
_CHECKS = {
    INTERVAL: ("healthCheckInterval", DURATION),
    TIMEOUT: ("healthCheckTimeout", DURATION),
    HEALTHY: ("healthyThresholdCount", NUMBER),
    UNHEALTHY: ("unhealthyThresholdCount", NUMBER),
}


@record
class _Configurations:
    """The LoadBalancerConfigurations of a Gateway, those that win first. ``missing``: which are not among the files."""

    found: tuple[KubeObject, ...]
    missing: tuple[str, ...] = ()


def join_gateway(
    gateway: KubeObject,
    controller: str,
    gateway_class: KubeObject | None,
    attached: Sequence[Attached],
    scope: Scope,
    paths: Paths,
) -> Iterator[TargetGroup]:
    """The target groups of a Gateway's routes, with the edges to what stands behind them."""
    kind = AWS[controller]
    configurations = _configurations(gateway, gateway_class, scope)
    name = f"the {kind.upper()} of {gateway.title}"
    attributes = without_refused(_attributes(gateway, configurations))
    balancer = build_hop(f"aws_{kind}", name, gateway.span, (Settings("attributes", attributes, "its attributes"),))
    seen: set[tuple[int, KubeObject]] = set()
    for one in attached:
        key = id(one.port.node), one.route
        if key not in seen:
            seen.add(key)
            yield _target_group(balancer, kind, one, configurations, scope, paths)


def _configurations(gateway: KubeObject, gateway_class: KubeObject | None, scope: Scope) -> _Configurations:
    own = _named(gateway.at("spec", "infrastructure", "parametersRef"), gateway.namespace, scope)
    shared = (
        _named(gateway_class.at("spec", "parametersRef"), "", scope)
        if gateway_class is not None
        else "its GatewayClass is not among the files"
    )
    ordered = [shared, own]
    if isinstance(shared, KubeObject) and text(shared.at("spec", "mergingMode")) == "prefer-gateway":
        ordered.reverse()
    found = tuple(one for one in ordered if isinstance(one, KubeObject))
    return _Configurations(found, tuple(one for one in ordered if isinstance(one, str)))


def _named(reference: Node | None, namespace: str, scope: Scope) -> KubeObject | str | None:
    name = text(child(reference, "name"))
    if reference is None or not name or text(child(reference, "kind")) != "LoadBalancerConfiguration":
        return reference.reason if isinstance(reference, Unresolved) else None
    space = text(child(reference, "namespace"))
    namespace = namespace if space is None else "" if space == "default" else space
    found = scope.find("LoadBalancerConfiguration", namespace, name)
    return found or f"LoadBalancerConfiguration {name} is not among the files"


def _attributes(gateway: KubeObject, configurations: _Configurations) -> Mapping:
    found: dict[str, Entry] = {}
    unseen = [*configurations.missing, *_patched(gateway, *configurations.found)]
    for one in configurations.found:
        given = aws.pairs(one.at("spec", "loadBalancerAttributes"))
        for entry in given.entries if given is not None else ():
            found.setdefault(str(entry.key.value), entry)
        if given is not None and given.open:
            unseen.append(given.open)
    return Mapping(gateway.span, tuple(found.values()), "; ".join(dict.fromkeys(unseen)))


def _patched(*things: KubeObject) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"overlay {one.patched_by} was not built" for one in things if one.patched_by))


def _properties(one: Attached, configurations: _Configurations, scope: Scope) -> Iterator[Node]:
    """The properties of the target group, those that win first."""
    service = one.port.service
    for thing in scope.of("TargetGroupConfiguration"):
        reference = thing.at("spec", "targetReference")
        meant = text(child(reference, "name")), text(child(reference, "kind")) or "Service", thing.namespace
        if thing.group == GROUP and meant == (service.name, "Service", service.namespace):
            yield from _layers(thing, one.route)
    for configuration in configurations.found:
        name = text(configuration.at("spec", "defaultTargetGroupConfiguration", "name"))
        default = scope.find("TargetGroupConfiguration", configuration.namespace, name) if name else None
        if default is not None:
            yield from _layers(default, one.route)


def _layers(thing: KubeObject, route: KubeObject) -> Iterator[Node]:
    """What a configuration says of a route, the most specific first, and then what it says of all."""
    ranked: list[tuple[int, Node]] = []
    for item in items(thing.at("spec", "routeConfigurations")):
        own = child(item, "routeIdentifier")
        wanted = [text(child(own, key)) for key in ("kind", "namespace", "name")]
        if own is None and (written := text(child(item, "identifier"))) is not None:
            wanted = [part or None for part in (*written.split(":"), "", "")[:3]]
        actual = (route.kind, route.namespace or "default", route.name)
        properties = child(item, "targetGroupProps")
        if properties is not None and all(want in (None, is_) for want, is_ in zip(wanted, actual, strict=True)):
            ranked.append((sum(want is not None for want in wanted), properties))
    yield from (properties for _, properties in sorted(ranked, key=lambda one: -one[0]))
    default = thing.at("spec", "defaultConfiguration")
    if default is not None:
        yield default


def _target_group(
    balancer: Hop, kind: str, one: Attached, configurations: _Configurations, scope: Scope, paths: Paths
) -> TargetGroup:
    port, service, gateway, route = one.port, one.port.service, one.gateway, one.route
    layers = list(_properties(one, configurations, scope))
    patched = (*configurations.missing, *_patched(gateway, route, service, *configurations.found))
    place = layers[0].span.first_line() if layers else route.span
    target_type = _target_type(layers, place, patched)
    attributes = _target_attributes(layers, place)
    if attributes is not None:
        attributes = without_refused(attributes)
    name = f"the target group of {service.title}, port {port.number}, for {route.title}"
    subject = Subject("target_group", name, route.span, {})
    subject.values.update(
        deregistration_delay=aws.deregistration_delay((attributes,), place, patched),
        target_type=target_type,
        traffic_policy=traffic_policy(port),
        sends_to_nodes=sends_to_nodes(target_type),
        node_port=node_port(port),
        balancer=Value(kind, Written(gateway.span)),
        **spreading(attributes, place, patched),
        **_health_check(layers, place),
        readiness_gate=readiness_gate(service, scope, False),
    )
    if kind == "nlb":
        subject.values["connection_termination"] = aws.connection_termination(attributes, place, patched)
    reached = reached_by(target_type, subject.values["node_port"])
    version = _protocol(one, layers, kind, place, patched)
    budget = "deregistration_propagation" if kind == "alb" else "endpoint_propagation"
    facts = target_facts(reached, version, paths.config, budget)
    facts["transport"] = _transport(layers, kind, port, place)
    steps = (Step(balancer.name, balancer.place), Step(route.title, route.span))
    paths.connect(balancer, port, scope, facts, steps, one.joins, target_group=subject)
    number = port.node_port if target_type.data == "instance" else whole_number(port.target)
    spoken = {"http2": "HTTP2", "grpc": "GRPC"}.get(str(version.data), "HTTP1")
    address = f"{scope.name}:{gateway.title}/{route.title}/{service.name}:{port.number}"
    selector = next((node for layer in layers if (node := child(layer, "nodeSelector")) is not None), None)
    labels = labels_of(child(selector, "matchLabels"))
    unknown = "the nodes are selected by expressions" if child(selector, "matchExpressions") is not None else ""
    return TargetGroup(
        address, subject, (balancer,), None, number, spoken, steps, labels or None, unknown, registered=True
    )


def _target_type(layers: Sequence[Node], place: Span, patched: tuple[str, ...]) -> Value:
    candidates = [Candidate("targetType", child(layer, "targetType")) for layer in layers]
    if any(aws.is_given(one.node) for one in candidates):
        return aws.target_type(candidates, place, patched)
    return Value("instance", Default(aws.PRODUCT, "targetType", f"{_GUIDE}#targettype", place, patched))


def _target_attributes(layers: Sequence[Node], place: Span) -> Mapping | None:
    found: dict[str, Entry] = {}
    unseen: list[str] = []
    for layer in layers:
        given = aws.pairs(child(layer, "targetGroupAttributes"))
        for entry in given.entries if given is not None else ():
            found.setdefault(str(entry.key.value), entry)
        if given is not None and given.open:
            unseen.append(given.open)
    return Mapping(place, tuple(found.values()), "; ".join(unseen)) if found or unseen else None


def _health_check(layers: Sequence[Node], place: Span) -> dict[str, Value]:
    """The check of the first that has one, as a whole; what the controller sets by itself is not read."""
    own = next((node for layer in layers if (node := child(layer, "healthCheckConfig")) is not None), None)
    found: dict[str, Value] = {}
    for name, (key, kind) in _CHECKS.items():
        node = child(own, key)
        unknown = Value.unknown("what the controller sets where nothing is written is not read", place)
        found[name] = value_of(node, f"healthCheckConfig.{key}", kind) if node is not None else unknown
    path, protocol = child(own, "healthCheckPath"), child(own, "healthCheckProtocol")
    if path is not None and (said := text(path)) is not None:
        found[PATH] = Value(said, aws.written(path, "healthCheckConfig.healthCheckPath"))
    if protocol is not None:
        known = {"http": "http", "https": "http", "tcp": "tcp"}.get((text(protocol) or "").lower())
        reason = "" if known else "how it is checked is not known"
        found[PROTOCOL] = Value(known, aws.written(protocol, "healthCheckConfig.healthCheckProtocol"), reason)
    return found


def _protocol(one: Attached, layers: Sequence[Node], kind: str, place: Span, patched: tuple[str, ...]) -> Value:
    for layer in layers:
        node = child(layer, "protocolVersion")
        if node is not None:
            known = aws.PROTOCOLS.get((text(node) or "").upper())
            reason = "" if known else "it is none of HTTP1, HTTP2 and GRPC"
            return Value(known, aws.written(node, "protocolVersion"), reason)
    if one.route.kind == "GRPCRoute":
        return Value("grpc", Written(one.route.span))
    cite = f"{_GUIDE}#protocolversion"
    return Value("http1", Default(aws.PRODUCT, "protocolVersion", cite, place, patched if kind == "alb" else ()))


def _transport(layers: Sequence[Node], kind: str, port: ServicePort, place: Span) -> Value:
    node = next((found for layer in layers if (found := child(layer, "protocol")) is not None), None)
    if node is not None:
        return group_transport(node, place)
    if kind == "nlb":
        return Value(UNSAID, Default(aws.PRODUCT, "protocol", f"{_GUIDE}#protocol", place))
    return Value.unknown("the controller infers the protocol of the target group", port.service.span)
