"""Nodes and clusters over all files: what manifests say of them, joined with what Terraform declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelint5xx.config import Config
from kubelint5xx.core.record import replace
from kubelint5xx.core.value import Subject, Value
from kubelint5xx.link.cluster_autoscaler import removal_delay
from kubelint5xx.link.clusters import (
    Evidence,
    aws_controller,
    configured_evidence,
    controller_evidence,
    declared_to_be,
    finished,
    manifest_evidence,
    merged,
    named_evidence,
    terraform_evidence,
)
from kubelint5xx.link.handlers import handlers_of, interruption_queue, with_handlers
from kubelint5xx.link.hook_actors import events_of_hooks, with_actors
from kubelint5xx.link.kernels import oldest_kernel
from kubelint5xx.link.node_labels import excluded_with_controller
from kubelint5xx.link.parts import Cluster, Layer, NodeGroup
from kubelint5xx.link.provisioned_groups import provisioned_groups
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.sysctls import liberal, proxy_setting, workload_sysctls
from kubelint5xx.link.terraform_root import Root
from kubelint5xx.link.workloads import workload_of
from kubelint5xx.model.topology import Setting


def link_nodes(scopes: tuple[Scope, ...], roots: Sequence[Root], terraform_layer: Layer, config: Config) -> Layer:
    """All node groups and clusters, those of the Terraform layer included and completed: its ``node_groups``,
    ``clusters`` and ``settings`` stand in the result, and are not to be taken twice. Never raises."""
    settings = list(terraform_layer.settings)
    groups = list(terraform_layer.node_groups)
    found: list[tuple[Scope, list[NodeGroup], list[Setting]]] = []
    for scope in scopes:
        queue = interruption_queue(scope, roots)
        own, said = provisioned_groups(scope, config, terraform_layer.target_groups, queue, None)
        for thing in scope.objects:
            workload = workload_of(thing)
            if workload is not None:
                said += workload_sysctls(workload, config, None)
        found.append((scope, own, said))
    everything = [*settings, *(setting for _, _, said in found for setting in said)]
    host = liberal(everything)
    unseen = _unseen([*groups, *(group for _, own, _ in found for group in own)])

    by_scope = {scope.name: manifest_evidence(scope) for scope in scopes}
    joined = _joined(scopes, by_scope, roots, groups, config) or [(one, (one,)) for one in configured_evidence(config)]
    clusters: list[Cluster] = []
    of_evidence: dict[int, Subject] = {}
    for evidence, parts in joined:
        cluster = finished(evidence, host, unseen, config)
        clusters.append(cluster)
        of_evidence.update((id(part), cluster.subject) for part in parts)

    named = {group.cluster for group in groups}
    of_terraform = next((cluster.subject for cluster in clusters if named and named <= cluster.names), None)
    settings = [replace(setting, cluster=setting.cluster or of_terraform) for setting in settings]
    for scope, own, said in found:
        evidences = by_scope[scope.name]
        of_scope = of_evidence.get(id(evidences[0])) if len(evidences) == 1 else None
        groups += own
        settings += [replace(setting, cluster=setting.cluster or of_scope) for setting in said]
        for evidence in evidences:
            for own_setting in evidence.proxy.liberal:
                subject = of_evidence.get(id(evidence))
                settings.append(proxy_setting(own_setting, f"kube-proxy in {scope.name or '.'}", subject))

    handlers = handlers_of(scopes, roots)
    events, delay = events_of_hooks(roots), removal_delay(scopes, roots)
    groups = [_with_delay(with_actors(group, events, config), delay) for group in groups]
    groups = [_completed(with_handlers(group, handlers, config), clusters) for group in groups]
    for cluster in clusters:
        kernels = [group.values["kernel"] for group in groups if _cluster_of(group, clusters) is cluster]
        cluster.subject.values.setdefault("kernel", oldest_kernel(kernels, cluster.subject.place))
    return Layer((), (), tuple(groups), tuple(clusters), tuple(settings), ())


def _joined(
    scopes: tuple[Scope, ...],
    by_scope: Mapping[str, list[Evidence]],
    roots: Sequence[Root],
    groups: list[NodeGroup],
    config: Config,
) -> list[tuple[Evidence, tuple[Evidence, ...]]]:
    """The clusters, each with what it was made of: one where the configuration or a name says so, or where there is
    one on each side."""
    manifests = [evidence for evidences in by_scope.values() for evidence in evidences]
    terraform = [evidence for root in roots for evidence in terraform_evidence(root)]
    known = frozenset(name for evidence in (*manifests, *terraform) for name in evidence.names)
    terraform += named_evidence(groups, known)
    if not manifests and not terraform:
        by_scope_only = [(scope, controller_evidence(scope)) for scope in scopes]
        for scope, evidences in by_scope_only:
            by_scope[scope.name].extend(evidences)
        return [(evidence, (evidence,)) for _, evidences in by_scope_only for evidence in evidences]
    result: list[tuple[Evidence, tuple[Evidence, ...]]] = []
    left = list(terraform)
    for mine in manifests:
        said = next((other for other in left if declared_to_be(mine, other, config)), None)
        theirs = said or next((other for other in left if mine.names & other.names), None)
        if theirs is None and len(manifests) == len(terraform) == 1 and not mine.names:
            theirs = terraform[0]
        if theirs is not None:
            left.remove(theirs)
            result.append((merged(mine, theirs, theirs is said), (mine, theirs)))
        else:
            result.append((mine, (mine,)))
    result += [(other, (other,)) for other in left]
    if len(result) == 1 and result[0][0].aws_controller is None:
        result[0][0].aws_controller = next((seen for scope in scopes if (seen := aws_controller(scope))), None)
    return result


def _unseen(groups: list[NodeGroup]) -> tuple[str, ...]:
    """The places that could set a host's sysctls and were not read."""
    if not groups:
        return ("the nodes' own configuration",)
    return tuple(f"the configuration of {group.name}" for group in groups if group.labels is None)[:3]


def _cluster_of(group: NodeGroup, clusters: list[Cluster]) -> Cluster | None:
    """The cluster that the group's file names, else the only one that there is."""
    own = [cluster for cluster in clusters if group.cluster in cluster.names]
    return own[0] if own else clusters[0] if len(clusters) == 1 else None


def _with_delay(group: NodeGroup, delay: Value | None) -> NodeGroup:
    unseen = Value.unknown("no file shows a cluster autoscaler", group.place)
    return replace(group, values={**group.values, "removal_delay": delay or unseen})


def _completed(group: NodeGroup, clusters: list[Cluster]) -> NodeGroup:
    """The group with what depends on its cluster: who reads the alpha label."""
    cluster = _cluster_of(group, clusters)
    controller: Value | None = cluster.subject.values.get("aws_controller") if cluster else None
    values = {**group.values, "excluded": excluded_with_controller(group.values["excluded"], group.labels, controller)}
    return replace(group, values=values)
