"""From a backend of an Ingress to a Service's port, and on to the pods that it selects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kubelint5xx.core.node import Mapping, Node, Reference, Unresolved, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.scopes import Scope, nearest
from kubelint5xx.link.workloads import Workload, whole_number


@record
class Backend:
    """What an Ingress names: a Service and one of its ports, at ``place``."""

    service: str
    port: Node | None
    place: Span


@record(eq=False)
class ServicePort:
    """One port of a Service."""

    service: KubeObject
    node: Mapping

    @property
    def number(self) -> int | None:
        return whole_number(self.node.get("port"))

    @property
    def node_port(self) -> int | None:
        return whole_number(self.node.get("nodePort"))

    @property
    def target(self) -> Node | None:
        """The pods' port, a number or a name; the Service's own where none is written."""
        given = self.node.get("targetPort")
        return given if given is not None and text(given) != "0" else self.node.get("port")

    @property
    def title(self) -> str:
        """How a route calls it."""
        if self.node_port:
            return f"{self.service.title} (NodePort {self.node_port})"
        return f"{self.service.title}, port {self.number}" if self.number else self.service.title


def service_of(scope: Scope, namespace: str, name: str) -> KubeObject | None:
    """The core Service of that name; Knative's are of another kind with the same name."""
    found = scope.find("Service", namespace, name)
    return (
        found
        if found and not found.group
        else next(
            (
                thing
                for thing in scope.of("Service")
                if not thing.group and thing.name == name and thing.namespace == namespace
            ),
            None,
        )
    )


def ports_of(service: KubeObject) -> list[ServicePort]:
    """The ports over which HTTP can come: those of TCP, which is the protocol where none is written."""
    ports = (port for port in items(service.at("spec", "ports")) if isinstance(port, Mapping))
    return [ServicePort(service, port) for port in ports if text(port.get("protocol")) not in ("UDP", "SCTP")]


def port_of(service: KubeObject, wanted: Node | None) -> ServicePort | str:
    """The port of ``service`` that ``wanted`` names or numbers; without it, its only one. A text tells why not."""
    ports = ports_of(service)
    if isinstance(wanted, (Unresolved, Reference)):
        return wanted.reason if isinstance(wanted, Unresolved) else f"its port is set from {wanted.address}"
    written = text(wanted)
    if written is None:
        return ports[0] if len(ports) == 1 else f"{service.title} has {len(ports)} ports, and none is named"
    number = whole_number(wanted)
    for port in ports:
        if (number is not None and port.number == number) or text(port.node.get("name")) == written:
            return port
    return f"{service.title} has no port {written}"


# Workloads by namespace and one label of their pods, so that a selector need not look at all of them.
LabelIndex = dict[tuple[str, str, str], list[Workload]]


def label_index(workloads: Iterable[Workload]) -> LabelIndex:
    found: LabelIndex = defaultdict(list)
    for one in workloads:
        for key, value in one.labels.items():
            found[one.owner.namespace, key, value].append(one)
    return dict(found)


def pods_of(service: KubeObject, index: LabelIndex, anywhere: bool = False) -> list[Workload] | str:
    """The workloads whose pods ``service`` selects, or why none is known. Of several those that are written nearest to
    it, unless ``anywhere``."""
    selector = service.at("spec", "selector")
    if text(service.at("spec", "type")) == "ExternalName":
        return f"{service.title} stands for a name outside of the cluster"
    if not isinstance(selector, Mapping) or not selector.entries:
        return selector.reason if isinstance(selector, Unresolved) else f"{service.title} selects no pods by labels"
    wanted = labels_of(selector)
    if len(wanted) < len(set(selector.keys())):
        return f"the selector of {service.title} is not known"
    labelled = min((index.get((service.namespace, *pair), []) for pair in wanted.items()), key=len)
    found = {one.owner: one for one in labelled if wanted.items() <= one.labels.items()}
    if not found:
        return f"nothing here makes the pods that {service.title} selects"
    return list(found.values()) if anywhere else [found[owner] for owner in nearest(service.path, list(found))]


def backends_of(ingress: KubeObject) -> Iterator[Backend | Unresolved]:
    """The backends of an Ingress, of its rules first; those that are no Services are left out."""
    for rule in items(ingress.at("spec", "rules")):
        for path in items(child(rule, "http", "paths")):
            if (backend := child(path, "backend")) is not None:
                yield from _backend(backend)
    for key in ("defaultBackend", "backend"):
        if (backend := ingress.at("spec", key)) is not None:
            yield from _backend(backend)


def _backend(backend: Node) -> Iterator[Backend | Unresolved]:
    name = child(backend, "service", "name") or child(backend, "serviceName")
    port = child(backend, "service", "port")
    if isinstance(name, Unresolved):
        yield name
    elif name is not None and (written := text(name)):
        if isinstance(port, Mapping):
            port = port.get("number") or port.get("name")
        yield Backend(written, port if port is not None else child(backend, "servicePort"), name.span)
