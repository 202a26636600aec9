"""Edges, as they are made: who sends, who receives, and what holds between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kubelint5xx.config import BUDGETS, Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Unresolved, text
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Join, Subject, Value, Written, doubted
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.port_protocols import UNSAID, port_transport
from kubelint5xx.link.receivers import Receiver, Receivers
from kubelint5xx.link.references import to_containers
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort
from kubelint5xx.model.topology import Edge, Hop, Setting, Undecided

Facts = dict[str, Value]


@record(frozen=False)
class Paths:
    """Collects edges. ``reached``: the Services' ports that something is known to send to. ``implausible``: settings of
    hops that only make sense in another unit, by their places."""

    receivers: Receivers
    config: Config
    edges: list[Edge] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    implausible: dict[Span | None, Setting] = field(default_factory=dict)
    references: dict[tuple[int, str], Subject] = field(default_factory=dict)
    attributes: list[Subject] = field(default_factory=list)
    _joined: set[tuple[int, int, int]] = field(default_factory=set)

    def connect(
        self,
        sender: Hop,
        port: ServicePort,
        scope: Scope,
        facts: Facts,
        route: Sequence[Step] = (),
        joins: tuple[Join, ...] = (),
        target_group: Subject | None = None,
    ) -> list[Receiver]:
        """Edges from ``sender`` to all servers behind a Service's port. ``route``: what stands before the Service."""
        if id(port.node) not in self.reached:
            self.reached.add(id(port.node))
            pods = self.receivers.pods(port, scope, anywhere=True)
            self.refer(None if isinstance(pods, str) else to_containers(port, pods))
        found = self.receivers.of_port(port, scope)
        for receiver in found:
            key = id(sender.outbound), id(port.node), id(receiver.hop)
            if key not in self._joined:
                self._joined.add(key)
                way = (*(route or (Step(sender.name, sender.place),)), Step(port.title, port.service.span))
                told = {"spoken": facts["protocol"], "port_transport": transport_of(port, receiver)}
                self.edge(sender, receiver, facts | told, way, joins, target_group)
        return found

    def refer(self, reference: Subject | None) -> None:
        """Takes down that something names a port of something else."""
        if reference is not None:
            self.references.setdefault((id(reference.place), reference.name), reference)

    def judge(self, hop: Hop) -> None:
        """Notes the hop's settings that only make sense in another unit, each once."""
        for setting in hop.implausible:
            self.implausible.setdefault(setting.subject.place, setting)

    def note(self, what: str, reason: str, place: Span | None) -> None:
        self.undecided.append(Undecided(what, reason, place))

    def edge(
        self,
        sender: Hop,
        receiver: Receiver,
        facts: Facts,
        way: tuple[Step, ...],
        joins: tuple[Join, ...],
        target_group: Subject | None,
    ) -> None:
        """One edge, and those to what the receiver passes requests on to in its own pod."""
        name = f"the way from {sender.name} to {receiver.hop.name}"
        never = Value(False, Default("Kubernetes"))
        values = {"inside_pod": never, "of_task": never, **facts, **_own_protocol(receiver.hop)}
        values["port"] = _port(receiver)
        self._budget_at(receiver, values)
        values["flow_idle"] = _flow_idle(sender)
        self.judge(sender)
        self.judge(receiver.hop)
        unsaid = Value(UNSAID, Default("Kubernetes", "", "", receiver.container.place))
        for quantity, otherwise in (("spoken", facts["protocol"]), ("transport", unsaid), ("port_transport", unsaid)):
            values.setdefault(quantity, otherwise)
        subject = Subject("edge", name, receiver.hop.place, values, joins)
        route = (*way, *receiver.steps)
        self.edges.append(Edge(subject, sender, receiver.hop, route, receiver.pod, target_group))
        for inner in receiver.behind:
            # What a proxy passes requests on to stands in its image's files.
            inside, through = _inside_pod(receiver, facts), (*joins, *receiver.joins)
            self.edge(receiver.hop, inner, inside, (*way, *receiver.steps), through, None)
        for onward in receiver.onward:
            self.connect(onward.sender, onward.port, onward.scope, dict(onward.facts), route, joins=receiver.joins)

    def _budget_at(self, receiver: Receiver, values: Facts) -> None:
        """A budget is that of the files that the receiver stands in."""
        own = self.config.at(receiver.container.place.path)
        for name in BUDGETS if own is not self.config else ():
            if values.get("propagation") is self.config.budget(name):
                values["propagation"] = own.budget(name)


