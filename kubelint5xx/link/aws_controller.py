"""What the AWS Load Balancer Controller makes of annotations and of its own objects.

Its precedence, for one and the same setting: IngressClassParams, the Service's annotation, the Ingress's annotation,
the controller's default. Source: docs/guide/ingress/annotations.md and pkg/ingress of
kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Unresolved, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Origin, Value, Written
from kubelint5xx.formats import json
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.formats.shell_words import portions
from kubelint5xx.hops.convert import seconds
from kubelint5xx.link.attributes import value_of
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.services import Backend
from kubelint5xx.model.knobs import BOOL

PREFIX, NLB_PREFIX = "alb.ingress.kubernetes.io/", "service.beta.kubernetes.io/aws-load-balancer-"
CONTROLLERS = ("ingress.k8s.aws/alb", "eks.amazonaws.com/alb")
NLB_CLASSES = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")
PRODUCT = "AWS Load Balancer Controller"
PROTOCOLS = {"HTTP1": "http1", "HTTP2": "http2", "GRPC": "grpc"}
DEREGISTRATION = "deregistration_delay.timeout_seconds"
TERMINATION = "deregistration_delay.connection_termination.enabled"

_GUIDE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/"
INGRESS_GUIDE, SERVICE_GUIDE = f"{_GUIDE}ingress/annotations/", f"{_GUIDE}service/annotations/"
_TARGET_GROUPS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html"
_NLB_TARGET_GROUPS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html"


@record
class Candidate:
    """One place that may set something, with the setting's name there. Earlier candidates win."""

    setting: str
    node: Node | None


def string_map(node: Node | None) -> Mapping | None:
    """The entries of an annotation such as ``a=1, b=2``, each at its own place; None where there is no annotation."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return None
    if not isinstance(node, Scalar):
        return Mapping(node.span, (), node.reason if isinstance(node, Unresolved) else "the annotation is not a text")
    raw, place, at = text(node) or "", portions(node), 0
    found: list[Entry] = []
    for part in raw.split(","):
        start, at = at, at + len(part) + 1
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            continue
        key, content = name.strip(), value.strip()
        key_at = start + len(name) - len(name.lstrip())
        value_at = start + len(name) + 1 + len(value) - len(value.lstrip())
        # The pair is looked for as a whole: a number alone may occur elsewhere in the text.
        pair = place(key_at, value_at + len(content))
        found.append(
            Entry(
                Scalar(_part(pair, 0, key), key, key),
                Scalar(_part(pair, value_at - key_at, content), content, content, via=node.via),
            )
        )
    return Mapping(node.span, tuple(found))


def _part(pair: Span, start: int, content: str) -> Span:
    """Where ``content`` stands in a pair; the whole pair where the file writes it in another way."""
    part = Span(pair.source, pair.start + start, pair.start + start + len(content))
    return part if part.text == content else pair


def pairs(node: Node | None) -> Mapping | None:
    """The same from a list of ``{key, value}``, as IngressClassParams writes it."""
    if node is None:
        return None
    if isinstance(node, Unresolved):
        return Mapping(node.span, (), node.reason)
    found: list[Entry] = []
    for item in items(node):
        key, value = (item.get("key"), item.get("value")) if isinstance(item, Mapping) else (None, None)
        if isinstance(key, Scalar) and value is not None and (name := text(key)):
            found.append(Entry(Scalar(key.span, name, name), value))
    return Mapping(node.span, tuple(found))


def load_balancer_attributes(members: Sequence[KubeObject], params: KubeObject | None) -> Mapping:
    """The balancer's attributes: those of the class, then those on which the members of a group agree."""
    own = pairs(params.at("spec", "loadBalancerAttributes")) if params else None
    found: dict[str, Entry] = {str(entry.key.value): entry for entry in own.entries} if own else {}
    fixed = set(found)
    unseen = [own.open] if own and own.open else []
    for member in members:
        if member.patched_by:
            unseen.append(f"overlay {member.patched_by} was not built")
        given = string_map(member.annotation(f"{PREFIX}load-balancer-attributes"))
        if given is None:
            continue
        if given.open:
            unseen.append(given.open)
        for entry in given.entries:
            key = str(entry.key.value)
            if key in fixed:
                continue
            before = found.get(key)
            if before is None or text(before.value) == text(entry.value):
                found.setdefault(key, entry)
            else:
                reason = f"the Ingresses of the group set {key} to different values"
                found[key] = Entry(entry.key, Unresolved(entry.value.span, reason))
    place = members[0].span if members else params.span if params else None
    assert place is not None, "a balancer has an Ingress or a class"
    return Mapping(place, tuple(found.values()), "; ".join(dict.fromkeys(unseen)))


def target_type(
    candidates: Iterable[Candidate], place: Span, patched: tuple[str, ...], auto_mode: bool = False
) -> Value:
    """``instance`` or ``ip``; instance where nothing says it, except in EKS Auto Mode."""
    for candidate in candidates:
        if is_given(candidate.node):
            assert candidate.node is not None
            said = (text(candidate.node) or "").strip().lower()
            if said in ("instance", "ip"):
                return Value(said, written(candidate.node, candidate.setting))
            return _unknown(candidate, "it is neither instance nor ip")
    if auto_mode:
        return Value.unknown("EKS Auto Mode chooses the target type, and nothing here says it", place)
    origin = Default(PRODUCT, f"{PREFIX}target-type", f"{INGRESS_GUIDE}#target-type", place, patched)
    return Value("instance", origin)


