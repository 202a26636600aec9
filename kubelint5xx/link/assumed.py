"""What another repository sets, as the configuration says: target groups with their balancers, namespaces, clusters.

What the configuration does not say of them is unknown, and no default: the other repository may set it. What is among
the files counts, and not what the configuration says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.config_assume import ARN
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Entry, Node, Scalar, Unresolved, entries, items, text
from kubelint5xx.core.node import Mapping as Node_
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Members, Subject, Value, Written
from kubelint5xx.hops.resolve import CLAIM, Settings, build_hop
from kubelint5xx.hops.table import table
from kubelint5xx.link.attributes import length_of, value_of, whole
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import Layer, Senders, TargetGroup
from kubelint5xx.link.told import Told
from kubelint5xx.model.knobs import TEXT
from kubelint5xx.model.topology import Edge, Hop, Undecided

if TYPE_CHECKING:
    from kubelint5xx.link.nodes import NodeFacts
    from kubelint5xx.link.receivers import Receiver
    from kubelint5xx.link.scopes import Scope

_PRODUCTS = {"alb": ("aws_alb", "the ALB"), "nlb": ("aws_nlb", "the NLB")}
# What Terraform tells of a target group, beside what the configuration may say of one.
_UNSAID = (
    "deregistration_delay", "target_type", "connection_termination", "health_interval", "health_timeout",
    "healthy_threshold", "unhealthy_threshold", "health_protocol", "health_path", "health_port", "slow_start",
    "algorithm", "transport", "balancer",
)  # fmt: skip


@record
class Elsewhere:
    """What other repositories tell, one after the other, and what of it cannot be used."""

    told: tuple[Told, ...] = ()
    problems: tuple[Problem, ...] = ()
    undecided: tuple[Undecided, ...] = ()

    @property
    def target_groups(self) -> tuple[TargetGroup, ...]:
        return tuple(group for one in self.told for group in one.target_groups)

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(edge for one in self.told for edge in one.edges)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return tuple(scope for one in self.told for scope in one.scopes)

    @property
    def receivers(self) -> dict[int, tuple[Receiver, ...]]:
        return {port: found for one in self.told for port, found in one.receivers.items()}

    @property
    def nodes(self) -> tuple[NodeFacts, ...]:
        return tuple(one.nodes for one in self.told if one.nodes is not None)

    def completed(self, config: Config) -> Config:
        """The configuration with the sets that others say are complete."""
        more = frozenset(name for one in self.told for name in one.complete)
        return config.changed(lambda part: replace(part, complete=part.complete | more))

    def node_groups(self, seen: Callable[[str], Members]) -> Callable[[str], Members]:
        """Whether all node groups are told of. ``seen``: whether those of the files are, by the path of a file."""

        def told(path: str) -> Members:
            own = seen(path)
            # A set that is said to be complete is no assumption.
            if own.open or not own.assumed:
                return own
            return next((one.node_groups for one in self.told if one.node_groups.open), own)

        return told


def elsewhere(assume: Mapping[str, Node], environment: str) -> Elsewhere:
    """What the documents that the configuration names tell of the environment."""
    told: list[Told] = []
    problems: list[Problem] = []
    undecided: list[Undecided] = []
    for document in items(assume.get("paths")):
        if isinstance(document, Node_):
            from kubelint5xx.link.assumed_paths import told_of

            found = told_of(document, environment)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                told.append(found)
        else:
            undecided.append(Undecided(f"what {text(document)} says", "the file was not read", document.span))
    return Elsewhere(tuple(told), tuple(problems), tuple(undecided))


def assumed_layer(assume: Mapping[str, Node], here: Iterable[TargetGroup], told: Iterable[TargetGroup] = ()) -> Layer:
    """The target groups of other repositories: those that the configuration describes, and those that are ``told`` of.
    ``here``: the target groups of the files."""
    groups = [_group(item) for item in items(assume.get("target_groups")) if isinstance(item, Node_)]
    groups += told
    undecided: list[Undecided] = []
    names = {group.name for group in here if group.name}
    kept: list[TargetGroup] = []
    for group in groups:
        if group.name in names:
            reason = "it is told of elsewhere too, and that counts"
            undecided.append(Undecided(group.subject.name, reason, group.subject.place))
        else:
            kept.append(group)
            names |= {group.name} if group.name else set()
    return Layer(target_groups=tuple(kept), undecided=tuple(undecided))


def with_namespaces(
    scopes: tuple[Scope, ...], config: Config, others: Iterable[Scope] = ()
) -> tuple[Scope, ...]:
    """The scopes with the namespaces that the configuration or the scopes of ``others`` tell of, and no file declares.
    Of several words of the configuration on one of them that of the nearest directory counts."""
    there = {thing.name for scope in scopes for thing in scope.of("Namespace")}
    objects: dict[int, KubeObject] = {}
    told = [thing for scope in others for thing in scope.of("Namespace") if thing.name not in there]

    def completed(scope: Scope) -> Scope:
        said = (assume.get("namespaces") for assume in (config.assumed, config.at(f"{scope.name}/").assume))
        named = {str(entry.key.value): entry for namespaces in said for entry in entries(namespaces)}
        own = [entry for name, entry in named.items() if name not in there]
        new = [objects.setdefault(id(entry), _namespace(entry)) for entry in own]
        new += [thing for thing in told if thing.name not in named]
        return replace(scope, objects=(*scope.objects, *new)) if new else scope

    return tuple(map(completed, scopes))


def _namespace(entry: Entry) -> KubeObject:
    place = entry.key.span
    labels = entry.value.entry("labels") if isinstance(entry.value, Node_) else None
    if labels is None:
        labels = Entry(Scalar(place, "labels", "labels"), Unresolved(place, _why(place)))
    metadata = Node_(entry.value.span, (Entry(Scalar(place, "name", "name"), entry.key), labels))
    root = Node_(entry.value.span, (Entry(Scalar(place, "metadata", "metadata"), metadata),))
    return KubeObject("Namespace", "v1", "", str(entry.key.value), root, place)


def _group(node: Node_) -> TargetGroup:
    named = node.get("name") or node.get("arn") or node
    arn = ARN.match(text(node.get("arn")) or "")
    name = text(node.get("name")) or (arn[1] if arn else "")
    place = named.span
    values = {quantity: Value.unknown(_why(place), place) for quantity in _UNSAID}
    delay, kind, balancer = node.get("deregistration_delay"), node.get("target_type"), node.get("balancer")
    if delay is not None:
        values["deregistration_delay"] = length_of(delay, "deregistration_delay")
    if kind is not None:
        values["target_type"] = value_of(kind, "target_type", TEXT)
    hops: tuple[Hop, ...] = ()
    if isinstance(balancer, Node_):
        hops = (_balancer(balancer, name),)
        values["balancer"] = _type(balancer)
    subject = Subject("target_group", f"the target group {name}", place, values)
    return TargetGroup(
        address=f"{place.path}:{name}",
        subject=subject,
        balancers=hops,
        name=name,
        port=whole(node.get("port")),
        protocol_version=text(node.get("protocol_version")) or "HTTP1",
        route=(*(Step(hop.name, hop.place) for hop in hops), Step(subject.name, place)),
        senders=Senders(frozenset(), "the security groups of its balancer are not among the files"),
    )


def _type(node: Node_) -> Value:
    said = node.get("type")
    return Value(text(said), Written(said.span if said else node.span, "type"))


def _balancer(node: Node_, group: str) -> Hop:
    product, noun = _PRODUCTS[text(node.get("type")) or "alb"]
    named = node.get("name")
    title = f"{noun} {text(named)}" if named is not None else f"{noun} of the target group {group}"
    place = (named or node.get("type") or node).span
    # Each setting of the product is either said here or unknown.
    rows = table(product).knobs
    idle = rows["outbound.idle_timeout"].keys
    said = node.get("idle_timeout")
    unsaid = Unresolved(place, _why(place))
    claims = [
        Entry(Scalar(place, name, name), said if said is not None and row.keys == idle else unsaid)
        for name, row in rows.items()
        if row.keys
    ]
    own = Settings(CLAIM, Node_(place, tuple(claims)), "idle_timeout")
    return build_hop(product, title, place, (Settings("attributes", None, "its attributes"), own))


def _why(place: Span) -> str:
    return f"another repository sets it, and {place.path} does not say to what"
