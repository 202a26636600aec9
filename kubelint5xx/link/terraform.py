"""What Terraform declares of a request's path: load balancers, their listeners, and the groups they send to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, text
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Data, Default, Derived, Join, Subject, Value, doubted
from kubelint5xx.eval.resource import Resource
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link.attributes import attribute, blocks, is_set, text_at, whole, why_unknown, written
from kubelint5xx.link.autoscaling import terraform_node_groups
from kubelint5xx.link.clusters import terraform_clusters
from kubelint5xx.link.distributions import join_distributions
from kubelint5xx.link.health_checks import classic_health_check, terraform_health_check
from kubelint5xx.link.health_paths import terraform_health_path
from kubelint5xx.link.lb_attributes import terraform_attributes, without_refused
from kubelint5xx.link.parts import Cluster, Layer, NodeGroup, Senders, TargetGroup
from kubelint5xx.link.port_protocols import group_transport
from kubelint5xx.link.security_groups import senders_of
from kubelint5xx.link.target_attributes import spreading, terraform_spreading
from kubelint5xx.link.terraform_root import (
    API_INTEGRATIONS,
    APIS,
    BALANCERS,
    CLASSIC,
    HTTP_INTEGRATIONS,
    LISTENER_RULES,
    LISTENERS,
    TARGET_GROUPS,
    Root,
)
from kubelint5xx.model.knobs import BOOL, DURATION, TEXT
from kubelint5xx.model.topology import Edge, Hop, Setting, Undecided

_GROUP_CITE = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lb_target_group"
_CLASSIC_CITE = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/elb"
_GROUP_GUIDE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"
_CLASSIC_GUIDE = "https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_ConnectionDraining.html"
_PRODUCTS = {"application": ("aws_alb", "the ALB"), "network": ("aws_nlb", "the NLB")}


def link_terraform(roots: Iterable[Root], config: Config) -> Layer:
    """The halves of paths that the root modules declare. Never raises."""
    edges: list[Edge] = []
    target_groups: list[TargetGroup] = []
    undecided: list[Undecided] = []
    node_groups: list[NodeGroup] = []
    clusters: list[Cluster] = []
    settings: list[Setting] = []
    for root in roots:
        found = _Balancing(root)
        target_groups += found.target_groups()
        edges += join_distributions(root, found.hops, config)
        if root.of((*API_INTEGRATIONS, *HTTP_INTEGRATIONS, *APIS)):
            from kubelint5xx.link.api_gateways import join_api_gateways

            edges += join_api_gateways(root, found.hops, config, undecided)
        groups, labelled, unclear = terraform_node_groups(root, config)
        node_groups += groups
        settings += [*labelled, *terraform_attributes(root)]
        clusters += terraform_clusters(root)
        undecided += [*root.undecided(), *found.undecided, *unclear]
    unique = tuple({_written_at(setting): setting for setting in reversed(settings)}.values())[::-1]
    return Layer(tuple(edges), tuple(target_groups), tuple(node_groups), tuple(clusters), unique, tuple(undecided))


def _written_at(setting: Setting) -> tuple[Span | None, Data]:
    """Groups may share a launch template: what stands there is one setting."""
    place = setting.subject.place
    return place.in_file() if place else None, setting.subject.read("key").data


@record(frozen=False)
class _Balancing:
    """One root's balancers and target groups while they are joined."""

    root: Root
    undecided: list[Undecided] = field(default_factory=list)
    hops: dict[tuple[str, str], Hop] = field(default_factory=dict)

    def target_groups(self) -> list[TargetGroup]:
        forwards = self.forwards()
        found: list[TargetGroup] = []
        for resource in self.root.of(TARGET_GROUPS):
            group = self.target_group(resource, forwards.get(resource.address, []))
            if group is not None:
                found.append(group)
        for resource in self.root.of(CLASSIC):
            found += self.classic(resource)
        return found

    def target_group(self, resource: Resource, listeners: list[_Listener]) -> TargetGroup | None:
        body = without_refused(resource.body)
        values = {
            "deregistration_delay": attribute(body, "deregistration_delay", DURATION, _default(resource, 300.0)),
            "target_type": attribute(body, "target_type", TEXT, _default(resource, "instance")),
            "connection_termination": attribute(body, "connection_termination", BOOL, _default(resource, False)),
            **terraform_health_check(resource),
            **terraform_health_path(resource),
            **terraform_spreading(resource),
            "transport": group_transport(body.get("protocol"), resource.span),
        }
        if values["target_type"].data in ("lambda", "alb"):
            return None
        if resource.doubt is not None:
            values |= {name: doubted(values[name], (resource.doubt,)) for name in _ATTRIBUTES}
        balancers: dict[int, Hop] = {}
        route: list[Step] = []
        joins = [*resource.joins]
        for listener in listeners:
            hop = self.hop(listener)
            if hop is None:
                continue
            joins += listener.joins
            if id(hop) not in balancers:
                balancers[id(hop)] = hop
                if len(balancers) == 1:
                    route.append(Step(hop.name, hop.place))
                    route.append(Step(f"listener {listener.resource.address}", listener.resource.span))
        name = f"the target group {resource.address}"
        route.append(Step(name, resource.span))
        version = body.get("protocol_version")
        return TargetGroup(
            address=self.root.unique(resource),
            subject=Subject("target_group", name, resource.span, values, tuple(dict.fromkeys(joins))),
            balancers=tuple(balancers.values()),
            name=text_at(body, "name"),
            arn=text_at(body, "arn"),
            port=whole(body.get("port")),
            protocol_version=(text(version) or "") if is_set(version) else "HTTP1",
            route=tuple(route),
            senders=senders_of(self.root, {one.balancer.address: one.balancer for one in listeners}.values()),
        )

    def forwards(self) -> dict[str, list[_Listener]]:
        """The listeners that forward to each target group, by the group's address."""
        found: defaultdict[str, list[_Listener]] = defaultdict(list)
        for listener, action in self.actions():
            for target in _targets(action):
                group = self.root.find(target, TARGET_GROUPS)
                if group is not None:
                    found[group.address].append(listener)
                elif is_set(target):
                    reason = why_unknown(target) or f"no target group in the files is {text(target)}"
                    what = f"what {listener.resource.address} forwards to"
                    self.undecided.append(Undecided(what, reason, target.span))
        return found

    def actions(self) -> Iterator[tuple[_Listener, Node]]:
        listeners: dict[str, _Listener] = {}
        for resource in self.root.of(LISTENERS):
            owner = resource.body.get("load_balancer_arn")
            balancer = self.root.find(owner, BALANCERS)
            if balancer is None:
                reason = (why_unknown(owner) if owner else "") or "its load balancer is not in the files"
                self.undecided.append(Undecided(resource.address, reason, resource.span))
                continue
            listeners[resource.address] = _Listener(resource, balancer, resource.joins)
        for listener in listeners.values():
            for action in blocks(listener.resource.body, "default_action"):
                yield listener, action
        for rule in self.root.of(LISTENER_RULES):
            owner = rule.body.get("listener_arn")
            owned = self.root.find(owner, LISTENERS)
            if owned is None:
                reason = (why_unknown(owner) if owner else "") or "its listener is not in the files"
                self.undecided.append(Undecided(rule.address, reason, rule.span))
            elif not self.root.holds(owned):
                yield from self.through_described(owned, rule)
            elif owned.address in listeners:
                through = listeners[owned.address]
                for action in blocks(rule.body, "action"):
                    yield replace(through, joins=(*through.joins, *rule.joins)) if rule.joins else through, action

    def through_described(self, listener: Resource, rule: Resource) -> Iterator[tuple[_Listener, Node]]:
        """The actions of a rule whose listener only AWS's description of it tells."""
        balancer = self.root.find(listener.body.get("load_balancer_arn"), BALANCERS)
        if balancer is not None:
            for action in blocks(rule.body, "action"):
                yield _Listener(listener, balancer, (*listener.joins, *rule.joins)), action

    def hop(self, listener: _Listener) -> Hop | None:
        balancer = listener.balancer
        kind = balancer.body.get("load_balancer_type")
        said = text(kind) if is_set(kind) else "application"
        if said not in _PRODUCTS:
            if said != "gateway" and (balancer.address, "") not in self.hops:
                reason = (why_unknown(kind) if kind else "") or "its load_balancer_type is none that AWS has"
                self.undecided.append(Undecided(balancer.address, reason, balancer.span))
            return None
        product, noun = _PRODUCTS[said]
        # A network load balancer's idle timeout is its listener's.
        settings = [Settings("terraform", without_refused(balancer.body), balancer.address)]
        if said == "network":
            settings.append(
                Settings("terraform", without_refused(listener.resource.body), listener.resource.address)
            )
        key = (balancer.address, listener.resource.address if said == "network" else "")
        if key not in self.hops:
            name = f"{noun} {balancer.address}"
            joins = (*listener.joins, *_assumed_of(balancer))
            self.hops[key] = build_hop(product, name, balancer.span, settings, joins=joins)
        return self.hops[key]

    def classic(self, resource: Resource) -> Iterator[TargetGroup]:
        """A classic load balancer, with what it sends to in the terms of a target group: one a port."""
        body, name = without_refused(resource.body), f"the classic load balancer {resource.address}"
        place = resource.span
        timeout = attribute(body, "connection_draining_timeout", DURATION, _classic(resource, 300.0))
        draining = attribute(body, "connection_draining", BOOL, _classic(resource, False))
        delay = timeout
        if draining.data is not True:
            how = Derived("without connection draining requests are cut at once", (draining,))
            delay = Value(0.0 if draining.known else None, how, draining.reason)
        delay = doubted(delay, (resource.doubt,)) if resource.doubt is not None else delay
        ports: set[int | None] = set()
        for listener in blocks(body, "listener"):
            port = whole(listener.get("instance_port"))
            if port in ports:
                continue
            ports.add(port)
            target_type = written("instance", place, "aws_elb")
            values = {"deregistration_delay": delay, "target_type": target_type, **classic_health_check(resource)}
            values |= spreading(None, place, ()) | {"balancer": written("classic", place, "aws_elb")}
            step = Step(f"{name}, port {port}" if port else name, place)
            hops: tuple[Hop, ...] = ()
            if (text_at(listener, "instance_protocol") or "").lower() in ("http", "https"):
                settings = [Settings("terraform", body, resource.address)]
                hops = (build_hop("aws_clb", name, place, settings, joins=_assumed_of(resource)),)
            yield TargetGroup(
                address=f"{self.root.unique(resource)}#{port if port else ''}",
                subject=Subject("target_group", f"the targets of {resource.address}", place, values, resource.joins),
                balancers=hops,
                name=text_at(body, "name"),
                port=port,
                route=(step,),
                senders=Senders(frozenset(), "the security groups of classic load balancers are not read"),
            )


