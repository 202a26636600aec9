"""All layers' joins put together: one model of what requests pass, and of what else decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, Unresolved, child, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Join, Subject, Value, Written
from kubelint5xx.eval.terraform import Module
from kubelint5xx.link.images import Builds
from kubelint5xx.link.kubernetes import link_kubernetes
from kubelint5xx.link.nodes import link_nodes
from kubelint5xx.link.objects import KubeObject, objects_of
from kubelint5xx.link.parts import Cluster, Layer, NodeGroup, TargetGroup
from kubelint5xx.link.scopes import scopes_of
from kubelint5xx.link.terraform import link_terraform
from kubelint5xx.model.topology import Edge, Membership, Model, Setting

_METADATA = ("metadata", "annotations")
IGNORE, IGNORE_REASON = "kubelint5xx.io/ignore", "kubelint5xx.io/ignore-reason"
_STATUSES = ("reset_status", "timeout_status", "no_target_status")


def link(documents: Iterable[Document], modules: Mapping[str, Module], builds: Builds, config: Config) -> Model:
    """The model of all that was read. What cannot be joined is listed in it, and never guessed."""
    problems: list[Problem] = []
    objects = list(objects_of(documents, problems))
    scopes = scopes_of(objects, problems)
    terraform = link_terraform(modules, config)
    kubernetes = link_kubernetes(scopes, builds, terraform.target_groups, config)
    nodes = link_nodes(scopes, modules, terraform, config)
    # The nodes' layer holds what Terraform says of nodes and clusters as well, completed by the manifests.
    layers = (Layer(terraform.edges, terraform.target_groups, undecided=terraform.undecided), kubernetes, nodes)
    clusters = _Clusters([cluster for layer in layers for cluster in layer.clusters], config)
    edges = [_in_cluster(edge, clusters) for layer in layers for edge in layer.edges]
    # Server files are read when a hop is made, so what is wrong with them is known to the hops.
    problems += [problem for edge in edges for hop in (edge.sender, edge.receiver) for problem in hop.problems]
    problems += builds.problems
    target_groups = [group for layer in layers for group in layer.target_groups]
    node_groups = [group for layer in layers for group in layer.node_groups]
    return Model(
        edges=tuple(edges),
        memberships=tuple(_memberships(target_groups, node_groups, edges, clusters)),
        clusters=tuple(cluster.subject for cluster in clusters.all),
        settings=tuple(_settings(layers, clusters)),
        undecided=tuple(missing for layer in layers for missing in layer.undecided),
        objects=len(objects),
        annotated=tuple(_annotated(objects)),
        problems=tuple(problems),
    )


class _Clusters:
    """Which cluster a file's objects run in: as declared, as its scope holds it, or the only one that there is."""

    def __init__(self, clusters: Sequence[Cluster], config: Config) -> None:
        self.all = tuple(clusters)
        self._declared = config.links_with("manifests", "cluster")

    def named(self, name: str | None) -> Cluster | None:
        return next((cluster for cluster in self.all if name in cluster.names), None) if name else None

    def of(self, path: str) -> tuple[Cluster, Join] | None:
        for declared in self._declared:
            if _covers(declared.ends["manifests"], path):
                cluster = self.named(declared.ends["cluster"])
                if cluster is not None:
                    return cluster, Join("the configuration says so", declared.span)
        holding = [cluster for cluster in self.all if _below(path, cluster.scope)]
        depth = max((len(cluster.scope) for cluster in holding), default=0)
        nearest = [cluster for cluster in holding if len(cluster.scope) == depth]
        if len(nearest) == 1:
            subject = nearest[0].subject
            return nearest[0], Join(f"{subject.name} is declared beside it", subject.place)
        if len(self.all) == 1:
            only = self.all[0]
            said = f"{only.subject.name} is the only cluster in sight, and is taken to be the one"
            return only, Join(said, only.subject.place, assumed=True)
        return None


def _covers(pattern: str, path: str) -> bool:
    pattern = pattern.rstrip("/")
    return fnmatchcase(path, pattern) or _below(path, pattern) or fnmatchcase(path, f"*/{pattern}/*")


