"""How a load balancer finds out that a target is gone: the health check of a target group.

AWS's own defaults are those of CreateTargetGroup and of the load balancers' guides. Terraform's provider takes them
where there is no ``health_check`` block, and its own thresholds where there is one (internal/service/elbv2 of
hashicorp/terraform-provider-aws); the AWS Load Balancer Controller always sets its own (pkg/ingress and
pkg/service/model_builder.go of kubernetes-sigs/aws-load-balancer-controller).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelint5xx.core.node import Mapping, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.attributes import attribute, blocks, text_at, value_of, why_hidden
from kubelint5xx.link.aws_controller import NLB_PREFIX, PREFIX, PRODUCT, Candidate
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.model.knobs import DURATION, NUMBER

INTERVAL, TIMEOUT, HEALTHY, UNHEALTHY = "health_interval", "health_timeout", "healthy_threshold", "unhealthy_threshold"
_TYPES = {INTERVAL: DURATION, TIMEOUT: DURATION, HEALTHY: NUMBER, UNHEALTHY: NUMBER}

_GUIDES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/"
_ALB_CHECKS = f"{_GUIDES}application/target-group-health-checks.html"
_NLB_CHECKS = f"{_GUIDES}network/target-group-health-checks.html"
_CLASSIC_CHECKS = f"{_GUIDES}classic/elb-healthchecks.html"
_PROVIDER = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lb_target_group#health_check"

_ATTRIBUTES = {
    INTERVAL: "interval",
    TIMEOUT: "timeout",
    HEALTHY: "healthy_threshold",
    UNHEALTHY: "unhealthy_threshold",
}
_INGRESS = {
    INTERVAL: ("healthcheck-interval-seconds", 15.0),
    TIMEOUT: ("healthcheck-timeout-seconds", 5.0),
    HEALTHY: ("healthy-threshold-count", 2),
    UNHEALTHY: ("unhealthy-threshold-count", 2),
}
_SERVICE = {
    INTERVAL: "healthcheck-interval",
    TIMEOUT: "healthcheck-timeout",
    HEALTHY: "healthcheck-healthy-threshold",
    UNHEALTHY: "healthcheck-unhealthy-threshold",
}
_NLB = {INTERVAL: 10.0, TIMEOUT: 10.0, HEALTHY: 3, UNHEALTHY: 3}
# Instances behind externalTrafficPolicy Local are asked for their healthCheckNodePort.
_NLB_LOCAL = {INTERVAL: 10.0, TIMEOUT: 6.0, HEALTHY: 2, UNHEALTHY: 2}


def terraform_health_check(resource: Resource) -> dict[str, Value]:
    """The health check of an ``aws_lb_target_group``."""
    body = resource.body
    block = next(blocks(body, "health_check"), None)
    if block is None and (hidden := why_hidden(body, "health_check")):
        return {name: Value.unknown(hidden, resource.span) for name in _TYPES}
    protocol = (text_at(body, "protocol") or "").upper()
    layer7 = protocol in ("HTTP", "HTTPS")
    guide = _ALB_CHECKS if layer7 else _NLB_CHECKS
    found: dict[str, Value] = {}
    for name, kind in _TYPES.items():
        key = f"health_check.{_ATTRIBUTES[name]}"
        place = block.span if block is not None else resource.span
        if name == TIMEOUT:
            default = _timeout(protocol, block, place, guide)
        elif name == INTERVAL:
            default = Value(30.0, Default("an AWS target group", key, guide, place))
        elif block is not None and resource.by_terraform:
            default = Value(3.0, Default("the Terraform provider", key, _PROVIDER, place))
        else:
            threshold = 5.0 if name == HEALTHY else 2.0
            default = Value(threshold, Default("an AWS target group", key, guide, place))
        found[name] = attribute(block, _ATTRIBUTES[name], kind, default) if block is not None else default
    return found


def _timeout(protocol: str, block: Mapping | None, place: Span, guide: str) -> Value:
    """AWS's own default, which depends on what is checked how; the provider leaves it to AWS."""
    if not protocol:
        return Value.unknown("the protocol of the target group is not known", place)
    default = 5.0
    if protocol not in ("HTTP", "HTTPS"):
        # The provider's blocks check by HTTP unless they say otherwise, AWS by TCP.
        checks = (text_at(block, "protocol") or "HTTP").upper() if block is not None else "TCP"
        default = 6.0 if checks == "HTTP" else 10.0
    return Value(default, Default("an AWS target group", "health_check.timeout", guide, place))


def classic_health_check(resource: Resource) -> dict[str, Value]:
    """The health check of an ``aws_elb``; a block of it gives all four."""
    block = next(blocks(resource.body, "health_check"), None)
    if block is None and (hidden := why_hidden(resource.body, "health_check")):
        return {name: Value.unknown(hidden, resource.span) for name in _TYPES}
    defaults = {INTERVAL: 30.0, TIMEOUT: 5.0, HEALTHY: 10.0, UNHEALTHY: 2.0}
    found: dict[str, Value] = {}
    for name, kind in _TYPES.items():
        key = _ATTRIBUTES[name]
        origin = Default("a classic load balancer", f"health_check.{key}", _CLASSIC_CHECKS, resource.span)
        default = Value(defaults[name], origin)
        found[name] = attribute(block, key, kind, default) if block is not None else default
    return found


def ingress_health_check(
    service: KubeObject, ingress: KubeObject, patched: tuple[str, ...], auto_mode: bool
) -> dict[str, Value]:
    """The health check that the controller gives to the target group of an Ingress's backend."""
    found: dict[str, Value] = {}
    for name, (suffix, default) in _INGRESS.items():
        setting = PREFIX + suffix
        candidates = (Candidate(setting, thing.annotation(setting)) for thing in (service, ingress))
        cite = f"{aws.INGRESS_GUIDE}#{suffix}"
        otherwise = Value(float(default), Default(PRODUCT, setting, cite, ingress.span, patched))
        if auto_mode:
            otherwise = Value.unknown("what EKS Auto Mode sets is not read", ingress.span)
        found[name] = _given(name, candidates, otherwise)
    return found


def service_health_check(service: KubeObject, target_type: Value, traffic_policy: Value) -> dict[str, Value]:
    """The health check of a Service's Network Load Balancer."""
    patched = (f"overlay {service.patched_by} was not built",) if service.patched_by else ()
    by_controller = text(service.annotation(f"{NLB_PREFIX}type")) != "nlb"
    local = target_type.data == "instance" and traffic_policy.data == "Local"
    unclear = next((value for value in (target_type, traffic_policy) if not value.known), None)
    found: dict[str, Value] = {}
    for name, suffix in _SERVICE.items():
        setting = NLB_PREFIX + suffix
        default = (_NLB_LOCAL if local else _NLB)[name]
        cite = f"{aws.SERVICE_GUIDE}#{suffix}"
        otherwise = Value(float(default), Default(PRODUCT, setting, cite, service.span, patched))
        if unclear is not None:
            otherwise = Value.unknown(unclear.reason, unclear.place)
        elif not by_controller or text(service.at("spec", "loadBalancerClass")) == "eks.amazonaws.com/nlb":
            otherwise = Value.unknown("what this cluster's controller sets is not read", service.span)
        found[name] = _given(name, (Candidate(setting, service.annotation(setting)),), otherwise)
    return found


def _given(name: str, candidates: Iterable[Candidate], otherwise: Value) -> Value:
    for candidate in candidates:
        if aws.is_given(candidate.node):
            assert candidate.node is not None
            return value_of(candidate.node, candidate.setting, _TYPES[name])
    return otherwise
