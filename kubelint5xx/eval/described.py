"""Load balancers as AWS describes them: what ``aws elbv2 describe-…`` and ``aws elb describe-…`` print as JSON.

Load balancers, target groups, listeners and rules carry ARNs, by which they find each other. Attributes say nothing of
whose they are: a file that holds them beside the one load balancer or target group tells it; else the file's name, or
that there is only one beside it, leads to it, which is assumed. Of a thing whose attributes are not there the defaults
are in doubt. The health of targets is that of a moment, and nothing is concluded from it.
Shapes: the responses of the services elasticloadbalancing and elasticloadbalancingv2 in botocore, with the examples of
the AWS CLI.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from posixpath import dirname

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join
from kubelint5xx.eval.resource import ModuleCall, Resource
from kubelint5xx.eval.template_resources import HEALTH, attribute_entries, snake_case
from kubelint5xx.model.aws_attributes import BALANCER, LISTENER, TARGET_GROUP, attributes_of

_MAX_DEPTH = 4
_HOLDERS = {BALANCER: "aws_lb", TARGET_GROUP: "aws_lb_target_group", LISTENER: "aws_lb_listener"}
_LISTS = ("LoadBalancers", "TargetGroups", "Listeners")
_OWNERS = ("LoadBalancerArn", "TargetGroupArn", "ListenerArn")
_UNSEEN = "its attributes are not in the files"
_WORD = pattern(r"[a-z0-9]")
_CLASSIC = (
    ("idle_timeout", "ConnectionSettings", "IdleTimeout"),
    ("connection_draining", "ConnectionDraining", "Enabled"),
    ("connection_draining_timeout", "ConnectionDraining", "Timeout"),
)


@record
class Described:
    """All that the descriptions of a tree tell; stands where a ``terraform.Module`` stands."""

    made: tuple[Resource, ...]
    problems: tuple[Problem, ...] = ()
    open: str = ""
    open_modules: tuple[ModuleCall, ...] = ()
    variables: dict[str, Node] = field(default_factory=dict)
    noun: str = "the description"

    def resources(self, types: Collection[str]) -> tuple[Resource, ...]:
        """What is described, as resources of the given types of Terraform."""
        return tuple(resource for resource in self.made if resource.type in types)

    def data(self, types: Collection[str]) -> tuple[Resource, ...]:
        """Nothing."""
        return ()

    def declared(self) -> frozenset[str]:
        """The names of all that is described."""
        return frozenset(resource.address for resource in self.made)

    def modules(self) -> tuple[ModuleCall, ...]:
        """Nothing."""
        return ()


@record
class _Attributes:
    """A list of attributes. ``owner``: the ARN or name of whose they are, where the file says it."""

    holder: str
    node: Node
    owner: str | None = None


@record
class _Thing:
    type: str
    name: str
    node: Mapping
    place: Span


def is_description(root: Node) -> bool:
    """Whether a JSON document is what a ``describe`` command prints of load balancers."""
    return any(True for _ in _things(root, 0)) or any(True for _ in _attributes(root, 0, None)) or _is_health(root)


def load_descriptions(roots: Iterable[Node]) -> Described:
    """What the documents, for each of which ``is_description`` holds, describe together."""
    known, problems = list(roots), list[Problem]()
    things: dict[str, _Thing] = {}
    for root in known:
        for thing in _things(root, 0):
            first = things.setdefault(_identity(thing), thing)
            if first is not thing and first.node.span.text != thing.node.span.text:
                place = thing.place
                message = f"{thing.name} is described in {first.place.path} as well, which is read instead"
                problems.append(Problem(place.path, place.line, message, "notice", place.column))
    given: dict[str, tuple[_Attributes, Join | None]] = {}
    for root in known:
        for attributes in _attributes(root, 0, None):
            owner, join = _owner(attributes, things)
            if owner is None:
                message = f"attributes of a {attributes.holder}, and nothing tells of which"
                place = attributes.node.span
                problems.append(Problem(place.path, place.line, message, "notice", place.column))
            else:
                given.setdefault(owner, (attributes, join))
    made = tuple(_resource(thing, things, given.get(key)) for key, thing in things.items())
    return Described(made, tuple(problems))


def _things(root: Node, depth: int) -> Iterator[_Thing]:
    if isinstance(root, Mapping):
        found = _thing(root)
        if found is not None:
            yield found
            return
    inner = (*items(root), *(entry.value for entry in entries(root)))
    for node in inner if depth < _MAX_DEPTH else ():
        yield from _things(node, depth + 1)


def _thing(node: Mapping) -> _Thing | None:
    for type_, shape, name in (
        ("aws_lb", ("LoadBalancerArn", "LoadBalancerName", "Type"), "LoadBalancerName"),
        ("aws_lb_target_group", ("TargetGroupArn", "TargetGroupName"), "TargetGroupName"),
        ("aws_lb_listener", ("ListenerArn", "LoadBalancerArn", "DefaultActions"), "ListenerArn"),
        ("aws_lb_listener_rule", ("RuleArn", "Actions"), "RuleArn"),
        ("aws_elb", ("LoadBalancerName", "ListenerDescriptions"), "LoadBalancerName"),
    ):
        said = node.get(name)
        if said is not None and text(said) and all(node.get(key) is not None for key in shape):
            return _Thing(type_, text(said) or "", node, said.span)
    return None


def _identity(thing: _Thing) -> str:
    arns = [said for key in ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn")
            if (said := text(thing.node.get(key)))]  # fmt: skip
    return arns[0] if arns else f"{thing.type} {thing.name}"


def _attributes(root: Node, depth: int, holder: Mapping | None) -> Iterator[_Attributes]:
    """The lists of attributes in a document. ``holder``: the mapping that a list stands in."""
    if isinstance(root, Sequence):
        keys = {text(child(item, "Key")) for item in root.items}
        if root.items and None not in keys:
            if kind := _holder_of({key for key in keys if key}):
                yield _Attributes(kind, root, _said_owner(holder, kind) if holder is not None else None)
            return
    elif isinstance(root, Mapping):
        own = root.get("LoadBalancerAttributes")
        if isinstance(own, Mapping) and any(own.get(key) is not None for _, key, _ in _CLASSIC):
            yield _Attributes("aws_elb", own, text(root.get("LoadBalancerName")))
            return
    inner = (*items(root), *(entry.value for entry in entries(root)))
    for node in inner if depth < _MAX_DEPTH else ():
        yield from _attributes(node, depth + 1, root if isinstance(root, Mapping) else None)


def _holder_of(keys: set[str]) -> str:
    """What has such attributes; empty where that is not clear."""
    counts = {holder: len(keys & attributes_of(holder)) for holder in _HOLDERS}
    best = max(counts.values())
    found = [holder for holder, count in counts.items() if count == best and best]
    return found[0] if len(found) == 1 else ""


def _said_owner(holder: Mapping, kind: str) -> str | None:
    for key in _OWNERS:
        if said := text(holder.get(key)):
            return said
    wanted = _HOLDERS[kind]
    listed = [thing for key in _LISTS if (node := holder.get(key)) is not None for thing in _things(node, 1)]
    own = [_identity(thing) for thing in listed if thing.type == wanted]
    return own[0] if len(own) == 1 else None


def _owner(attributes: _Attributes, things: dict[str, _Thing]) -> tuple[str | None, Join | None]:
    """Whose attributes they are, and why that is assumed."""
    type_, place = _HOLDERS.get(attributes.holder, attributes.holder), attributes.node.span
    if attributes.owner is not None:
        key = attributes.owner if type_ != "aws_elb" else f"aws_elb {attributes.owner}"
        return (key if key in things else None), None
    own = {key: thing for key, thing in things.items() if thing.type == type_}
    beside = {key: thing for key, thing in own.items() if dirname(thing.place.path) == dirname(place.path)}
    stem = place.path.rpartition("/")[2].lower().rpartition(".")[0]
    for candidates in (beside, own):
        named = {key: thing.name for key, thing in candidates.items() if _holds(stem, thing.name.lower())}
        longest = max(map(len, named.values()), default=0)
        fitting = [key for key, name in named.items() if len(name) == longest]
        if len(fitting) == 1:
            said = f"by its name {place.path} holds the attributes of {named[fitting[0]]}"
            return fitting[0], Join(said, place, True)
    if len(beside) == 1:
        key, thing = next(iter(beside.items()))
        said = f"{place.path} is taken to hold the attributes of {thing.name}, the only one beside it"
        return key, Join(said, place, True)
    return None, None


def _holds(stem: str, name: str) -> bool:
    """Whether a file's name has the name of a thing in it, as whole words."""
    at = stem.find(name)
    before, after = stem[at - 1 : at] if at > 0 else "", stem[at + len(name) : at + len(name) + 1]
    return at >= 0 and not _WORD.match(before) and not _WORD.match(after)


