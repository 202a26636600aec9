"""Ports that are named by one object and belong to another: is there one of that name?"""

from __future__ import annotations

from collections.abc import Sequence

from kubelint5xx.core.node import Mapping, Node, Reference, Unresolved, items, text
from kubelint5xx.core.node import Sequence as List
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Derived, Subject, Value, Written
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.services import ServicePort, ports_of
from kubelint5xx.link.workloads import Container, Workload, whole_number

SERVICE, CONTAINER = "service", "container"


def to_service(by: str, wanted: Node | None, service: KubeObject) -> Subject | None:
    """The port of ``service`` that ``by`` ("the backend web of Ingress shop/web") names; None where it names none,
    or where the Service is one whose ports mean nothing."""
    if wanted is None or text(service.at("spec", "clusterIP")) == "None" or _is_external(service):
        return None
    written = text(wanted)
    ports = service.at("spec", "ports")
    values = _values(wanted, SERVICE, service.title, ports.span if ports is not None else service.span)
    unclear = _why(wanted) or (f"overlay {service.patched_by} was not built" if service.patched_by else "")
    unclear = unclear or _why_ports(ports, ("port", "name"))
    if written is None or unclear:
        values["found"] = Value.unknown(unclear or "the port is not known", wanted.span)
    else:
        there = any(written in (str(port.number), text(port.node.get("name"))) for port in ports_of(service))
        values["found"] = _found(there, values)
    return Subject("reference", by, wanted.span, values)


def to_containers(port: ServicePort, pods: Sequence[Workload]) -> Subject | None:
    """The containers' port that a Service's port names. A number needs no declaration, so that only names can miss."""
    target = port.node.get("targetPort")
    if target is None or whole_number(target) is not None or text(port.service.at("spec", "clusterIP")) == "None":
        return None
    name = text(target)
    if name is not None and (name.isdecimal() or not name):
        return None
    owner = pods[0].owner.title if len(pods) == 1 else f"any of the {len(pods)} workloads that it selects"
    values = _values(target, CONTAINER, owner, pods[0].owner.span)
    containers = [one for workload in pods for one in workload.containers()]
    unclear = _why(target) or _unbuilt(port.service, pods) or _why_containers(pods, containers)
    if name is not None and any(one.port_named(name) is not None for one in containers):
        values["found"] = _found(True, values)
    elif name is None or unclear:
        values["found"] = Value.unknown(unclear or "the target port is not known", target.span)
    else:
        values["found"] = _found(False, values)
    called = text(port.node.get("name"))
    by = f"the port {called} of {port.service.title}" if called else port.service.title
    return Subject("reference", by, target.span, values)


def _values(wanted: Node, where: str, owner: str, place: Span) -> dict[str, Value]:
    return {
        "wanted": Value(text(wanted), Written(wanted.span), _why(wanted)),
        "where": Value(where, Written(wanted.span)),
        "owner": Value(owner, Written(place)),
    }


def _found(there: bool, values: dict[str, Value]) -> Value:
    return Value(there, Derived("is there", (values["wanted"], values["owner"])))


def _is_external(service: KubeObject) -> bool:
    return text(service.at("spec", "type")) == "ExternalName"


def _unbuilt(service: KubeObject, pods: Sequence[Workload]) -> str:
    overlays = [thing.patched_by for thing in (service, *(one.owner for one in pods)) if thing.patched_by]
    return f"overlay {overlays[0]} was not built" if overlays else ""


def _why_containers(pods: Sequence[Workload], containers: Sequence[Container]) -> str:
    """Why there may be more ports than are seen."""
    for workload in pods:
        for key in ("containers", "initContainers"):
            given = workload.spec.get(key)
            if given is None and workload.spec.open:
                return workload.spec.open
            if given is not None and (not isinstance(given, List) or any(_why(item) for item in given.items)):
                return _why(given) or "not all of its containers are known"
    for one in containers:
        if why := one.node.open or _why_ports(one.node.get("ports"), ("name",)):
            return why
    return ""


def _why_ports(ports: Node | None, keys: tuple[str, ...]) -> str:
    if ports is None:
        return ""
    if not isinstance(ports, List):
        return _why(ports)
    for port in items(ports):
        if not isinstance(port, Mapping):
            return _why(port) or "not all of its ports are known"
        for key in keys:
            found = port.get(key)
            if why := port.open or (_why(found) if found is not None else ""):
                return why
    return ""


def _why(node: Node) -> str:
    if isinstance(node, Unresolved):
        return node.reason
    return f"it is set from {node.address}" if isinstance(node, Reference) else ""
