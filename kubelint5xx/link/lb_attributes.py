"""Attributes of AWS load balancers, each as a setting where it stands, and what several objects say of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Unresolved, entries, items, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Subject, Value, Written
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.model.aws_attributes import (
    BALANCER,
    INGRESS_PREFIX,
    LISTENER,
    RANGES,
    SERVICE_PREFIX,
    TARGET_GROUP,
    out_of_range,
)
from kubelint5xx.model.topology import Setting

if TYPE_CHECKING:
    from kubelint5xx.link.terraform_root import Root

ATTRIBUTE, ANNOTATION = "lb-attribute", "lb-annotation"
_CLASSES = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/ingress_class/"
_LISTS = {
    f"{INGRESS_PREFIX}load-balancer-attributes": BALANCER,
    f"{INGRESS_PREFIX}frontend-nlb-attributes": BALANCER,
    f"{INGRESS_PREFIX}target-group-attributes": TARGET_GROUP,
    f"{SERVICE_PREFIX}attributes": BALANCER,
    f"{SERVICE_PREFIX}target-group-attributes": TARGET_GROUP,
}
_LISTENERS = (f"{INGRESS_PREFIX}listener-attributes.", f"{SERVICE_PREFIX}listener-attributes.")
_TIMES = (f"{SERVICE_PREFIX}connection-idle-timeout", f"{SERVICE_PREFIX}connection-draining-timeout")
# Terraform's arguments that are lengths of time, by the kind of resource.
_ARGUMENTS = {
    "aws_lb": (BALANCER, ("idle_timeout", "client_keep_alive")),
    "aws_alb": (BALANCER, ("idle_timeout", "client_keep_alive")),
    "aws_elb": (BALANCER, ("idle_timeout", "connection_draining_timeout")),
    "aws_lb_target_group": (TARGET_GROUP, ("deregistration_delay",)),
    "aws_alb_target_group": (TARGET_GROUP, ("deregistration_delay",)),
    "aws_lb_listener": (LISTENER, ("tcp_idle_timeout_seconds",)),
    "aws_alb_listener": (LISTENER, ("tcp_idle_timeout_seconds",)),
}


def manifest_attributes(scope: Scope) -> Iterator[Setting]:
    """The attributes and annotations of Ingresses, Services and IngressClassParams."""
    for thing in scope.of("Ingress", "Service"):
        for entry in entries(thing.at("metadata", "annotations")):
            yield from _annotated(thing, entry)
    for thing in scope.of("IngressClassParams"):
        yield from _listed(thing, aws.pairs(thing.at("spec", "loadBalancerAttributes")), BALANCER)
        for listener in items(thing.at("spec", "listeners")):
            given = listener.get("listenerAttributes") if isinstance(listener, Mapping) else None
            yield from _listed(thing, aws.pairs(given), LISTENER)
    for thing in scope.of("LoadBalancerConfiguration"):
        yield from _listed(thing, aws.pairs(thing.at("spec", "loadBalancerAttributes")), BALANCER)
    for thing in scope.of("TargetGroupConfiguration"):
        given = thing.at("spec", "defaultConfiguration", "targetGroupAttributes")
        yield from _listed(thing, aws.pairs(given), TARGET_GROUP)


def _annotated(thing: KubeObject, entry: Entry) -> Iterator[Setting]:
    key = str(entry.key.value)
    if not key.startswith((INGRESS_PREFIX, SERVICE_PREFIX)):
        return
    yield _setting(f"the annotation {key} of {thing.title}", ANNOTATION, "", entry)
    holder = LISTENER if key.startswith(_LISTENERS) else _LISTS.get(key)
    if holder is not None:
        yield from _listed(thing, aws.string_map(entry.value), holder)
    elif key in _TIMES:
        yield _setting(f"the annotation {key} of {thing.title}", ATTRIBUTE, BALANCER, entry)


def _listed(thing: KubeObject, given: Mapping | None, holder: str) -> Iterator[Setting]:
    for entry in given.entries if given is not None else ():
        yield _setting(f"the attribute {entry.key.value} of {thing.title}", ATTRIBUTE, holder, entry)


def terraform_attributes(root: Root) -> Iterator[Setting]:
    """The arguments of a root's load balancers, target groups and listeners that are lengths of time."""
    for resource in root.of(_ARGUMENTS):
        holder, names = _ARGUMENTS[resource.type]
        for name in names:
            entry = resource.body.entry(name)
            if entry is None or _is_null(entry.value) or (holder == BALANCER and not _counts(resource.body)):
                continue
            yield _setting(f"{name} of {resource.address}", ATTRIBUTE, holder, entry)
        # CloudFormation lists attributes by the keys of the API, which hold dots; those above were renamed.
        for entry in resource.body.entries if not resource.by_terraform else ():
            if "." in str(entry.key.value):
                yield _setting(f"the attribute {entry.key.value} of {resource.address}", ATTRIBUTE, holder, entry)


