"""Which Service a target group may send to, and what other repositories' target groups have to be stated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kubelint5xx.config_assume import ARN
from kubelint5xx.core.node import text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Subject
from kubelint5xx.link.assemble import Linked
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.scopes import may_meet
from kubelint5xx.link.services import ports_of
from kubelint5xx.model.topology import Edge
from kubelint5xx.propose.lines import Places, Proposal, names, scalar, shared, words

_LISTED = 3
_GENERIC = frozenset({"aws", "lb", "alb", "nlb", "target", "group", "tg", "http", "https", "main", "this", "default"})
_NAME = pattern(r"[A-Za-z0-9-]{1,32}")


def service_links(found: Linked, places: Places) -> Iterator[Proposal]:
    """A line for each target group of the files that nothing certain joins to a Service, where one may be meant."""
    groups = [group for group in found.terraform.target_groups if group.subject.place is not None]
    joined = {_key(edge.target_group) for edge in found.edges if edge.target_group is not None}
    free = [group for group in groups if _key(group.subject) not in joined and group.balancers]
    services = [one for scope in found.scopes for one in scope.of("Service") if not one.group]
    called = Counter((one.namespace, one.name) for one in services)

    def unique(service: KubeObject) -> bool:
        """Whether a line of this file can mean it alone: copies need files of their own."""
        return called[service.namespace, service.name] == 1

    def link(service: KubeObject, group: TargetGroup, reason: str) -> Proposal:
        address = group.address.rpartition(":")[2]
        several = sum(1 for one in groups if one.address.rpartition(":")[2] == address) > 1
        end = f"{service.namespace}/{service.name}" if service.namespace else service.name
        line = names({"service": end, "target_group": group.address if several else address})
        return Proposal((f"- {line}",), reason)

    for edge, group in _assumed(found.edges, groups):
        service = _service_of(edge, found)
        if service is not None and unique(service):
            said = next(join.said for join in edge.subject.joins if join.assumed and group.subject.name in join.said)
            yield link(service, group, f"Assumed so far: {said}.")
    bindings = _unjoined_bindings(found)
    for binding, service in bindings:
        meant = [group for group in free if may_meet(binding.path, _path(group))]
        alike = [group for group in meant if words(service.name, _GENERIC) & _words_of(group)] or meant
        nearest = max((shared(binding.path, _path(group)) for group in alike), default=0)
        near = [group for group in alike if shared(binding.path, _path(group)) == nearest]
        for count, group in enumerate(near[:_LISTED] if unique(service) else ()):
            reason = f"{binding.title}{places.at(binding.span)} does not tell which target group it means."
            yield link(service, group, "" if count else reason)
    if bindings:
        return
    idle = _idle_services(found)
    for group in free:
        fitting = [one for one in idle if unique(one) and may_meet(one.path, _path(group)) and _fits(group, one)]
        same = [one for one in fitting if _words_of(group) & words(one.name, _GENERIC)]
        chosen = same if len(same) == 1 else fitting if len(fitting) == len(free) == 1 else []
        if chosen:
            why = "their names are alike" if same else f"{chosen[0].title} is the only one that nothing sends to"
            reason = f"No file says what {group.subject.name}{places.at(group.subject.place)} sends to; {why}."
            yield link(chosen[0], group, reason)


def target_groups_elsewhere(found: Linked, places: Places) -> Iterator[Proposal]:
    """The target groups that bindings name and no file makes."""
    known = {group.name for group in found.terraform.target_groups if group.name}
    if any(group.name is None for group in found.terraform.target_groups):
        return
    seen: set[str] = set()
    for binding, service in _unjoined_bindings(found):
        arn, name = text(binding.at("spec", "targetGroupARN")) or "", text(binding.at("spec", "targetGroupName")) or ""
        match = ARN.match(arn)
        called = match[1] if match else name
        if not _NAME.fullmatch(called) or called in known | seen:
            continue
        seen.add(called)
        lines = [f"    {'arn' if match else 'name'}: {scalar(arn if match else name)}"]
        kind = text(binding.at("spec", "targetType"))
        if kind in ("instance", "ip"):
            lines.append(f"    target_type: {kind}")
        lines.append("    balancer: { type: alb }")
        lines[0] = "  - " + lines[0].lstrip()
        reason = (
            f"{binding.title}{places.at(binding.span)} binds {service.title} to it. Write what is set there, too: "
            "port, deregistration_delay, and the balancer's type, name and idle_timeout."
        )
        yield Proposal(tuple(lines), reason)


def _assumed(edges: Sequence[Edge], groups: Sequence[TargetGroup]) -> Iterator[tuple[Edge, TargetGroup]]:
    by_key = {_key(group.subject): group for group in groups}
    seen: set[object] = set()
    for edge in edges:
        group = by_key.get(_key(edge.target_group)) if edge.target_group is not None else None
        if group is None or _key(group.subject) in seen:
            continue
        if any(join.assumed and group.subject.name in join.said for join in edge.subject.joins):
            seen.add(_key(group.subject))
            yield edge, group


def _service_of(edge: Edge, found: Linked) -> KubeObject | None:
    places = {step.place for step in edge.route}
    return next((one for scope in found.scopes for one in scope.of("Service") if one.span in places), None)


def _unjoined_bindings(found: Linked) -> list[tuple[KubeObject, KubeObject]]:
    """The bindings whose target group is not known, each with its Service."""
    unknown = {edge.sender.place for edge in found.edges if not edge.sender.product}
    pairs: list[tuple[KubeObject, KubeObject]] = []
    for scope in found.scopes:
        for binding in scope.of("TargetGroupBinding"):
            name = text(binding.at("spec", "serviceRef", "name"))
            service = scope.find("Service", binding.namespace, name) if name else None
            if service is not None and binding.span in unknown:
                pairs.append((binding, service))
    return pairs


def _idle_services(found: Linked) -> list[KubeObject]:
    """The Services that nothing is known to send to."""
    reached = {step.place for edge in found.edges for step in edge.route}
    services = [one for scope in found.scopes for one in scope.of("Service") if not one.group]
    return [one for one in services if one.span not in reached and one.at("spec", "selector") is not None]


def _fits(group: TargetGroup, service: KubeObject) -> bool:
    """Nodes are reached by NodePorts only."""
    by_node = group.subject.read("target_type").data == "instance"
    open_ = text(service.at("spec", "type")) in ("NodePort", "LoadBalancer")
    ports = {port.node_port for port in ports_of(service)} - {None}
    return not by_node or (open_ and (not ports or group.port is None or group.port in ports))


def _words_of(group: TargetGroup) -> set[str]:
    return words(f"{group.name or ''} {group.address.rpartition('.')[2]}", _GENERIC)


def _key(subject: Subject) -> tuple[str, Span | None]:
    """What makes it the same, of whatever layer: each adds values to a copy of its own."""
    return subject.name, subject.place


def _path(group: TargetGroup) -> str:
    return group.subject.place.path if group.subject.place else ""


