"""What this tree tells to the checks of others. What others told to it is no part of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.record import replace
from kubelint5xx.link.assemble import Linked, linked
from kubelint5xx.link.images import Builds
from kubelint5xx.link.memberships import node_groups_seen, with_pods
from kubelint5xx.link.nodes import NodeFacts, ScopeFacts, node_facts
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import transport_of
from kubelint5xx.link.receivers import Receiver
from kubelint5xx.link.request_times import time_values
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ports_of
from kubelint5xx.link.told import Told
from kubelint5xx.link.told_objects import told_objects
from kubelint5xx.model.topology import Model, Setting

if TYPE_CHECKING:
    from kubelint5xx.link.terraform_root import Declared

# Settings that decide about more than themselves, or are decided about by what others hold.
_WHERE = ("node-label", "host-sysctl", "pod-sysctl", "kube-proxy-config", "kube-proxy-flag")


def tell(
    documents: Iterable[Document], modules: Mapping[str, Declared], builds: Builds, config: Config
) -> tuple[Model, Told]:
    """The model of all that was read, and what other trees can join with theirs."""
    own = config.changed(lambda part: replace(part, assume={}))
    found = linked(documents, modules, builds, own)
    facts = node_facts(found.scopes, found.roots, found.terraform, own)
    groups = {group.subject: _target_group(group, found) for group in found.target_groups}
    edges = (
        replace(edge, target_group=groups[edge.target_group].subject) if edge.target_group in groups else edge
        for edge in found.edges
    )
    told = Told(
        target_groups=tuple(groups.values()),
        edges=tuple(edges),
        nodes=_telling(facts),
        scopes=tuple(Scope(one.name, things) for one in found.scopes if (things := tuple(told_objects(one)))),
        receivers=_receivers(found),
        complete=own.complete,
        node_groups=node_groups_seen(found.roots, own)(""),
    )
    return found.model, told


def _target_group(group: TargetGroup, found: Linked) -> TargetGroup:
    serving = [edge for edge in found.edges if edge.target_group is group.subject]
    if not serving:
        return group
    values = {**with_pods(group, serving).values, **time_values(group, found.edges)}
    return replace(group, subject=replace(group.subject, values=values), served=True)


def _telling(facts: NodeFacts) -> NodeFacts:
    scopes = (replace(scope, settings=_settings(scope.settings)) for scope in facts.scopes)
    tells = tuple(scope for scope in scopes if _tells(scope))
    return replace(facts, settings=_settings(facts.settings), scopes=tells)


def _settings(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    return tuple(one for one in settings if one.subject.read("where").data in _WHERE)


def _tells(scope: ScopeFacts) -> bool:
    return bool(scope.groups or scope.settings or scope.clusters or scope.controller)


def _receivers(found: Linked) -> dict[int, tuple[Receiver, ...]]:
    receivers = found.receivers
    if receivers is None:
        return {}
    told: dict[int, tuple[Receiver, ...]] = {}
    for scope in found.scopes:
        for service in scope.of("Service"):
            for port in ports_of(service) if not service.group else ():
                servers = receivers.of_port(port, scope)
                told[id(port.node)] = tuple(replace(one, transport=transport_of(port, one)) for one in servers)
    return told