def _is_health(root: Node) -> bool:
    return isinstance(child(root, "TargetHealthDescriptions"), Sequence)


def _resource(thing: _Thing, things: dict[str, _Thing], given: tuple[_Attributes, Join | None] | None) -> Resource:
    found = [*_body(thing)]
    open_ = ""
    if given is not None:
        found += _given(given[0])
    elif thing.type != "aws_lb_listener_rule":
        open_ = _UNSEEN
    address = _address(thing, things)
    doubt = given[1] if given is not None else None
    body = Mapping(thing.node.span, tuple(found), open_)
    return Resource(address, thing.type, thing.name, body, thing.place, None, False, False, (), doubt)


def _given(attributes: _Attributes) -> list[Entry]:
    if attributes.holder != "aws_elb":
        return attribute_entries(attributes.node)[0]
    found: list[Entry] = []
    for name, section, key in _CLASSIC:
        own = child(attributes.node, section)
        entry = own.entry(key) if isinstance(own, Mapping) else None
        found += [Entry(_named(entry.key, name), entry.value)] if entry is not None else []
    return found


def _address(thing: _Thing, things: dict[str, _Thing]) -> str:
    """What messages call it: the name of a load balancer or target group, of a listener with its port."""
    if thing.type in ("aws_lb_listener", "aws_lb_listener_rule"):
        parts = thing.name.split("/")
        owner = parts[2] if len(parts) > 3 else thing.name
        more = text(thing.node.get("Port")) or text(thing.node.get("Priority")) or parts[-1]
        return ":".join((owner, more)) if thing.type == "aws_lb_listener" else "/".join((owner, *parts[-2:-1], more))
    same = [one for one in things.values() if (one.type, one.name) == (thing.type, thing.name)]
    return thing.name if len(same) == 1 else _identity(thing)


