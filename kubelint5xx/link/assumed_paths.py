"""What ``kubelint5xx path --format json`` printed in another repository: its target groups and clusters, read back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, Scalar, entries, items, text
from kubelint5xx.core.value import Data, Default, Derived, Subject, Value, Version, Written
from kubelint5xx.link.attributes import truth, whole
from kubelint5xx.link.parts import Cluster, Senders, TargetGroup
from kubelint5xx.model.knobs import NUMBER, vocabulary
from kubelint5xx.model.topology import Hop

# What joins with manifests tell of a target group, and tell anew where it is joined here.
_JOINED = frozenset(
    {"traffic_policy", "node_port", "sends_to_nodes", "readiness_gate", "pods_grace", "pods_choose_nodes"}
    | {"reset_status", "timeout_status", "no_target_status", "request_time", "request_time_raised", "stop_time"}
)


def groups_of(document: Mapping) -> Iterator[TargetGroup]:
    """The target groups of the other repository, except those that a controller makes of objects there."""
    hops: dict[str, Hop] = {}
    for node in items(document.get("target_groups")):
        if isinstance(node, Mapping) and truth(node.get("registered")) is not True:
            yield _group(node, hops)


def clusters_of(document: Mapping) -> Iterator[Cluster]:
    """The clusters of the other repository. Nothing here lies in their directories."""
    for node in items(document.get("clusters")):
        if isinstance(node, Mapping):
            names = frozenset(filter(None, map(text, items(node.get("names")))))
            scope = f"{node.span.path}:{text(node.get('directory')) or ''}"
            yield Cluster(_subject("cluster", node, "values"), names, scope)


def _group(node: Mapping, hops: dict[str, Hop]) -> TargetGroup:
    subject = _subject("target_group", node, "values")
    for name in _JOINED:
        subject.values.pop(name, None)
    place = subject.place or node.span
    balancers = tuple(_hop(item, hops) for item in items(node.get("balancers")) if isinstance(item, Mapping))
    route = [text(item) for item in items(node.get("route"))]
    aws_name = text(node.get("name"))
    return TargetGroup(
        address=f"{place.path}:{text(node.get('address')) or aws_name}",
        subject=subject,
        balancers=balancers,
        name=aws_name,
        port=whole(node.get("port")),
        protocol_version=text(node.get("protocol_version")) or "",
        route=tuple(Step(label, place) for label in route if label),
        senders=Senders(frozenset(), "the security groups of its balancer are not among the files"),
    )


def _hop(node: Mapping, hops: dict[str, Hop]) -> Hop:
    """One balancer may send to several target groups: it is told with each of them, and made once."""
    key = f"{text(node.get('called'))} {text(node.get('place'))} {text(node.get('address'))}"
    if key not in hops:
        inbound, outbound = _subject("hop", node, "inbound"), _subject("hop", node, "outbound")
        product, role = text(node.get("product")) or "", text(node.get("role")) or "balancer"
        hops[key] = Hop(product, role, inbound.name, inbound.place, inbound, outbound)
    return hops[key]


def _subject(kind: str, node: Mapping, key: str) -> Subject:
    called = node.get("called")
    place = called.span if called is not None else node.span
    types = vocabulary(kind)
    values = {
        str(entry.key.value): _value(entry.value, types[str(entry.key.value)])
        for entry in entries(node.get(key))
        if str(entry.key.value) in types and isinstance(entry.value, Mapping)
    }
    return Subject(kind, text(called) or f"the {kind}", place, values)


def _value(node: Mapping, kind: str) -> Value:
    written, said = node.get("data"), node.get("data") or node
    data = _data(written, kind)
    if data is None:
        return Value.unknown(text(node.get("reason")) or "the other repository does not tell", node.span)
    setting, product = text(node.get("setting")) or "", text(node.get("product")) or ""
    unseen = tuple(filter(None, map(text, items(node.get("unseen")))))
    most = _data(node.get("most"), NUMBER)
    limit = float(most) if isinstance(most, (int, float)) else math.inf
    sure, origin = text(node.get("confidence")), text(node.get("origin"))
    if sure == "low":
        unseen = unseen or ("what the other repository leaves open",)
    elif sure == "high" and origin != "default":
        return Value(data, Written(said.span, setting), most=limit)
    if origin == "default":
        return Value(data, Default(product, setting, text(node.get("cite")) or "", said.span, unseen), most=limit)
    made = Value(data, Default("the other repository", "what it is derived from", "", said.span, unseen))
    return Value(data, Derived("the other repository derives it", (made,)), most=limit)


def _data(node: Node | None, kind: str) -> Data:
    """What the file says in the vocabulary's terms; None where it says nothing that is of ``kind``."""
    written = text(node)
    if written is None or not isinstance(node, Scalar):
        return None
    match kind:
        case "bool":
            return truth(node)
        case "text":
            return written
        case "version":
            return Version.parse(written)
        case "duration" | "number":
            if written == "unlimited":
                return math.inf
            try:
                number = float(written)
            except ValueError:
                return None
            if not math.isfinite(number):
                return None
            return int(number) if kind == NUMBER and number.is_integer() else number
    return None