def _below(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(directory + "/")


def _in_cluster(edge: Edge, clusters: _Clusters) -> Edge:
    if edge.cluster is not None or edge.pod is None or edge.pod.place is None:
        return edge
    found = clusters.of(edge.pod.place.path)
    return replace(edge, cluster=_joined(found[0].subject, found[1])) if found else edge


def _joined(subject: Subject, join: Join) -> Subject:
    """The subject as seen from where it was joined to; an assumption stays with it."""
    return replace(subject, joins=(*subject.joins, join)) if join.assumed else subject


def _settings(layers: Iterable[Layer], clusters: _Clusters) -> Iterable[Setting]:
    for layer in layers:
        for setting in layer.settings:
            place = setting.subject.place
            if setting.cluster is None and place is not None and (found := clusters.of(place.path)):
                setting = replace(setting, cluster=_joined(found[0].subject, found[1]))
            yield setting


def _memberships(
    target_groups: Iterable[TargetGroup], node_groups: Sequence[NodeGroup], edges: Sequence[Edge], clusters: _Clusters
) -> Iterable[Membership]:
    for target_group in target_groups:
        if target_group.subject.read("target_type").data == "ip":
            continue
        serving = [edge for edge in edges if edge.target_group is target_group.subject]
        cluster = _cluster_of(target_group, serving, clusters)
        subject = _with_pods(target_group, serving)
        for group in node_groups:
            attached = group.attached_to.get(target_group.address)
            in_cluster = cluster is not None and group.cluster is not None and group.cluster in cluster[0].names
            if not attached and not in_cluster:
                continue
            joins = (attached,) if attached else _cluster_joins(group, cluster)
            yield Membership(
                group=Subject(
                    "node_group",
                    group.name,
                    group.place,
                    {
                        **group.values,
                        "attached": _attached(attached, group),
                        "selected": _selected(target_group, group),
                    },
                    joins,
                ),
                target_group=subject,
                cluster=cluster[0].subject if cluster else None,
                route=(*target_group.route, Step(group.name, group.place)),
            )


def _cluster_joins(group: NodeGroup, found: tuple[Cluster, Join] | None) -> tuple[Join, ...]:
    """Why the group's nodes belong to the cluster that the target group's pods run in."""
    if found is None:
        return ()
    cluster, join = found
    assumed = cluster.assumed_names.get(group.cluster or "")
    return (join, assumed) if assumed is not None else (join,)


def _cluster_of(
    target_group: TargetGroup, serving: Sequence[Edge], clusters: _Clusters
) -> tuple[Cluster, Join] | None:
    if named := clusters.named(target_group.cluster):
        return named, Join(f"{named.subject.name} is named by it", named.subject.place)
    for edge in serving:
        if edge.pod is not None and edge.pod.place is not None and (found := clusters.of(edge.pod.place.path)):
            return found
    return None


def _attached(join: Join | None, group: NodeGroup) -> Value:
    # The subject is named by the join; without one, nothing that was read attaches it.
    return Value(True, Written(join.place)) if join and join.place else Value(join is not None, Default("AWS", cite=""))


def _selected(target_group: TargetGroup, group: NodeGroup) -> Value:
    wanted = target_group.node_selector
    if not wanted:
        return Value(True, Default("the AWS Load Balancer Controller"))
    if group.labels is None:
        return Value.unknown(group.labels_unknown or f"the labels of {group.name} are not known", group.place)
    matched = labels_match(wanted, group.labels)
    return Value(matched, Default("the AWS Load Balancer Controller"))


def labels_match(wanted: Mapping[str, str], labels: Mapping[str, Node]) -> bool:
    """Whether every wanted label is there with its value; a value that cannot be read does not match."""
    return all(key in labels and text(labels[key]) == value for key, value in wanted.items())


def _with_pods(target_group: TargetGroup, serving: Sequence[Edge]) -> Subject:
    """The target group with what its pods and its balancer add to it."""
    values = dict(target_group.subject.values)
    graces = [edge.pod.read("grace") for edge in serving if edge.pod is not None]
    if graces:
        known = [value for value in graces if isinstance(value.data, (int, float))]
        longest = max(known, key=lambda value: float(str(value.data)), default=graces[0])
        values["pods_grace"] = longest if len(known) == len(graces) else graces[0]
    if target_group.balancers:
        face = target_group.balancers[0].outbound
        values.update({status: face.read(status) for status in _STATUSES if face.read(status).known})
    return replace(target_group.subject, values=values)


def _annotated(objects: Iterable[KubeObject]) -> Iterable[tuple[Span, Node, Node | None]]:
    for thing in objects:
        for annotations in (child(thing.root, *_METADATA), child(thing.root, "spec", "template", *_METADATA)):
            wanted = child(annotations, IGNORE)
            if wanted is not None and not isinstance(wanted, Unresolved):
                yield thing.root.span, wanted, child(annotations, IGNORE_REASON)
