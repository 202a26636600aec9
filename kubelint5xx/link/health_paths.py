"""What is asked to tell whether a pod can take requests: by its load balancer, and by the kubelet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.attributes import attribute, blocks, is_set, text_at, why_hidden, why_unknown
from kubelint5xx.link.aws_controller import NLB_PREFIX, PREFIX, PRODUCT, Candidate
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.workloads import Container, whole_number
from kubelint5xx.model.knobs import TEXT

if TYPE_CHECKING:
    from kubelint5xx.eval.resource import Resource

PROTOCOL, PATH, PORT = "health_protocol", "health_path", "health_port"
TRAFFIC_PORT = "traffic-port"

_TARGETS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"
_PROBES = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe"
_SUFFIXES = {PROTOCOL: "healthcheck-protocol", PATH: "healthcheck-path", PORT: "healthcheck-port"}
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")


def ingress_health_path(
    service: KubeObject, ingress: KubeObject, patched: tuple[str, ...], auto_mode: bool
) -> dict[str, Value]:
    """What the controller has the target group of an Ingress's backend ask for."""
    found: dict[str, Value] = {}
    for name, default in ((PROTOCOL, "http"), (PATH, "/"), (PORT, TRAFFIC_PORT)):
        setting = PREFIX + _SUFFIXES[name]
        cite = f"{aws.INGRESS_GUIDE}#{_SUFFIXES[name]}"
        otherwise = Value(default, Default(PRODUCT, setting, cite, ingress.span, patched))
        if auto_mode:
            otherwise = Value.unknown("what EKS Auto Mode sets is not read", ingress.span)
        candidates = (Candidate(setting, thing.annotation(setting)) for thing in (service, ingress))
        found[name] = _given(name, candidates, otherwise)
    return found


def service_health_path(service: KubeObject, target_type: Value, traffic_policy: Value) -> dict[str, Value]:
    """What a Service's Network Load Balancer asks for. With instance targets and externalTrafficPolicy Local that is
    the node's kube-proxy, and no pod."""
    if target_type.data != "ip" and traffic_policy.data != "Cluster":
        reason = target_type.reason or "kube-proxy answers for the node"
        return dict.fromkeys(_SUFFIXES, Value.unknown(reason, service.span))
    patched = (f"overlay {service.patched_by} was not built",) if service.patched_by else ()
    found: dict[str, Value] = {}
    for name, default in ((PROTOCOL, "tcp"), (PATH, "/"), (PORT, TRAFFIC_PORT)):
        setting = NLB_PREFIX + _SUFFIXES[name]
        otherwise = Value(
            default, Default(PRODUCT, setting, f"{aws.SERVICE_GUIDE}#{_SUFFIXES[name]}", service.span, patched)
        )
        found[name] = _given(name, (Candidate(setting, service.annotation(setting)),), otherwise)
    return found


def terraform_health_path(resource: Resource) -> dict[str, Value]:
    """What an ``aws_lb_target_group`` asks for."""
    body = resource.body
    block = next(blocks(body, "health_check"), None)
    if block is None and (hidden := why_hidden(body, "health_check")):
        return dict.fromkeys(_SUFFIXES, Value.unknown(hidden, resource.span))
    place = block.span.first_line() if block is not None else resource.span
    layer7 = (text_at(body, "protocol") or "HTTP").upper() in ("HTTP", "HTTPS")
    # The provider's blocks check by HTTP unless they say otherwise, AWS as the group itself speaks.
    protocol = "http" if block is not None or layer7 else "tcp"
    found: dict[str, Value] = {}
    for name, key, default in ((PROTOCOL, "protocol", protocol), (PATH, "path", "/"), (PORT, "port", TRAFFIC_PORT)):
        otherwise = Value(default, Default("an AWS target group", f"health_check.{key}", _TARGETS, place))
        value = attribute(block, key, TEXT, otherwise) if block is not None else otherwise
        found[name] = _normal(name, value)
    return found


def readiness_target(container: Container) -> dict[str, Value]:
    """``readiness_check``, ``readiness_path`` and ``readiness_port`` of a container."""
    names = ("readiness_check", "readiness_path", "readiness_port")
    probe = container.node.get("readinessProbe")
    if not is_set(probe):
        if probe is None and container.node.open:
            return dict.fromkeys(names, Value.unknown(container.node.open, container.place))
        unknown = Value.unknown("it has no readiness probe", container.place)
        return {**dict.fromkeys(names, unknown), names[0]: Value("none", container.default("readinessProbe", _PROBES))}
    if not isinstance(probe, Mapping):
        reason = (why_unknown(probe) if probe is not None else "") or "readinessProbe is not a mapping"
        return dict.fromkeys(names, Value.unknown(reason, container.place))
    kind = next((entry for entry in probe.entries if entry.key.value in _HANDLERS), None)
    if kind is None:
        return dict.fromkeys(names, Value.unknown(probe.open or "its probe asks for nothing", probe.span.first_line()))
    check = aws.written(kind.key, f"readinessProbe.{kind.key.value}")
    found = dict.fromkeys(names, Value.unknown("it does not ask by HTTP", kind.key.span))
    found["readiness_check"] = Value(str(kind.key.value), check)
    if kind.key.value == "httpGet":
        found["readiness_path"] = _probe_path(container, kind.value, kind.key.span)
        found["readiness_port"] = _probe_port(container, kind.value, kind.key.span)
    return found


def _probe_path(container: Container, handler: Node, place: Span) -> Value:
    node = handler.get("path") if isinstance(handler, Mapping) else None
    if node is None or text(node) == "":
        if not isinstance(handler, Mapping) or handler.open:
            return Value.unknown("what its probe asks for is not known", place)
        return Value("/", Default("Kubernetes", "httpGet.path", _PROBES, place, container.workload.unseen))
    said = text(node)
    if said is None:
        return Value.unknown(why_unknown(node) or "its path is not a text", node.span)
    return Value(said if said.startswith("/") else f"/{said}", aws.written(node, "httpGet.path"))


def _probe_port(container: Container, handler: Node, place: Span) -> Value:
    node = handler.get("port") if isinstance(handler, Mapping) else None
    number = whole_number(node) or (container.port_named(text(node) or "") if isinstance(node, Scalar) else None)
    if node is None or number is None:
        reason = node.reason if isinstance(node, Unresolved) else "the port of its probe is not known"
        return Value.unknown(reason, node.span if node is not None else place)
    return Value(str(number), aws.written(node, "httpGet.port"))


def _given(name: str, candidates: Iterable[Candidate], otherwise: Value) -> Value:
    for candidate in candidates:
        if aws.is_given(candidate.node):
            assert candidate.node is not None
            said = text(candidate.node)
            if said is None:
                return Value.unknown(why_unknown(candidate.node) or "it is not a text", candidate.node.span)
            return _normal(name, Value(said.strip(), aws.written(candidate.node, candidate.setting)))
    return otherwise


def _normal(name: str, value: Value) -> Value:
    if not isinstance(value.data, str):
        return value
    if name == PROTOCOL:
        said = {"http": "http", "https": "http", "tcp": "tcp"}.get(value.data.lower())
        return Value(said, value.origin, "" if said else "how it is checked is not known")
    if name == PORT and value.data != TRAFFIC_PORT and not value.data.isdigit():
        return Value(None, value.origin, "the port that is checked is named elsewhere")
    return value
