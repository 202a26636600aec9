"""How a target group spreads requests: slow start and the algorithm, and what kind of balancer sends to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Unresolved, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Value, Written
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.attributes import attribute, is_set, text_at, value_of, why_unknown
from kubelint5xx.link.lb_attributes import without_refused
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.services import ServicePort
from kubelint5xx.model.knobs import DURATION, TEXT

if TYPE_CHECKING:
    from kubelint5xx.eval.resource import Resource

_GUIDE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html"
_SLOW_START, _ALGORITHM = "slow_start.duration_seconds", "load_balancing.algorithm.type"
_SERVICES = "https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types"
# What a target group's protocol says of the balancer: an ALB's are HTTP and HTTPS.
_BALANCERS = {
    **dict.fromkeys(("HTTP", "HTTPS"), "alb"),
    **dict.fromkeys(("TCP", "UDP", "TLS", "TCP_UDP", "QUIC", "TCP_QUIC"), "nlb"),
}


def spreading(given: Mapping | None, place: Span, patched: tuple[str, ...]) -> dict[str, Value]:
    """``slow_start`` and ``algorithm`` out of a target group's attributes, as an annotation lists them."""
    unseen = (*patched, given.open) if given is not None and given.open else patched
    found: dict[str, Value] = {
        "slow_start": Value(0.0, Default("the target group", _SLOW_START, _GUIDE, place, unseen)),
        "algorithm": Value("round_robin", Default("the target group", _ALGORITHM, _GUIDE, place, unseen)),
    }
    for name, key, kind in (("slow_start", _SLOW_START, DURATION), ("algorithm", _ALGORITHM, TEXT)):
        node = given.get(key) if given is not None else None
        if node is not None:
            found[name] = value_of(node, key, kind)
    return found


def terraform_spreading(resource: Resource) -> dict[str, Value]:
    """The same of an ``aws_lb_target_group``, and the kind of its balancer."""
    body, place = resource.body, resource.span
    none = Value(0.0, Default("an AWS target group", "slow_start", _GUIDE, place))
    key = "load_balancing_algorithm_type"
    usual = Value("round_robin", Default("an AWS target group", key, _GUIDE, place))
    return {
        "slow_start": attribute(body, "slow_start", DURATION, none),
        "algorithm": attribute(body, key, TEXT, usual),
        "balancer": _balancer(body, place),
    }


def _balancer(body: Mapping, place: Span) -> Value:
    node = body.get("protocol")
    if node is None or not is_set(node):
        return Value.unknown("the protocol of the target group is not known", place)
    known = _BALANCERS.get((text_at(body, "protocol") or "").upper())
    reason = "" if known else why_unknown(node) or "its protocol is none of a load balancer"
    return Value(known, Written(node.span, "protocol"), reason)


def node_port(port: ServicePort) -> Value:
    """Whether every node listens for a Service's port."""
    service = port.service
    kind, number = service.at("spec", "type"), port.node.get("nodePort")
    if service.patched_by:
        return Value.unknown(f"overlay {service.patched_by} was not built", service.span)
    if number is not None and isinstance(number, Unresolved):
        return Value.unknown(number.reason, number.span)
    if kind is None:
        return Value(False, Default("Kubernetes", "spec.type", _SERVICES, service.span))
    said = text(kind)
    if said not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
        reason = kind.reason if isinstance(kind, Unresolved) else "it is no type of a Service"
        return Value(None, Written(kind.span, "spec.type"), reason)
    allocates = service.at("spec", "allocateLoadBalancerNodePorts")
    if said == "LoadBalancer" and allocates is not None and port.node_port is None:
        known = {"true": True, "false": False}.get((text(allocates) or "").lower())
        reason = "" if known is not None else "whether it allocates node ports is not known"
        return Value(known, Written(allocates.span, "spec.allocateLoadBalancerNodePorts"), reason)
    return Value(said in ("NodePort", "LoadBalancer"), Written(kind.span, "spec.type"))


def sends_to_nodes(target_type: Value) -> Value:
    """Whether the targets are nodes. The controller's own default may be another one: a flag of it decides."""
    by_node = None if target_type.data is None else target_type.data == "instance"
    origin = target_type.origin
    if isinstance(origin, Default):
        flag = "the controller's --default-target-type"
        origin = Default(origin.product, origin.setting, origin.cite, origin.place, (*origin.unseen, flag))
        return Value(by_node, origin)
    return Value(by_node, Derived("instance targets are nodes", (target_type,)), target_type.reason)


def reached_by(target_type: Value, port: Value) -> Value:
    """The target type as far as requests come that way: nothing reaches nodes on which no port is open."""
    if target_type.data == "instance" and port.data is False:
        return Value.unknown("the nodes that it sends to have no port of the Service", port.place)
    return target_type


def target_group_attributes(service: KubeObject, ingress: KubeObject) -> Mapping | None:
    """The attributes of the target group of an Ingress's backend: the Service's annotation replaces the Ingress's."""
    setting = f"{aws.PREFIX}target-group-attributes"
    own = service.annotation(setting)
    given = aws.string_map(own if own is not None else ingress.annotation(setting))
    return without_refused(given) if given is not None else None