def transport_of(port: ServicePort, receiver: Receiver) -> Value:
    """What the port of a receiver serves: TLS or not, as far as anything tells."""
    if receiver.transport is not None:
        return receiver.transport
    if receiver.hop.role == "sidecar":
        return Value.unknown("the sidecar decides what it takes", receiver.hop.place)
    return port_transport(port, receiver.container, receiver.port, bool(receiver.hop.product))


def _flow_idle(sender: Hop) -> Value:
    """How long a balancer that passes connections on, and sends no requests itself, remembers an idle one."""
    if sender.product == "aws_nlb":
        return sender.outbound.read("idle_timeout")
    if not sender.product:
        return Value.unknown(f"what {sender.name} is, is not known", sender.place)
    return Value(math.inf, Default("a sender of requests", "", "", sender.place))


def target_facts(target_type: Value, protocol: Value, config: Config, ip_budget: str = "endpoint_propagation") -> Facts:
    """What follows for an edge from the type of a balancer's targets."""
    by_node = None if target_type.data is None else target_type.data == "instance"
    how = "instance targets are nodes, which pass connections on by kube-proxy"
    through = Value(by_node, Derived(how, (target_type,)), target_type.reason)
    if by_node is None and ip_budget != "endpoint_propagation":
        propagation = Value.unknown(target_type.reason, target_type.place)
    else:
        propagation = config.budget("endpoint_propagation" if by_node else ip_budget)
    return {
        "protocol": protocol,
        "target_type": target_type,
        "pinned": through,
        "through_kube_proxy": through,
        "propagation": propagation,
    }


def node_port_facts(place: Span, config: Config) -> Facts:
    """The facts of an edge over a NodePort or a plain LoadBalancer Service: every node passes connections on."""
    through = Value(True, Written(place, "spec.type"))
    return {
        "protocol": Value.unknown("what the clients speak is not known", place),
        "target_type": Value("instance", Derived("nodes receive the connections", (through,))),
        "pinned": through,
        "through_kube_proxy": through,
        "propagation": config.budget("endpoint_propagation"),
    }


def unknown_facts(thing: KubeObject, config: Config) -> Facts:
    """The facts of an edge whose sender is not known: only that requests come."""
    reason = f"what sends the requests of {thing.title} is not known"
    names = ("protocol", "target_type", "pinned", "through_kube_proxy")
    unknown = {name: Value.unknown(reason, thing.span) for name in names}
    return unknown | {"propagation": config.budget("endpoint_propagation")}


def traffic_policy(port: ServicePort) -> Value:
    """``externalTrafficPolicy`` of the Service: Cluster or Local."""
    service = port.service
    node = service.at("spec", "externalTrafficPolicy")
    if node is None:
        unseen = (f"overlay {service.patched_by} was not built",) if service.patched_by else ()
        cite = "https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/"
        return Value("Cluster", Default("Kubernetes", "spec.externalTrafficPolicy", cite, service.span, unseen))
    written = text(node)
    known = written if written in ("Cluster", "Local") else None
    reason = node.reason if isinstance(node, Unresolved) else "externalTrafficPolicy is neither Cluster nor Local"
    return Value(known, Written(node.span, "spec.externalTrafficPolicy"), "" if known else reason)


def _own_protocol(server: Hop) -> Facts:
    """A server that takes one protocol only settles what is spoken to it."""
    own = server.inbound.values.get("protocol")
    if own is None or not own.known:
        return {}
    told = Value(own.data, Derived(f"{server.name} takes no other", (own,)))
    return {"protocol": doubted(told, server.inbound.joins)}


def _port(receiver: Receiver) -> Value:
    place = receiver.container.place
    if receiver.port is None:
        return Value.unknown("the port that it listens on is not known", place)
    return Value(str(receiver.port), Written(place, "ports"))


def _inside_pod(proxy: Receiver, facts: Facts) -> Facts:
    apart = Value(False, Written(proxy.container.place, "containers"))
    return {
        "protocol": proxy.speaks
        or Value.unknown("what the proxy speaks to the loopback address is not read", proxy.container.place),
        "target_type": Value.unknown("both run in one pod", proxy.container.place),
        "pinned": apart,
        "through_kube_proxy": apart,
        "inside_pod": Value(True, Written(proxy.container.place, "containers")),
        "propagation": facts["propagation"],
        "of_task": facts.get("of_task", Value(False, Default("Kubernetes"))),
    }
