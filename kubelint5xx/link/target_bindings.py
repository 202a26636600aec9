"""Target groups that Terraform makes, and the Services whose pods or nodes they send to.

A TargetGroupBinding joins them by ARN or name, a declared link by any name, a NodePort by its number. What could be
joined to several is joined to none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kubelint5xx.config import Link
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, Unresolved, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Join, Value, Written
from kubelint5xx.link import aws_controller as aws
from kubelint5xx.link.aws_controller import Candidate
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths, target_facts, traffic_policy
from kubelint5xx.link.readiness_gates import readiness_gate
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope, may_meet
from kubelint5xx.link.services import ServicePort, port_of, ports_of, service_of
from kubelint5xx.link.target_attributes import node_port, reached_by

_ARN = pattern(r"^arn:[\w-]+:elasticloadbalancing:[^:]*:[^:]*:targetgroup/([^/]+)/")
_PLACEHOLDER = pattern(r"[${}<>]|^$")


def join_target_groups(scopes: Sequence[Scope], groups: Sequence[TargetGroup], paths: Paths) -> list[TargetGroup]:
    """Edges from the balancers of ``groups`` to what stands behind them. The result is the groups, completed with what
    their Service (``traffic_policy``) and their binding tell."""
    joined: set[str] = set()
    bound: dict[str, tuple[KubeObject, int | None]] = {}
    bindings = [(thing, scope) for scope in scopes for thing in scope.of("TargetGroupBinding")]
    links = _reaching(paths.config.links_with("target_group", "service"), scopes)
    for binding, scope in bindings:
        found = _join_binding(binding, scope, groups, len(bindings), joined, paths, links)
        if found is not None:
            bound[found[0].address] = binding, found[1].node_port
    for link, directory in links:
        _join_link(link, directory, scopes, groups, joined, paths)
    _join_node_ports(scopes, groups, joined, paths)
    return [_bound_by(group, *bound[group.address]) if group.address in bound else group for group in groups]


def _reaching(links: Sequence[Link], scopes: Sequence[Scope]) -> list[tuple[Link, str]]:
    """The links, each with the directory that its Service is meant in: that of its file, where it has such a Service,
    since others may have one of the same name; else any."""
    services = [thing for scope in scopes for thing in scope.of("Service")]

    def own(link: Link) -> bool:
        named = (one for one in services if _is_service(link.ends["service"], one.namespace, one.name))
        return any(link.around(one.path) > 0 for one in named)

    return [(link, link.span.path.rpartition("/")[0] if own(link) else "") for link in links]


def _meant_groups(link: Link, groups: Sequence[TargetGroup]) -> list[TargetGroup]:
    """The target groups that a link names: those in the directory of its file, where there are any."""
    named = [one for one in groups if _is_group(link.ends["target_group"], one)]
    return [one for one in named if link.around(_path(one)) > 0] or named


def _below(path: str, directory: str) -> bool:
    return not directory or path.startswith(directory + "/")


def _bound_by(group: TargetGroup, binding: KubeObject, node_port: int | None) -> TargetGroup:
    """The group as its binding makes it: the controller registers the nodes that the binding selects, on the Service's
    NodePort, and opens the way to them where the binding speaks of networking."""
    selector = binding.at("spec", "nodeSelector")
    labels = labels_of(child(selector, "matchLabels"))
    unknown = "the binding selects nodes by expressions" if child(selector, "matchExpressions") is not None else ""
    if isinstance(selector, Unresolved):
        unknown = selector.reason
    senders = group.senders if binding.at("spec", "networking") is None else None
    bound = replace(group, registered=True, node_selector=labels or None, selector_unknown=unknown, senders=senders)
    return replace(bound, port=node_port) if group.subject.read("target_type").data == "instance" else bound


def _join_binding(
    binding: KubeObject,
    scope: Scope,
    groups: Sequence[TargetGroup],
    bindings: int,
    joined: set[str],
    paths: Paths,
    links: Sequence[tuple[Link, str]],
) -> tuple[TargetGroup, ServicePort] | None:
    name = text(binding.at("spec", "serviceRef", "name"))
    service = service_of(scope, binding.namespace, name) if name else None
    missing = f"Service {name} is not among the files"
    wanted = binding.at("spec", "serviceRef", "port")
    port = port_of(service, wanted) if service else missing
    if service is not None:
        paths.refer(to_service(binding.title, wanted, service))
    if isinstance(port, str):
        paths.note(binding.title, port, binding.span)
        return None
    found, join = _named_by(binding, groups, bindings, links)
    given = Candidate("targetType", binding.at("spec", "targetType"))
    if found is None:
        if join is not None:
            paths.note(binding.title, join.said, join.place)
        # Its pods are on a path all the same.
        sender = unknown_hop("balancer", f"the load balancer behind {binding.title}", binding.span)
        unknown = Value.unknown("the target group is not among the files", binding.span)
        target_type = aws.target_type((given,), binding.span, ()) if aws.is_given(given.node) else unknown
        facts = target_facts(target_type, unknown, paths.config, "deregistration_propagation")
        paths.connect(sender, port, scope, facts)
        return None
    joined.add(found.address)
    declared = aws.target_type((given,), binding.span, ()) if aws.is_given(given.node) else None
    _connect(found, port, scope, (join,) if join else (), paths, declared)
    auto_mode = binding.group == "eks.amazonaws.com"
    found.subject.values.setdefault("readiness_gate", readiness_gate(port.service, scope, auto_mode))
    return found, port


def _named_by(
    binding: KubeObject, groups: Sequence[TargetGroup], bindings: int, links: Sequence[tuple[Link, str]]
) -> tuple[TargetGroup | None, Join | None]:
    """The target group of a binding and why it is the one; without one the join says what is missing."""
    arn, name = binding.at("spec", "targetGroupARN"), binding.at("spec", "targetGroupName")
    given: Node | None = name if name is not None else arn
    groups = [one for one in groups if may_meet(binding.path, _path(one))]
    written = text(given) or ""
    match = _ARN.match(written)
    wanted = match[1] if match else written if given is name else ""
    place = given.span if given else binding.span
    service = text(binding.at("spec", "serviceRef", "name")) or ""
    for link, directory in links:
        if _below(binding.path, directory) and _is_service(link.ends["service"], binding.namespace, service):
            declared = _meant_groups(link, groups)
            if len(declared) == 1:
                return declared[0], Join(f"the configuration joins {service} and {declared[0].subject.name}", link.span)
    if wanted and not _PLACEHOLDER.search(wanted):
        named = [one for one in groups if one.name == wanted]
        if len(named) == 1:
            return named[0], Join(f"{binding.title} names the target group {wanted}", place)
        if named:
            return None, Join(f"several target groups are named {wanted}", place)
        # A name that only AWS completes may still be the one.
        candidates = [one for one in groups if one.name is None]
    else:
        candidates = list(groups)
    if len(candidates) == 1 and bindings == 1:
        said = f"{candidates[0].subject.name} is the only target group that {binding.title} can mean"
        return candidates[0], Join(said, place, assumed=True)
    if not groups:
        return None, None
    return None, Join("which target group it means is not known", place)


def _join_link(
    link: Link, directory: str, scopes: Sequence[Scope], groups: Sequence[TargetGroup], joined: set[str], paths: Paths
) -> None:
    wanted = [one for one in _meant_groups(link, groups) if one.address not in joined]
    services = [
        (thing, scope)
        for scope in scopes
        for thing in scope.of("Service")
        if not thing.group and _below(thing.path, directory)
        if _is_service(link.ends["service"], thing.namespace, thing.name)
    ]
    for group in wanted:
        meant = [one for one in services if may_meet(_path(group), one[0].path)]
        if len(meant) != 1:
            reason = f"{len(meant)} Services answer to {link.ends['service']}"
            paths.note(group.subject.name, reason, link.span)
            continue
        service, scope = meant[0]
        ports = ports_of(service)
        port = next((one for one in ports if one.node_port == group.port and group.port), None)
        if port is None and len(ports) == 1:
            port = ports[0]
        if port is None:
            paths.note(group.subject.name, f"which port of {service.title} it sends to is not known", link.span)
            continue
        joined.add(group.address)
        _connect(group, port, scope, (Join("the configuration says so", link.span),), paths)


def _join_node_ports(scopes: Sequence[Scope], groups: Sequence[TargetGroup], joined: set[str], paths: Paths) -> None:
    services: defaultdict[int, list[tuple[ServicePort, Scope]]] = defaultdict(list)
    for scope in scopes:
        for service in scope.of("Service"):
            for port in ports_of(service) if not service.group else ():
                if port.node_port:
                    services[port.node_port].append((port, scope))
    free = [one for one in groups if one.address not in joined and one.subject.read("target_type").data == "instance"]
    for group in free:
        path = _path(group)
        found = [one for one in services.get(group.port or 0, ()) if may_meet(path, one[0].service.path)]
        if not found:
            continue
        sharing = sum(1 for other in free if other.port == group.port and may_meet(path, _path(other)))
        if len(found) > 1 or sharing > 1:
            many = f"{len(found)} Services have" if len(found) > 1 else f"{sharing} target groups send to"
            paths.note(group.subject.name, f"{many} the NodePort {group.port}", group.subject.place)
            continue
        port, scope = found[0]
        node = port.node.get("nodePort")
        said = f"port {group.port} of {group.subject.name} is the NodePort of {port.service.title}"
        joined.add(group.address)
        _connect(group, port, scope, (Join(said, node.span if node else port.service.span),), paths)


def _connect(
    group: TargetGroup,
    port: ServicePort,
    scope: Scope,
    joins: tuple[Join, ...],
    paths: Paths,
    declared: Value | None = None,
) -> None:
    target_type = group.subject.read("target_type")
    if declared is not None and (not target_type.known or target_type.data == declared.data):
        target_type = declared
    open_port = node_port(port)
    balancers = group.balancers or (
        unknown_hop("balancer", f"the load balancer of {group.subject.name}", group.subject.place),
    )
    for balancer in balancers:
        budget = "deregistration_propagation" if balancer.product == "aws_alb" else "endpoint_propagation"
        facts = target_facts(reached_by(target_type, open_port), group_protocol(group), paths.config, budget)
        facts["transport"] = group.subject.read("transport")
        steps = group.route or (Step(group.subject.name, group.subject.place),)
        if not group.balancers or steps[0].label != balancer.name:
            steps = (Step(balancer.name, balancer.place), *(step for step in steps if step.label != balancer.name))
        paths.connect(balancer, port, scope, facts, steps, joins, group.subject)
    group.subject.values.setdefault("traffic_policy", traffic_policy(port))
    group.subject.values.setdefault("node_port", open_port)
    by_node = target_type.data == "instance" if target_type.known else None
    told = Value(by_node, Derived("instance targets are nodes", (target_type,)), target_type.reason)
    group.subject.values.setdefault("sends_to_nodes", told)


def group_protocol(group: TargetGroup) -> Value:
    """What a target group's balancers speak with its targets."""
    place: Span | None = group.subject.place
    known = aws.PROTOCOLS.get(group.protocol_version.upper())
    if known is None or (known != "http1" and place is None):
        return Value.unknown("its protocol version is not known", place)
    if known == "http1" or place is None:
        cite = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html"
        return Value(known, Default("the target group", "protocol_version", cite, place))
    return Value(known, Written(place, "protocol_version"))


def _path(group: TargetGroup) -> str:
    return group.subject.place.path if group.subject.place else ""


def _is_service(end: str, namespace: str, name: str) -> bool:
    space, slash, wanted = end.strip().removeprefix("Service ").rpartition("/")
    return wanted == name and (not slash or space == (namespace or "default"))


def _is_group(end: str, group: TargetGroup) -> bool:
    return end in (group.address, group.name) or group.address.endswith((f":{end}", f".{end}", f"/{end}"))