def protocol(candidates: Iterable[Candidate], place: Span, patched: tuple[str, ...]) -> Value:
    """What is spoken with the targets: http1, http2 or grpc."""
    for candidate in candidates:
        if is_given(candidate.node):
            assert candidate.node is not None
            known = PROTOCOLS.get((text(candidate.node) or "").strip().upper())
            if known:
                return Value(known, written(candidate.node, candidate.setting))
            return _unknown(candidate, "it is none of HTTP1, HTTP2 and GRPC")
    cite = f"{INGRESS_GUIDE}#backend-protocol-version"
    return Value("http1", Default(PRODUCT, f"{PREFIX}backend-protocol-version", cite, place, patched))


def deregistration_delay(attributes: Iterable[Mapping | None], place: Span, patched: tuple[str, ...]) -> Value:
    """The target group's deregistration delay in seconds; attributes that come first win."""
    unseen = list(patched)
    for given in attributes:
        if given is None:
            continue
        node = given.get(DEREGISTRATION)
        if node is not None:
            length = seconds(text(node) or "")
            reason = node.reason if isinstance(node, Unresolved) else "it is not a number of seconds"
            return Value(
                length, Written(node.span, DEREGISTRATION, "s", _via(node)), "" if length is not None else reason
            )
        if given.open:
            return Value.unknown(given.open, given.span)
    return Value(300.0, Default("the target group", DEREGISTRATION, _TARGET_GROUPS, place, tuple(unseen)))


def connection_termination(given: Mapping | None, place: Span, patched: tuple[str, ...]) -> Value:
    """Whether connections are closed when the deregistration delay is over."""
    node = given.get(TERMINATION) if given is not None else None
    if node is not None:
        return value_of(node, TERMINATION, BOOL)
    if given is not None and given.open:
        return Value.unknown(given.open, given.span)
    return Value(False, Default("the target group", TERMINATION, _NLB_TARGET_GROUPS, place, patched))


def node_selector(candidates: Iterable[Candidate]) -> dict[str, str] | None:
    """The labels of the nodes that may be targets; None where every node may."""
    for candidate in candidates:
        given = string_map(candidate.node)
        if given is not None and given.entries:
            return {str(entry.key.value): text(entry.value) or "" for entry in given.entries}
    return None


def forwarded(ingress: KubeObject, name: str, place: Span) -> Iterator[Backend]:
    """The Services of an ``actions.NAME`` annotation that forwards."""
    node = ingress.annotation(f"{PREFIX}actions.{name}")
    if not isinstance(node, Scalar):
        return
    for document in json.read(embedded(node)).documents:
        root = document.root
        config = root.get("forwardConfig") or root.get("ForwardConfig") if isinstance(root, Mapping) else None
        groups = config.get("targetGroups") or config.get("TargetGroups") if isinstance(config, Mapping) else None
        for group in items(groups):
            if isinstance(group, Mapping):
                service = text(group.get("serviceName") or group.get("ServiceName"))
                if service:
                    yield Backend(service, group.get("servicePort") or group.get("ServicePort"), place)


def is_nlb(service: KubeObject) -> bool:
    """Whether an AWS controller makes a Network Load Balancer of a Service of type LoadBalancer."""
    if text(service.at("spec", "loadBalancerClass")) in NLB_CLASSES:
        return True
    kind = (text(service.annotation(f"{NLB_PREFIX}type")) or "").lower()
    return kind in ("external", "nlb-ip", "nlb") or service.annotation(f"{NLB_PREFIX}nlb-target-type") is not None


def nlb_target_type(service: KubeObject, patched: tuple[str, ...]) -> Value:
    """``ip`` or ``instance`` of the targets of a Service's Network Load Balancer."""
    kind = service.annotation(f"{NLB_PREFIX}type")
    said = (text(kind) or "").lower()
    if said == "nlb-ip" and kind is not None:
        return Value("ip", written(kind, f"{NLB_PREFIX}type"))
    if said == "nlb" and kind is not None:
        # The cloud provider inside Kubernetes knows instances only.
        return Value("instance", written(kind, f"{NLB_PREFIX}type"))
    setting = f"{NLB_PREFIX}nlb-target-type"
    given = service.annotation(setting)
    if is_given(given):
        return target_type((Candidate(setting, given),), service.span, patched)
    if text(service.at("spec", "loadBalancerClass")) == "eks.amazonaws.com/nlb":
        return target_type((), service.span, patched, auto_mode=True)
    return Value("instance", Default(PRODUCT, setting, f"{SERVICE_GUIDE}#nlb-target-type", service.span, patched))


def nlb_attributes(service: KubeObject, port: int | None) -> Mapping:
    """The attributes of the balancer and of its listener on ``port``."""
    unseen = [f"overlay {service.patched_by} was not built"] if service.patched_by else []
    found: list[Entry] = []
    annotations = service.at("metadata", "annotations")
    if isinstance(annotations, Mapping):
        for entry in annotations.entries:
            name = str(entry.key.value).removeprefix(NLB_PREFIX)
            listener = name.startswith("listener-attributes.") and name.endswith(f"-{port}")
            if name == "attributes" or listener:
                given = string_map(entry.value)
                found += given.entries if given else ()
                unseen += [given.open] if given and given.open else []
    elif isinstance(annotations, Unresolved):
        unseen.append(annotations.reason)
    return Mapping(service.span, tuple(found), "; ".join(dict.fromkeys(unseen)))


def is_given(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and text(node) in (None, ""))


def written(node: Node, setting: str) -> Origin:
    return Written(node.span, setting, "", _via(node))


def _via(node: Node) -> tuple[Span, ...]:
    return node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()


def _unknown(candidate: Candidate, otherwise: str) -> Value:
    assert candidate.node is not None
    reason = candidate.node.reason if isinstance(candidate.node, Unresolved) else otherwise
    return Value(None, written(candidate.node, candidate.setting), reason)
