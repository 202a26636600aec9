"""All layers' joins put together: one model of what requests pass, and of what else decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Node, Unresolved, child
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Subject, Value
from kubelint5xx.link.cluster_joins import Clusters
from kubelint5xx.link.images import Builds
from kubelint5xx.link.memberships import memberships, node_groups_seen, with_balancer
from kubelint5xx.link.objects import KubeObject, objects_of
from kubelint5xx.link.parts import Cluster, Layer, TargetGroup
from kubelint5xx.link.request_times import time_values
from kubelint5xx.link.scopes import Scope, scopes_of
from kubelint5xx.model.topology import Edge, Model, Setting, Target

if TYPE_CHECKING:
    from kubelint5xx.link.assumed import Elsewhere
    from kubelint5xx.link.nodes import NodeFacts
    from kubelint5xx.link.receivers import Receivers
    from kubelint5xx.link.terraform_root import Declared, Root

_METADATA = ("metadata", "annotations")
# What runs, and what it reads: alone it is on no path, since nothing leads to it.
_SCALES = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject")
RUNS = frozenset({"Deployment", "Namespace", "Pod", "ReplicaSet", "StatefulSet", *_SCALES})
BEHIND = RUNS | {"ConfigMap", "DaemonSet"}
IGNORE, IGNORE_REASON = "kubelint5xx.io/ignore", "kubelint5xx.io/ignore-reason"


def link(
    documents: Iterable[Document], modules: Mapping[str, Declared], builds: Builds, config: Config
) -> Model:
    """The model of all that was read. What cannot be joined is listed in it, and never guessed."""
    return linked(documents, modules, builds, config).model


@record(eq=False)
class Linked:
    """A model with the parts that it was joined of. ``edges`` end at each load balancer, whatever it does."""

    model: Model
    scopes: tuple[Scope, ...]
    roots: Sequence[Root]
    terraform: Layer
    receivers: Receivers | None
    target_groups: tuple[TargetGroup, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...] = ()


def linked(
    documents: Iterable[Document], modules: Mapping[str, Declared], builds: Builds, config: Config
) -> Linked:
    """The model of all that was read, and its parts."""
    problems: list[Problem] = []
    objects = list(objects_of(documents, problems))
    if modules:
        objects += _declared(modules, {thing.span.path for thing in objects}, problems)
    scopes = scopes_of(objects, problems)
    roots = _roots(modules, problems) if modules else []
    terraform = _terraform(roots, config) if roots else Layer()
    others = _elsewhere(config) if config.assumed else None
    if others is not None:
        config = others.completed(config)
        scopes, terraform = _assumed(scopes, terraform, others, config)
        problems += others.problems
    led_to = terraform.target_groups or not all(thing.kind in BEHIND for thing in objects)
    receivers = _receivers(builds, config, others, scopes) if led_to else None
    kubernetes = _kubernetes(scopes, receivers, terraform, config, others) if receivers else Layer()
    ecs = _ecs(roots, terraform, builds, config) if any(root.of(("aws_ecs_service",)) for root in roots) else Layer()
    told = others.nodes if others is not None else ()
    tells = roots or told or any(part.cluster for part in config.everywhere()) or _tells_of_nodes(objects)
    nodes = _nodes(scopes, roots, terraform, config, told) if tells else Layer()
    # What Terraform says of target groups stands in the second layer, and of nodes and clusters in the third, completed
    # by the manifests.
    layers = (Layer(terraform.edges, undecided=terraform.undecided), ecs, kubernetes, nodes)
    clusters = Clusters([cluster for layer in layers for cluster in layer.clusters], config)
    joined = [_in_cluster(edge, clusters) for layer in layers for edge in layer.edges]
    edges = _past_flows(joined) if terraform.edges else joined
    # Server files are read when a hop is made, so what is wrong with them is known to the hops.
    problems += [problem for edge in edges for hop in (edge.sender, edge.receiver) for problem in hop.problems]
    problems += builds.problems
    target_groups = [group for layer in layers for group in layer.target_groups]
    node_groups = [group for layer in layers for group in layer.node_groups]
    seen = node_groups_seen(roots, config)
    seen = others.node_groups(seen) if others is not None else seen
    model = Model(
        edges=tuple(edges),
        memberships=tuple(memberships(target_groups, node_groups, edges, clusters, seen)),
        clusters=tuple(cluster.subject for cluster in clusters.all),
        cluster_names=tuple(cluster.names for cluster in clusters.all),
        settings=tuple(_settings(layers, clusters)),
        targets=tuple(_target(group, edges) for group in target_groups),
        references=tuple(reference for layer in layers for reference in layer.references),
        attributes=tuple(attribute for layer in layers for attribute in layer.attributes),
        undecided=(*(missing for layer in layers for missing in layer.undecided), *builds.undecided),
        objects=len(objects),
        annotated=tuple(_annotated(objects)),
        problems=tuple(problems),
    )
    if any(map(_of_known_chart, objects)):
        model = _with_chart_defaults(model)
    return Linked(model, scopes, roots, terraform, receivers, tuple(target_groups), tuple(joined), clusters.all)


def _of_known_chart(thing: KubeObject) -> bool:
    inside = thing.root.span.source.inside
    return inside is not None and bool(inside.product)


def _with_chart_defaults(model: Model) -> Model:
    from kubelint5xx.link.chart_objects import with_chart_defaults

    return with_chart_defaults(model)


def _tells_of_nodes(objects: Iterable[KubeObject]) -> bool:
    """Whether any object may say something of nodes or clusters. Of what only runs, a sysctl does."""
    return any(thing.kind not in RUNS or "sysctl" in thing.span.source.text for thing in objects)


# The layers are imported where there is something to join: each is a tenth of the start-up, which is most of what a
# hook's run on a few files takes.


def _declared(
    modules: Mapping[str, Declared], files: set[str], problems: list[Problem]
) -> list[KubeObject]:
    from kubelint5xx.link.terraform_objects import terraform_objects

    return [
        thing
        for directory, module in sorted(modules.items())
        for thing in terraform_objects(directory, module, problems, files)
    ]


def _roots(modules: Mapping[str, Declared], problems: list[Problem]) -> list[Root]:
    if any(getattr(module, "noun", "") == "the description" for module in modules.values()):
        from kubelint5xx.link.descriptions import roots_of

        return roots_of(modules, problems)
    from kubelint5xx.link.terraform_root import Root

    return [Root(directory, module) for directory, module in sorted(modules.items())]


def _terraform(roots: Sequence[Root], config: Config) -> Layer:
    from kubelint5xx.link.terraform import link_terraform

    return link_terraform(roots, config)


def _elsewhere(config: Config) -> Elsewhere:
    from kubelint5xx.link.assumed import elsewhere

    return elsewhere(config.assumed, config.environment)


def _assumed(
    scopes: tuple[Scope, ...], terraform: Layer, others: Elsewhere, config: Config
) -> tuple[tuple[Scope, ...], Layer]:
    from kubelint5xx.link.assumed import assumed_layer, with_namespaces

    found = assumed_layer(config.assumed, terraform.target_groups, others.target_groups)
    target_groups = (*terraform.target_groups, *found.target_groups)
    undecided = (*terraform.undecided, *others.undecided, *found.undecided)
    edges = (*terraform.edges, *others.edges)
    with_both = replace(terraform, edges=edges, target_groups=target_groups, undecided=undecided)
    return with_namespaces(scopes, config, others.scopes), with_both


def _past_flows(edges: list[Edge]) -> list[Edge]:
    from kubelint5xx.link.distributions import past_flows

    return past_flows(edges)


def _receivers(builds: Builds, config: Config, others: Elsewhere | None, scopes: Sequence[Scope]) -> Receivers:
    from kubelint5xx.link.receivers import Receivers

    if others is None:
        return Receivers(builds, config, scopes=scopes)
    return Receivers(builds, config, others.receivers, others.scopes, scopes)


def _kubernetes(
    scopes: tuple[Scope, ...], receivers: Receivers, terraform: Layer, config: Config, others: Elsewhere | None
) -> Layer:
    from kubelint5xx.link.kubernetes import link_kubernetes

    told = others.scopes if others is not None else ()
    return link_kubernetes(scopes, receivers, terraform.target_groups, config, told)


def _ecs(roots: Sequence[Root], terraform: Layer, builds: Builds, config: Config) -> Layer:
    from kubelint5xx.link.ecs import link_ecs

    return link_ecs(roots, terraform.target_groups, builds, config)


def _nodes(
    scopes: tuple[Scope, ...], roots: Sequence[Root], terraform: Layer, config: Config, told: Sequence[NodeFacts]
) -> Layer:
    from kubelint5xx.link.nodes import link_nodes

    return link_nodes(scopes, roots, terraform, config, told)


def _target(group: TargetGroup, edges: Sequence[Edge]) -> Target:
    # Of one that another repository serves, it tells the times itself.
    times = {} if group.served else time_values(group, edges)
    values = {**group.subject.values, **times}
    led_to = group.balancers or any(edge.target_group is group.subject for edge in edges)
    if not led_to and group.subject.read("balancer").data == "classic":
        # It may be anything that goes over TCP: SSH to a bastion, or the cluster's own API.
        reason = "no file says that what this balancer passes on over TCP are requests"
        values["deregistration_delay"] = Value.unknown(reason, group.subject.place)
    subject = with_balancer(group, values)
    own = group.address, group.name, group.port, group.protocol_version, group.registered, group.balancers
    return Target(subject, group.route, *own)


def _in_cluster(edge: Edge, clusters: Clusters) -> Edge:
    if edge.cluster is not None or edge.pod is None or edge.pod.place is None:
        return edge
    found = clusters.of(edge.pod.place)
    return replace(edge, cluster=_joined(found[0].subject, found[1])) if found else edge


def _joined(subject: Subject, join: Join) -> Subject:
    """The subject as seen from where it was joined to; an assumption stays with it."""
    return replace(subject, joins=(*subject.joins, join)) if join.assumed else subject


def _settings(layers: Iterable[Layer], clusters: Clusters) -> Iterable[Setting]:
    for layer in layers:
        for setting in layer.settings:
            place = setting.subject.place
            if setting.cluster is None and place is not None and (found := clusters.of(place)):
                setting = replace(setting, cluster=_joined(found[0].subject, found[1]))
            yield setting


def _annotated(objects: Iterable[KubeObject]) -> Iterable[tuple[Span, Node, Node | None]]:
    for thing in objects:
        for said in (child(thing.root, *_METADATA), child(thing.root, "spec", "template", *_METADATA)):
            wanted = child(said, IGNORE)
            if wanted is not None and not isinstance(wanted, Unresolved):
                yield thing.root.span, wanted, child(said, IGNORE_REASON)