def _counts(body: Mapping) -> bool:
    """Whether the provider passes idle timeouts on: those of other kinds than application are ignored."""
    kind = body.get("load_balancer_type")
    return kind is None or text(kind) == "application"


def _setting(name: str, where: str, holder: str, entry: Entry) -> Setting:
    key, node = str(entry.key.value), entry.value
    place = entry.key.span
    values = {
        "key": Value(key, Written(place)),
        "where": Value(where, Written(place)),
        "holder": Value(holder, Written(place)),
        "text": _text(node),
    }
    if key in RANGES:
        values["length"] = _length(node)
    return Setting(Subject("setting", name, place, values))


def _text(node: Node) -> Value:
    via = node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()
    return Value(text(node), Written(node.span, "", "", via), "" if text(node) is not None else _why(node))


def _length(node: Node) -> Value:
    origin = _text(node).origin
    written = (text(node) or "").strip()
    if written.isascii() and written.removeprefix("-").isdecimal() and len(written) < 16:
        return Value(float(written), origin)
    return Value(None, origin, _why(node) if text(node) is None else "it is not a number of seconds")


def _why(node: Node) -> str:
    if isinstance(node, Unresolved):
        return node.reason
    return f"it is set from {node.address}" if isinstance(node, Reference) else "it is not a text"


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def without_refused(given: Mapping) -> Mapping:
    """The attributes, those unknown that AWS refuses: what holds instead depends on what was there before."""
    if not any(_is_refused(entry) for entry in given.entries):
        return given
    reason = "AWS does not accept it"
    kept = (
        Entry(entry.key, Unresolved(entry.value.span, reason)) if _is_refused(entry) else entry
        for entry in given.entries
    )
    return Mapping(given.span, tuple(kept), given.open)


def _is_refused(entry: Entry) -> bool:
    written = text(entry.value)
    return written is not None and out_of_range(str(entry.key.value), written)


def shared_attributes(
    balancer: str, members: Sequence[KubeObject], params: KubeObject | None, class_seen: Span | None
) -> Iterator[Subject]:
    """What the Ingresses of a group say of each attribute of their common load balancer, where several say something.

    ``class_seen`` is the IngressClass; without it the files do not tell whether its parameters decide.
    """
    said: dict[str, list[tuple[KubeObject, Entry]]] = {}
    for member in members:
        given = aws.string_map(member.annotation(f"{INGRESS_PREFIX}load-balancer-attributes"))
        for entry in given.entries if given is not None else ():
            said.setdefault(str(entry.key.value), []).append((member, entry))
    own = aws.pairs(params.at("spec", "loadBalancerAttributes")) if params is not None else None
    for key, claims in said.items():
        if len(claims) > 1:
            yield _shared(balancer, key, claims, _of_class(key, own, params, class_seen, claims[0][0]))


def _shared(balancer: str, key: str, claims: Sequence[tuple[KubeObject, Entry]], of_class: Value) -> Subject:
    (first, entry), *others = claims
    other, its = next(((thing, mine) for thing, mine in others if text(mine.value) != text(entry.value)), others[-1])
    values = {
        "key": Value(key, Written(entry.key.span)),
        "value": _text(entry.value),
        "other": _text(its.value),
        "setter": Value(first.title, Written(first.span)),
        "other_setter": Value(other.title, Written(other.span)),
        "of_class": of_class,
    }
    if patched := [thing for thing, _ in claims if thing.patched_by]:
        values["other"] = Value.unknown(f"overlay {patched[0].patched_by} was not built", its.value.span)
    return Subject("attribute", f"the attribute {key} of {balancer}", its.key.span, values)


def _of_class(
    key: str, own: Mapping | None, params: KubeObject | None, class_seen: Span | None, member: KubeObject
) -> Value:
    if own is not None and (entry := own.entry(key)) is not None:
        return Value(True, Written(entry.value.span, "loadBalancerAttributes"))
    if own is not None and own.open:
        return Value.unknown(own.open, own.span)
    unseen = () if class_seen is not None else ("the IngressClass and its parameters",)
    place = params.span if params is not None else class_seen or member.span
    return Value(False, Default("the IngressClass", "loadBalancerAttributes", _CLASSES, place, unseen))


def all_manifest_attributes(scopes: Iterable[Scope]) -> list[Setting]:
    return [setting for scope in scopes for setting in manifest_attributes(scope)]
