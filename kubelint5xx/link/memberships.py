"""Node groups whose nodes are targets of a target group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, text
from kubelint5xx.core.record import replace
from kubelint5xx.core.value import Default, Join, Members, Subject, Value, Written
from kubelint5xx.link.cluster_joins import Clusters
from kubelint5xx.link.parts import Cluster, NodeGroup, TargetGroup
from kubelint5xx.link.reachability import admits
from kubelint5xx.model.topology import Edge, Membership

if TYPE_CHECKING:
    from kubelint5xx.link.terraform_root import Root

_LABELLING = ("kubernetes.io", "k8s.io", "eksctl.io", "k8s.aws")
_STATUSES = ("reset_status", "timeout_status", "no_target_status")


def memberships(
    target_groups: Iterable[TargetGroup],
    node_groups: Sequence[NodeGroup],
    edges: Sequence[Edge],
    clusters: Clusters,
    seen: Callable[[str], Members],
) -> Iterator[Membership]:
    """Who is attached to a target group, and whose nodes a controller registers in it.

    With ip targets no node is a target; then it is the pools of Karpenter on whose nodes the pods may run. ``seen``
    tells whether there may be more node groups than are seen, for the target groups of a file.
    """
    for target_group in target_groups:
        by_node = target_group.subject.read("target_type").data != "ip"
        serving = [edge for edge in edges if edge.target_group is target_group.subject]
        cluster = _cluster_of(target_group, serving, clusters)
        found: list[Subject] = []
        for group, joins in _members(target_group, node_groups, cluster, clusters):
            if by_node or group.inside:
                own = {
                    "attached": _attached(group.attached_to.get(target_group.address)),
                    "selected": _selected(target_group, group),
                    "admits_balancer": admits(target_group, group),
                }
                found.append(Subject("node_group", group.name, group.place, {**group.values, **own}, joins))
        subject = with_pods(target_group, serving)
        if subject.place is not None:
            members = replace(seen(subject.place.path), items=tuple(found))
            subject.values["node_groups"] = Value(members, Written(subject.place, "node groups"))
        for member in found:
            yield Membership(
                group=member,
                target_group=subject,
                cluster=cluster[0].subject if cluster else None,
                route=(*target_group.route, Step(member.name, member.place)),
            )


def node_groups_seen(roots: Sequence[Root], config: Config) -> Callable[[str], Members]:
    """Whether all node groups are in the files, by the path of a target group's: an empty set, with why it may hold
    more, or was taken as closed."""

    def seen(path: str) -> Members:
        return Members() if "node-groups" in config.at(path).complete else _closed(roots)

    return seen


def _closed(roots: Iterable[Root]) -> Members:
    for root in roots:
        unseen = next((call.address for call in root.module.open_modules), root.module.open)
        if unseen:
            return Members((), f"{unseen}, which is not in the files, may make node groups")
    return Members((), "", "the files hold all node groups of the cluster")


def _members(
    target_group: TargetGroup, groups: Sequence[NodeGroup], found: tuple[Cluster, Join] | None, clusters: Clusters
) -> Iterator[tuple[NodeGroup, tuple[Join, ...]]]:
    """The node groups of a target group, with why each is one."""
    address = target_group.address
    attached = {id(group): group.attached_to[address] for group in groups if address in group.attached_to}
    registering: tuple[Join, ...] = ()
    if not target_group.registered:
        said = f"no file says who registers nodes in {target_group.subject.name}; all nodes of the cluster are assumed"
        registering = (Join(said, target_group.subject.place, assumed=True),)
    for group in groups:
        if id(group) in attached:
            yield group, (attached[id(group)],)
        elif found is not None and (target_group.registered or not attached):
            cluster, join = found
            if group.inside:
                of_file = clusters.of(group.place)
                if of_file is not None and of_file[0] is cluster:
                    yield group, (join, of_file[1], *registering)
            elif group.cluster is not None and group.cluster in cluster.names:
                assumed = cluster.assumed_names.get(group.cluster)
                yield group, (join, *((assumed,) if assumed else ()), *registering)


def _cluster_of(target_group: TargetGroup, serving: Sequence[Edge], clusters: Clusters) -> tuple[Cluster, Join] | None:
    if named := clusters.named(target_group.cluster):
        return named, Join(f"{named.subject.name} is named by it", named.subject.place)
    places = [edge.pod.place for edge in serving if edge.pod is not None]
    # Of one that another repository serves the pods are not told of: they run where it is declared.
    places += [target_group.subject.place] if target_group.served else []
    return next((found for place in places if place is not None and (found := clusters.of(place))), None)


def _attached(join: Join | None) -> Value:
    # The subject is named by the join; without one, nothing that was read attaches it.
    return Value(True, Written(join.place)) if join and join.place else Value(join is not None, Default("AWS", cite=""))


def _selected(target_group: TargetGroup, group: NodeGroup) -> Value:
    wanted = target_group.node_selector
    if wanted and group.labels is None:
        return Value.unknown(group.labels_unknown or f"the labels of {group.name} are not known", group.place)
    if wanted and group.labels is not None and not labels_match(wanted, group.labels):
        unwritten = [key for key in wanted if key not in group.labels]
        others = {key: value for key, value in wanted.items() if key in group.labels}
        if labels_match(others, group.labels) and all(_given_to(group, key) for key in unwritten):
            return Value.unknown(f"{unwritten[0]} is given to nodes by what starts them", group.place)
        return Value(False, Default("the AWS Load Balancer Controller"))
    if target_group.selector_unknown:
        return Value.unknown(target_group.selector_unknown, target_group.subject.place)
    return Value(True, Default("the AWS Load Balancer Controller"))


def _given_to(group: NodeGroup, key: str) -> bool:
    """Whether the group's nodes may have a label that nobody writes: Kubernetes and what starts them give them some."""
    domain = key.rpartition("/")[0]
    if domain == "eks.amazonaws.com":
        return group.values["managed"].data is not False
    if domain.startswith("karpenter."):
        return group.inside
    return domain.endswith(_LABELLING)


def labels_match(wanted: Mapping[str, str], labels: Mapping[str, Node]) -> bool:
    """Whether every wanted label is there with its value; a value that cannot be read does not match."""
    return all(key in labels and text(labels[key]) == value for key, value in wanted.items())


def with_pods(target_group: TargetGroup, serving: Sequence[Edge]) -> Subject:
    """The target group with what its pods and its balancer add to it."""
    values = dict(target_group.subject.values)
    graces = [edge.pod.read("grace") for edge in serving if edge.pod is not None]
    if graces:
        known = [value for value in graces if isinstance(value.data, (int, float))]
        longest = max(known, key=lambda value: float(str(value.data)), default=graces[0])
        values["pods_grace"] = longest if len(known) == len(graces) else graces[0]
        choices = [edge.pod.read("chooses_nodes") for edge in serving if edge.pod is not None]
        decisive = [value for value in choices if value.data is not False]
        values["pods_choose_nodes"] = decisive[0] if decisive else choices[0]
    return with_balancer(target_group, values)


def with_balancer(target_group: TargetGroup, values: Mapping[str, Value] | None = None) -> Subject:
    """The target group's subject, with ``values`` for its own and with what its balancer adds to it."""
    told = dict(target_group.subject.values if values is None else values)
    if target_group.balancers:
        face = target_group.balancers[0].outbound
        told.update({status: face.read(status) for status in _STATUSES if face.read(status).known})
    return replace(target_group.subject, values=told)
