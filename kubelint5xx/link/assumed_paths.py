"""What ``kubelint5xx path --format json`` printed in another repository, read back as the parts that it told of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, child, entries, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.value import Members, Subject
from kubelint5xx.link.assumed_values import Reader, mappings, texts
from kubelint5xx.link.attributes import truth, whole
from kubelint5xx.link.clusters import Evidence
from kubelint5xx.link.handlers import Handler
from kubelint5xx.link.kube_proxy import KubeProxy, Liberal
from kubelint5xx.link.nodes import NodeFacts, ScopeFacts
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.parts import Guard, NodeGroup, Opening, Senders, TargetGroup
from kubelint5xx.link.receivers import Receiver
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.told import Told
from kubelint5xx.link.told_objects import KINDS
from kubelint5xx.link.workloads import Container, Workload
from kubelint5xx.model.knobs import BOOL, DURATION, TEXT
from kubelint5xx.model.topology import Edge, Setting

# What joins with manifests tell of a target group, and tell anew where it is joined here.
_JOINED = frozenset(
    {"traffic_policy", "node_port", "sends_to_nodes", "readiness_gate", "pods_grace", "pods_choose_nodes"}
    | {"reset_status", "timeout_status", "no_target_status", "request_time", "request_time_raised", "stop_time"}
    | {"node_groups"}
)
_MAX_DEPTH = 8


def told_of(document: Mapping, environment: str) -> Told | Problem:
    """What the document tells of the environment of that name, or of the only one that it knows."""
    found = document.get("environments")
    if found is None:
        # The first version knew of no environments.
        return _first_version(Reader(document))
    named = {text(one.get("name")) or "": one for one in mappings(found)}
    mine = named.get(environment) if environment else None
    mine = mine or (next(iter(named.values())) if len(named) == 1 else None)
    if mine is None:
        stated = document.span.here()
        known = ", ".join(sorted(name or "one without a name" for name in named)) or "none"
        wanted = f"not {environment}" if environment else "no environment is named here"
        message = f"{document.span.path} tells of several environments ({known}), and {wanted}; none is used"
        if not named:
            message = f"{document.span.path} tells of no environment"
        return Problem(stated.path, stated.line, message, "notice", stated.column)
    return _Environment(Reader(mine)).told()


def _first_version(reader: Reader) -> Told:
    groups = []
    for node in mappings(reader.root.get("target_groups")):
        if truth(node.get("registered")) is not True:
            groups.append(_target_group(node, reader))
    scope = reader.own("")
    evidences = []
    for node in mappings(reader.root.get("clusters")):
        values = reader.values(node.get("values"), "cluster")
        proxy = KubeProxy(reader.place(node.get("place")), values.get("kube_proxy_version"))
        proxy.mode, proxy.replaced = values.get("kube_proxy_mode"), values.get("kube_proxy_replaced")
        evidence = Evidence(
            text(node.get("called")) or "the cluster", reader.certainly(node.get("place")),
            frozenset(texts(node.get("names"))), scope, values.get("kubernetes_version"), proxy,
        )  # fmt: skip
        evidence.aws_controller = values.get("aws_controller")
        evidences.append(evidence)
    return Told(tuple(groups), nodes=NodeFacts(clusters=tuple(evidences)))


def _target_group(node: Mapping, reader: Reader) -> TargetGroup:
    subject = reader.subject("target_group", node)
    registered, served = truth(node.get("registered")) is True, truth(node.get("served")) is True
    if not served:
        for quantity in _JOINED:
            subject.values.pop(quantity, None)
    name, senders = text(node.get("name")), node.get("senders")
    labels = {str(entry.key.value): text(entry.value) or "" for entry in entries(node.get("node_selector"))}
    return TargetGroup(
        address=reader.own(text(node.get("address")) or name or ""),
        subject=subject,
        balancers=tuple(hop for one in items(node.get("balancers")) if (hop := reader.hop(one)) is not None),
        name=name,
        port=whole(node.get("port")),
        protocol_version=text(node.get("protocol_version")) or "",
        route=tuple(reader.steps(node.get("route"))),
        node_selector=labels or None,
        selector_unknown=text(node.get("selector_unknown")) or "",
        registered=registered,
        cluster=text(node.get("cluster")),
        senders=None if _is_null(senders) else _senders(senders, reader),
        served=served,
        arn=text(node.get("arn")),
    )


def _is_null(node: Node | None) -> bool:
    """Whether it is said that there is none."""
    return isinstance(node, Scalar) and node.value is None


def _senders(node: Node | None, reader: Reader) -> Senders:
    groups = frozenset(map(reader.own, texts(child(node, "groups"))))
    unknown = text(child(node, "unknown")) or ("" if groups else "the security groups of its balancer are not told of")
    return Senders(groups, unknown)


class _Environment:
    """Reads what is told of one environment."""

    def __init__(self, reader: Reader) -> None:
        self._read = reader
        self._receivers: dict[int, tuple[Receiver, ...]] = {}

    def told(self) -> Told:
        read, root = self._read, self._read.root
        nodes = root.get("nodes")
        more = child(nodes, "more")
        told = items(root.get("target_groups"))
        groups = [_target_group(one, read) if isinstance(one, Mapping) else None for one in told]
        return Told(
            target_groups=tuple(one for one in groups if one is not None),
            edges=tuple(edge for one in mappings(root.get("edges")) if (edge := self._edge(one, groups)) is not None),
            nodes=self._nodes(nodes if isinstance(nodes, Mapping) else Mapping(root.span)),
            scopes=tuple(
                Scope(read.own(text(one.get("name")) or ""), tuple(self._objects(one.get("objects"))))
                for one in mappings(root.get("scopes"))
            ),
            receivers=self._receivers,
            complete=frozenset(texts(root.get("complete"))),
            node_groups=Members((), text(child(more, "open")) or "", text(child(more, "assumed")) or ""),
        )

    def _edge(self, node: Mapping, groups: Sequence[TargetGroup | None]) -> Edge | None:
        sender, receiver = self._read.hop(node.get("sender")), self._read.hop(node.get("receiver"))
        if sender is None or receiver is None:
            return None
        at = whole(node.get("target_group"))
        group = groups[at] if at is not None and 0 <= at < len(groups) else None
        values = self._read.values(node.get("values"), "edge")
        called = text(node.get("called")) or f"the way from {sender.name} to {receiver.name}"
        subject = Subject("edge", called, receiver.place, values, tuple(self._read.joins(node.get("joins"))))
        route, pod = tuple(self._read.steps(node.get("route"))), self._read.pod(node.get("pod"))
        return Edge(subject, sender, receiver, route, pod, group.subject if group is not None else None)

    def _nodes(self, node: Mapping) -> NodeFacts:
        read = self._read
        return NodeFacts(
            groups=tuple(map(self._node_group, mappings(node.get("groups")))),
            settings=tuple(self._settings(node)),
            clusters=tuple(map(self._cluster, mappings(node.get("clusters")))),
            scopes=tuple(
                ScopeFacts(
                    read.own(text(one.get("name")) or ""),
                    tuple(map(self._node_group, mappings(one.get("groups")))),
                    tuple(self._settings(one)),
                    tuple(map(self._cluster, mappings(one.get("clusters")))),
                    read.optional(one.get("controller"), BOOL),
                )
                for one in mappings(node.get("scopes"))
            ),
            handlers=tuple(
                Handler(read.subject("handler", one), read.optional(one.get("extends"), BOOL))
                for one in mappings(node.get("handlers"))
            ),
            spot_events=read.optional(node.get("spot_events"), BOOL),
            hook_events=read.optional(node.get("hook_events"), BOOL),
            removal_delay=read.optional(node.get("removal_delay"), DURATION),
            queue=read.optional(node.get("interruption_queue"), BOOL),
        )

    def _settings(self, node: Mapping) -> Iterator[Setting]:
        for one in mappings(node.get("settings")):
            subject = self._read.subject("setting", one)
            if {"where", "key", "text"} <= set(subject.values):
                yield Setting(subject)

    def _node_group(self, node: Mapping) -> NodeGroup:
        read = self._read
        place, subject = read.certainly(node.get("place")), read.subject("node_group", node)
        said = node.get("labels")
        unknown = text(node.get("labels_unknown")) or ("" if isinstance(said, Mapping) else "they are not told of")
        needed = ("hooks", "handlers", "excluded", "kernel", "managed", "volatile")
        values = {name: read.value(None) for name in needed} | subject.values
        attached = {
            read.own(text(one.get("address")) or ""): read.join(one) for one in mappings(node.get("attached_to"))
        }
        cluster, guard = text(node.get("cluster")), node.get("guard")
        return NodeGroup(
            name=subject.name,
            place=place,
            values=values,
            labels=None
            if unknown
            else {str(entry.key.value): read.node(entry.value) for entry in entries(said)},
            labels_unknown=unknown,
            attached_to=attached,
            cluster=self._name(cluster) if cluster else None,
            scope=read.own(text(node.get("scope")) or ""),
            spot=truth(node.get("spot")),
            inside=truth(node.get("inside")) is True,
            guard=self._guard(guard) if isinstance(guard, Mapping) else None,
        )

    def _guard(self, node: Mapping) -> Guard:
        openings = [
            Opening(first, last, frozenset(map(self._read.own, texts(one.get("sources")))), anyone is True)
            for one in mappings(node.get("openings"))
            if (first := whole(one.get("first"))) is not None
            and (last := whole(one.get("last"))) is not None
            and (anyone := truth(one.get("anyone"))) is not None
        ]
        unknown = text(node.get("unknown")) or ("" if node.get("openings") else "its openings are not told of")
        return Guard(tuple(openings), self._read.certainly(node.get("place")), unknown)

    def _cluster(self, node: Mapping) -> Evidence:
        read = self._read
        values, proxy = read.values(node.get("values"), "cluster"), node.get("kube_proxy")
        return Evidence(
            text(node.get("called")) or "the cluster",
            read.certainly(node.get("place")),
            frozenset(map(self._name, texts(node.get("names")))),
            read.own(text(node.get("scope")) or ""),
            values.get("kubernetes_version"),
            KubeProxy(
                read.place(child(proxy, "place")),
                values.get("kube_proxy_version"),
                values.get("kube_proxy_mode"),
                values.get("kube_proxy_replaced"),
                tuple(
                    Liberal(
                        text(one.get("key")) or "",
                        read.node(one.get("is")),
                        read.certainly(one.get("place")),
                        text(one.get("where")) or "",
                        read.optional(one.get("beside_config"), BOOL),
                    )
                    for one in mappings(child(proxy, "liberal"))
                ),
                texts(child(proxy, "unseen")),
            ),
            values.get("aws_controller"),
        )

    def _name(self, name: str) -> str:
        """The name of a cluster, which is the same everywhere, or its address, which is not."""
        return self._read.own(name) if ":" in name and not name.startswith("arn:") else name

    def _objects(self, node: Node | None) -> Iterator[KubeObject]:
        for one in mappings(node):
            kind, root = text(one.get("kind")) or "", self._read.node(one.get("root"))
            if kind not in KINDS or not isinstance(root, Mapping):
                continue
            namespace, name = text(one.get("namespace")) or "", text(one.get("name")) or ""
            place = self._read.certainly(one.get("place"))
            api, patched = text(one.get("api")) or "", text(one.get("patched_by")) or ""
            thing = KubeObject(kind, api, namespace, name, root, place, "", patched)
            ports = items(thing.at("spec", "ports"))
            for port, told in zip(ports, items(one.get("receivers")), strict=False):
                found = (self._receiver(each) for each in mappings(told))
                self._receivers[id(port)] = tuple(each for each in found if each is not None)
            yield thing

    def _receiver(self, node: Mapping, depth: int = 0) -> Receiver | None:
        read, owner = self._read, node.get("owner")
        hop, pod = read.hop(node.get("hop")), read.pod(node.get("pod"))
        if hop is None or pod is None or depth > _MAX_DEPTH:
            return None
        place = read.certainly(node.get("place"))
        kind, namespace, name = (text(child(owner, key)) or "" for key in ("kind", "namespace", "name"))
        body = Mapping(place, (Entry(Scalar(place, "name", "name"), Scalar(place, name, name)),))
        thing = KubeObject(kind, "", namespace, name, body, read.certainly(child(owner, "place")))
        container = Container(Workload(thing, body, None, labels_of(None)), body, False)
        behind = (self._receiver(one, depth + 1) for one in mappings(node.get("behind")))
        return Receiver(
            container,
            hop,
            pod,
            tuple(read.joins(node.get("joins"))),
            tuple(one for one in behind if one is not None),
            read.optional(node.get("speaks"), TEXT),
            whole(node.get("port")),
            read.value(node.get("transport"), TEXT),
        )
