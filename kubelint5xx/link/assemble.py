"""All layers' joins put together: one model of what requests pass, and of what else decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Node, Unresolved, child
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Subject
from kubelint5xx.link.cluster_joins import Clusters
from kubelint5xx.link.images import Builds
from kubelint5xx.link.memberships import memberships, node_groups_seen, with_balancer
from kubelint5xx.link.objects import KubeObject, objects_of
from kubelint5xx.link.parts import Layer, TargetGroup
from kubelint5xx.link.request_times import time_values
from kubelint5xx.link.scopes import Scope, scopes_of
from kubelint5xx.model.topology import Edge, Model, Setting, Target

if TYPE_CHECKING:
    from kubelint5xx.eval.cloudformation import Stack
    from kubelint5xx.eval.plan import Plan
    from kubelint5xx.eval.terraform import Module
    from kubelint5xx.link.terraform_root import Root

_METADATA = ("metadata", "annotations")
# What runs, and what it reads: alone it is on no path, since nothing leads to it.
_SCALES = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject")
RUNS = frozenset({"Deployment", "Namespace", "Pod", "ReplicaSet", "StatefulSet", *_SCALES})
BEHIND = RUNS | {"ConfigMap", "DaemonSet"}
IGNORE, IGNORE_REASON = "kubelint5xx.io/ignore", "kubelint5xx.io/ignore-reason"


def link(
    documents: Iterable[Document], modules: Mapping[str, Module | Plan | Stack], builds: Builds, config: Config
) -> Model:
    """The model of all that was read. What cannot be joined is listed in it, and never guessed."""
    problems: list[Problem] = []
    objects = list(objects_of(documents, problems))
    if modules:
        objects += _declared(modules, {thing.span.path for thing in objects}, problems)
    scopes = scopes_of(objects, problems)
    roots = _roots(modules) if modules else []
    terraform = _terraform(roots, config) if roots else Layer()
    if config.assume:
        scopes, terraform = _assumed(scopes, terraform, config)
    led_to = terraform.target_groups or not all(thing.kind in BEHIND for thing in objects)
    kubernetes = _kubernetes(scopes, builds, terraform, config) if led_to else Layer()
    ecs = _ecs(roots, terraform, builds, config) if any(root.of(("aws_ecs_service",)) for root in roots) else Layer()
    nodes = _nodes(scopes, roots, terraform, config) if roots or config.cluster or _tells_of_nodes(objects) else Layer()
    # What Terraform says of target groups stands in the second layer, and of nodes and clusters in the third, completed
    # by the manifests.
    layers = (Layer(terraform.edges, undecided=terraform.undecided), ecs, kubernetes, nodes)
    clusters = Clusters([cluster for layer in layers for cluster in layer.clusters], config)
    edges = [_in_cluster(edge, clusters) for layer in layers for edge in layer.edges]
    if terraform.edges:
        edges = _past_flows(edges)
    # Server files are read when a hop is made, so what is wrong with them is known to the hops.
    problems += [problem for edge in edges for hop in (edge.sender, edge.receiver) for problem in hop.problems]
    problems += builds.problems
    target_groups = [group for layer in layers for group in layer.target_groups]
    node_groups = [group for layer in layers for group in layer.node_groups]
    return Model(
        edges=tuple(edges),
        memberships=tuple(memberships(target_groups, node_groups, edges, clusters, node_groups_seen(roots, config))),
        clusters=tuple(cluster.subject for cluster in clusters.all),
        cluster_names=tuple(cluster.names for cluster in clusters.all),
        settings=tuple(_settings(layers, clusters)),
        targets=tuple(_target(group, edges) for group in target_groups),
        references=tuple(reference for layer in layers for reference in layer.references),
        attributes=tuple(attribute for layer in layers for attribute in layer.attributes),
        undecided=tuple(missing for layer in layers for missing in layer.undecided),
        objects=len(objects),
        annotated=tuple(_annotated(objects)),
        problems=tuple(problems),
    )


def _tells_of_nodes(objects: Iterable[KubeObject]) -> bool:
    """Whether any object may say something of nodes or clusters. Of what only runs, a sysctl does."""
    return any(thing.kind not in RUNS or "sysctl" in thing.span.source.text for thing in objects)


# The layers are imported where there is something to join: each is a tenth of the start-up, which is most of what a
# hook's run on a few files takes.


def _declared(
    modules: Mapping[str, Module | Plan | Stack], files: set[str], problems: list[Problem]
) -> list[KubeObject]:
    from kubelint5xx.link.terraform_objects import terraform_objects

    return [
        thing
        for directory, module in sorted(modules.items())
        for thing in terraform_objects(directory, module, problems, files)
    ]


def _roots(modules: Mapping[str, Module | Plan | Stack]) -> list[Root]:
    from kubelint5xx.link.terraform_root import Root

    return [Root(directory, module) for directory, module in sorted(modules.items())]


def _terraform(roots: Sequence[Root], config: Config) -> Layer:
    from kubelint5xx.link.terraform import link_terraform

    return link_terraform(roots, config)


def _assumed(scopes: tuple[Scope, ...], terraform: Layer, config: Config) -> tuple[tuple[Scope, ...], Layer]:
    from kubelint5xx.link.assumed import assumed_layer, with_namespaces

    found = assumed_layer(config.assume, terraform.target_groups)
    target_groups = (*terraform.target_groups, *found.target_groups)
    undecided = (*terraform.undecided, *found.undecided)
    clusters = (*terraform.clusters, *found.clusters)
    with_both = replace(terraform, target_groups=target_groups, undecided=undecided, clusters=clusters)
    return with_namespaces(scopes, config.assume), with_both


def _past_flows(edges: list[Edge]) -> list[Edge]:
    from kubelint5xx.link.distributions import past_flows

    return past_flows(edges)


def _kubernetes(scopes: tuple[Scope, ...], builds: Builds, terraform: Layer, config: Config) -> Layer:
    from kubelint5xx.link.kubernetes import link_kubernetes

    return link_kubernetes(scopes, builds, terraform.target_groups, config)


def _ecs(roots: Sequence[Root], terraform: Layer, builds: Builds, config: Config) -> Layer:
    from kubelint5xx.link.ecs import link_ecs

    return link_ecs(roots, terraform.target_groups, builds, config)


def _nodes(scopes: tuple[Scope, ...], roots: Sequence[Root], terraform: Layer, config: Config) -> Layer:
    from kubelint5xx.link.nodes import link_nodes

    return link_nodes(scopes, roots, terraform, config)


def _target(group: TargetGroup, edges: Sequence[Edge]) -> Target:
    subject = with_balancer(group, {**group.subject.values, **time_values(group, edges)})
    own = group.address, group.name, group.port, group.protocol_version, group.registered, group.balancers
    return Target(subject, group.route, *own)


def _in_cluster(edge: Edge, clusters: Clusters) -> Edge:
    if edge.cluster is not None or edge.pod is None or edge.pod.place is None:
        return edge
    found = clusters.of(edge.pod.place.path)
    return replace(edge, cluster=_joined(found[0].subject, found[1])) if found else edge


def _joined(subject: Subject, join: Join) -> Subject:
    """The subject as seen from where it was joined to; an assumption stays with it."""
    return replace(subject, joins=(*subject.joins, join)) if join.assumed else subject


def _settings(layers: Iterable[Layer], clusters: Clusters) -> Iterable[Setting]:
    for layer in layers:
        for setting in layer.settings:
            place = setting.subject.place
            if setting.cluster is None and place is not None and (found := clusters.of(place.path)):
                setting = replace(setting, cluster=_joined(found[0].subject, found[1]))
            yield setting


def _annotated(objects: Iterable[KubeObject]) -> Iterable[tuple[Span, Node, Node | None]]:
    for thing in objects:
        for said in (child(thing.root, *_METADATA), child(thing.root, "spec", "template", *_METADATA)):
            wanted = child(said, IGNORE)
            if wanted is not None and not isinstance(wanted, Unresolved):
                yield thing.root.span, wanted, child(said, IGNORE_REASON)
