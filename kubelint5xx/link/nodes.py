"""Nodes and clusters over all files: what manifests say of them, joined with what Terraform declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from kubelint5xx.config import Config
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.value import Subject, Value
from kubelint5xx.link.cluster_autoscaler import only_delay, removal_delay
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
from kubelint5xx.link.handlers import Handler, handlers_of, hearing, interruption_queue, spot_events, with_handlers
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


@record
class ScopeFacts:
    """What the objects of one scope tell. ``controller``: whether they show the AWS Load Balancer Controller."""

    name: str
    groups: tuple[NodeGroup, ...] = ()
    settings: tuple[Setting, ...] = ()
    clusters: tuple[Evidence, ...] = ()
    controller: Value | None = None


@record
class NodeFacts:
    """What a tree tells of nodes and clusters, before that of its parts is joined.

    ``groups``, ``settings`` and ``clusters`` are those that Terraform declares. ``spot_events`` and ``hook_events``:
    where the events of instances are sent. ``removal_delay``: the cluster autoscaler's. ``queue``: whether Karpenter's
    controller reads interruption notices. The last three are None where nothing in the files tells.
    """

    groups: tuple[NodeGroup, ...] = ()
    settings: tuple[Setting, ...] = ()
    clusters: tuple[Evidence, ...] = ()
    scopes: tuple[ScopeFacts, ...] = ()
    handlers: tuple[Handler, ...] = ()
    spot_events: Value | None = None
    hook_events: Value | None = None
    removal_delay: Value | None = None
    queue: Value | None = None


def link_nodes(
    scopes: tuple[Scope, ...],
    roots: Sequence[Root],
    terraform_layer: Layer,
    config: Config,
    told: Sequence[NodeFacts] = (),
) -> Layer:
    """All node groups and clusters, those of the Terraform layer included and completed: its ``node_groups``,
    ``clusters`` and ``settings`` stand in the result, and are not to be taken twice. Never raises.

    ``told``: what other repositories tell of theirs.
    """
    queue = next((one.queue for one in told if one.queue is not None), None)
    facts = together((node_facts(scopes, roots, terraform_layer, config, queue), *told))
    settings, groups = list(facts.settings), list(facts.groups)
    everything = [*settings, *(setting for scope in facts.scopes for setting in scope.settings)]
    host = liberal(everything)
    unseen = _unseen([*groups, *(group for scope in facts.scopes for group in scope.groups)])

    by_scope = {scope.name: list(scope.clusters) for scope in facts.scopes}
    joined = _joined(facts, by_scope, groups, config) or [(one, (one,)) for one in configured_evidence(config)]
    clusters: list[Cluster] = []
    of_evidence: dict[int, Subject] = {}
    for evidence, parts in joined:
        cluster = finished(evidence, host, unseen, config)
        clusters.append(cluster)
        of_evidence.update((id(part), cluster.subject) for part in parts)

    named = {group.cluster for group in groups}
    of_terraform = next((cluster.subject for cluster in clusters if named and named <= cluster.names), None)
    settings = [replace(setting, cluster=setting.cluster or of_terraform) for setting in settings]
    for scope in facts.scopes:
        evidences = by_scope[scope.name]
        of_scope = of_evidence.get(id(evidences[0])) if len(evidences) == 1 else None
        groups += scope.groups
        settings += [replace(setting, cluster=setting.cluster or of_scope) for setting in scope.settings]
        for evidence in evidences:
            for own_setting in evidence.proxy.liberal:
                subject = of_evidence.get(id(evidence))
                settings.append(proxy_setting(own_setting, f"kube-proxy in {scope.name or '.'}", subject))

    groups = [_with_delay(with_actors(group, facts.hook_events, config), facts.removal_delay) for group in groups]
    groups = [_completed(with_handlers(group, facts.handlers, config), clusters) for group in groups]
    for cluster in clusters:
        kernels = [group.values["kernel"] for group in groups if _cluster_of(group, clusters) is cluster]
        cluster.subject.values.setdefault("kernel", oldest_kernel(kernels, cluster.subject.place))
    return Layer((), (), tuple(groups), tuple(clusters), tuple(settings), ())


def _joined(
    facts: NodeFacts, by_scope: Mapping[str, list[Evidence]], groups: list[NodeGroup], config: Config
) -> list[tuple[Evidence, tuple[Evidence, ...]]]:
    """The clusters, each with what it was made of: one where the configuration or a name says so, or where there is
    one on each side."""
    manifests = [evidence for evidences in by_scope.values() for evidence in evidences]
    terraform = list(facts.clusters)
    known = frozenset(name for evidence in (*manifests, *terraform) for name in evidence.names)
    terraform += named_evidence(groups, known)
    if not manifests and not terraform:
        by_scope_only = [(scope, controller_evidence(scope.name, scope.controller)) for scope in facts.scopes]
        for scope, evidences in by_scope_only:
            by_scope[scope.name].extend(evidences)
        return [(evidence, (evidence,)) for _, evidences in by_scope_only for evidence in evidences]
    result: list[tuple[Evidence, tuple[Evidence, ...]]] = []
    left = list(terraform)
    for mine in manifests:
        ranked = [(declared_to_be(mine, other, config), -count, other) for count, other in enumerate(left)]
        rank, _, best = max(ranked, default=(-1, 0, mine), key=itemgetter(0, 1))
        said = best if rank >= 0 else None
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
        result[0][0].aws_controller = next((seen for scope in facts.scopes if (seen := scope.controller)), None)
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


def node_facts(
    scopes: Sequence[Scope], roots: Sequence[Root], terraform: Layer, config: Config, queue: Value | None = None
) -> NodeFacts:
    """The facts of these files. ``queue``: what another tree tells of Karpenter's, where these files do not."""
    found: list[ScopeFacts] = []
    queues: list[Value] = []
    for scope in scopes:
        own = interruption_queue(scope, roots)
        queues += [own] if own is not None else []
        groups, settings = provisioned_groups(scope, config, terraform.target_groups, own or queue, None)
        for thing in scope.objects:
            workload = workload_of(thing)
            if workload is not None:
                settings += workload_sysctls(workload, config, None)
        evidence = tuple(manifest_evidence(scope))
        found.append(ScopeFacts(scope.name, tuple(groups), tuple(settings), evidence, aws_controller(scope)))
    if not scopes and roots and (own := interruption_queue(Scope("", ()), roots)) is not None:
        queues.append(own)
    return NodeFacts(
        groups=terraform.node_groups,
        settings=terraform.settings,
        clusters=tuple(evidence for root in roots for evidence in terraform_evidence(root)),
        scopes=tuple(found),
        handlers=tuple(handlers_of(scopes, roots)),
        spot_events=spot_events(roots),
        hook_events=events_of_hooks(roots),
        removal_delay=removal_delay(scopes, roots),
        queue=queues[0] if queues else queue,
    )


def together(facts: Sequence[NodeFacts]) -> NodeFacts:
    """What several trees tell, as if they were one. The first is the tree that is checked."""
    if len(facts) == 1:
        return facts[0]
    sent = next((one.spot_events for one in facts if one.spot_events and one.spot_events.known), None)
    handlers = (handler for one in facts for handler in one.handlers)
    delays = [one.removal_delay for one in facts if one.removal_delay is not None]
    return NodeFacts(
        groups=tuple(group for one in facts for group in one.groups),
        settings=tuple(setting for one in facts for setting in one.settings),
        clusters=tuple(cluster for one in facts for cluster in one.clusters),
        scopes=tuple(scope for one in facts for scope in one.scopes),
        handlers=tuple(hearing(handler, sent) if sent else handler for handler in handlers),
        spot_events=sent or facts[0].spot_events,
        hook_events=_told(one.hook_events for one in facts),
        removal_delay=only_delay(delays),
        queue=next((one.queue for one in facts if one.queue is not None), None),
    )


def _told(events: Iterable[Value | None]) -> Value | None:
    """That something is told, where any tree knows it; else that it is not known, where any does not."""
    found = [one for one in events if one is not None]
    return next((one for one in found if one.data is True), None) or next(iter(found), None)