@record
class _Listener:
    resource: Resource
    balancer: Resource
    joins: tuple[Join, ...] = ()


# Which values of a target group are among its attributes.
_ATTRIBUTES = ("deregistration_delay", "connection_termination", "slow_start", "algorithm")


def _assumed_of(balancer: Resource) -> tuple[Join, ...]:
    """What was assumed of a load balancer. All that is read of one, but for its kind, are its attributes."""
    return (*balancer.joins, balancer.doubt) if balancer.doubt is not None else balancer.joins


def _targets(action: Node) -> Iterator[Node]:
    """The nodes that name an action's target groups."""
    for block in blocks(action):
        target = block.get("target_group_arn")
        if target is not None:
            yield target
        for forward in blocks(block, "forward", "target_group"):
            arn = forward.get("arn")
            if arn is not None:
                yield arn


def _default(resource: Resource, data: Data) -> Value:
    switch = "connection_termination" if isinstance(data, bool) else "target_type"
    key = "deregistration_delay" if isinstance(data, float) else switch
    cite = _GROUP_CITE if resource.by_terraform else _GROUP_GUIDE
    return Value(data, Default("an AWS target group", key, cite, resource.span))


def _classic(resource: Resource, data: Data) -> Value:
    key = "connection_draining" if isinstance(data, bool) else "connection_draining_timeout"
    cite = _CLASSIC_CITE if resource.by_terraform else _CLASSIC_GUIDE
    return Value(data, Default("a classic load balancer", key, cite, resource.span))