def _body(thing: _Thing) -> Iterator[Entry]:
    node = thing.node
    if thing.type == "aws_elb":
        yield from _classic(node)
        return
    names = {"Type": "load_balancer_type"} if thing.type == "aws_lb" else {}
    own = {"aws_lb": "LoadBalancer", "aws_lb_target_group": "TargetGroup"}.get(thing.type, "\0")
    checks: list[Entry] = []
    for entry in node.entries:
        key = str(entry.key.value)
        if thing.type == "aws_lb_target_group" and key in HEALTH:
            checks.append(Entry(_named(entry.key, HEALTH[key]), entry.value))
        elif key in (f"{own}Name", f"{own}Arn"):
            yield Entry(_named(entry.key, key.removeprefix(own).lower()), entry.value)
        elif key in ("ListenerArn", "RuleArn") and key == _arn_key(thing.type):
            yield Entry(_named(entry.key, "arn"), entry.value)
        elif key in ("DefaultActions", "Actions"):
            yield Entry(_named(entry.key, "default_action" if key[0] == "D" else "action"), _actions(entry.value))
        elif key not in ("LoadBalancerArns", "Attributes", "State", "Matcher", "Conditions"):
            yield Entry(_named(entry.key, names.get(key) or snake_case(key)), entry.value)
    if checks:
        yield Entry(_named(checks[0].key, "health_check"), Mapping(checks[0].key.span, tuple(checks)))
    if thing.type == "aws_lb_listener_rule":
        # …:listener-rule/app/NAME/ID/LISTENER/RULE belongs to …:listener/app/NAME/ID/LISTENER.
        listener = thing.name.replace(":listener-rule/", ":listener/").rpartition("/")[0]
        place = thing.place
        yield Entry(Scalar(place, "listener_arn", "listener_arn"), Scalar(place, listener, listener, True))


def _arn_key(type_: str) -> str:
    return "ListenerArn" if type_ == "aws_lb_listener" else "RuleArn"


def _actions(node: Node) -> Node:
    """Actions in the words of Terraform. Those that forward say it twice, in short and at length."""
    found: list[Node] = []
    for action in items(node):
        target = action.entry("TargetGroupArn") if isinstance(action, Mapping) else None
        nodes = [target] if target is not None else []
        for group in items(child(action, "ForwardConfig", "TargetGroups")) if target is None else ():
            entry = group.entry("TargetGroupArn") if isinstance(group, Mapping) else None
            nodes += [entry] if entry is not None else []
        found += [Mapping(action.span, (Entry(_named(one.key, "target_group_arn"), one.value),)) for one in nodes]
    return Sequence(node.span, tuple(found))


def _classic(node: Mapping) -> Iterator[Entry]:
    for entry in node.entries:
        key = str(entry.key.value)
        if key == "LoadBalancerName":
            yield Entry(_named(entry.key, "name"), entry.value)
        elif key == "HealthCheck":
            yield Entry(_named(entry.key, "health_check"), _snaked(entry.value))
        elif key == "ListenerDescriptions":
            own = (child(item, "Listener") for item in items(entry.value))
            listeners = tuple(_snaked(listener) for listener in own if listener is not None)
            yield Entry(_named(entry.key, "listener"), Sequence(entry.value.span, listeners))


def _snaked(node: Node) -> Node:
    own = (Entry(_named(entry.key, snake_case(str(entry.key.value))), entry.value) for entry in entries(node))
    return Mapping(node.span, tuple(own))


def _named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, name, key.quoted, key.via)
