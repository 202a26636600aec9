"""What drains nodes before they are terminated: the AWS node termination handler, and Karpenter's own queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kubelint5xx.config import Config
from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Members, Subject, Value, Written
from kubelint5xx.link.attributes import blocks, is_set, text_at, truth, whole, why_unknown, written
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.kube_proxy import documents_in
from kubelint5xx.link.parts import NodeGroup
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.terraform_root import EVENT_RULES, HELM_RELEASES, Root
from kubelint5xx.link.workloads import workload_of

_CHART = "aws-node-termination-handler"
_CITE = "https://github.com/aws/aws-node-termination-handler"
_KARPENTER_CITE = "https://karpenter.sh/docs/concepts/disruption/#interruption"
_EKSCTL_CITE = "https://docs.aws.amazon.com/eks/latest/eksctl/eksctl-karpenter.html"
_INTERRUPTION = "EC2 Spot Instance Interruption Warning"
_EXCLUDES = "excludeFromLoadBalancers"
_NONE_SEEN = "no file shows a termination handler"


@record
class Handler:
    """One termination handler. ``extends``: it extends the heartbeat of hooks while it drains."""

    subject: Subject
    extends: Value | None = None


def handlers_of(scopes: Sequence[Scope], roots: Iterable[Root]) -> list[Handler]:
    """The termination handlers that manifests run or Terraform installs."""
    all_roots = list(roots)
    events = spot_events(all_roots)
    found = [handler for scope in scopes for handler in _running(scope, events)]
    if any(scope.of("Cluster") for scope in scopes):
        from kubelint5xx.link.kops import kops_handlers

        found += [Handler(subject) for scope in scopes for subject in kops_handlers(scope)]
    found += [handler for root in all_roots for handler in _installed(root, events)]
    return found


def hearing(handler: Handler, events: Value) -> Handler:
    """The handler with where interruption notices are sent, as another repository tells it."""
    subject = handler.subject
    if subject.read("spot_events").known:
        return handler
    return replace(handler, subject=replace(subject, values={**subject.values, "spot_events": events}))


def with_handlers(group: NodeGroup, handlers: Iterable[Handler], config: Config) -> NodeGroup:
    """The group with the handlers that its events reach.

    A handler hears of an instance through a lifecycle hook on its termination, or through the interruption notice of
    spot instances. A group that has neither has no handler, for certain.
    """
    hooks = group.values["hooks"].data
    members = hooks if isinstance(hooks, Members) else Members((), "its lifecycle hooks are not known")
    terminating = [hook for hook in members.items if hook.read("transition").data in ("terminating", None)]
    spot = group.spot
    able = [handler for handler in handlers if handler.subject.read("queue_mode").data is not False]
    reached = [
        handler for handler in able if terminating or (spot and handler.subject.read("spot_events").data is True)
    ]
    if not terminating and spot is False:
        seen = Members((), members.open, members.assumed)
    elif reached or "termination-handlers" in config.at(group.place.path).complete:
        seen = Members(tuple(handler.subject for handler in reached))
    elif able:
        seen = Members((), f"it is not known whether the group's events reach {able[0].subject.name}")
    else:
        seen = Members((), "" if terminating else members.open, _NONE_SEEN)
    values = {**group.values, "handlers": Value(seen, Written(group.place, "termination handlers"))}
    extends = next((handler.extends for handler in reached if handler.extends), None)
    if extends is not None and terminating:
        extended = tuple(_extended(hook, extends) if hook in terminating else hook for hook in members.items)
        values["hooks"] = replace(group.values["hooks"], data=replace(members, items=extended))
    return replace(group, values=values)


def interruption_queue(scope: Scope, roots: Iterable[Root]) -> Value | None:
    """Whether Karpenter's controller reads interruption notices; None where no controller is in sight."""
    for thing in scope.objects:
        if thing.kind == "ConfigMap" and thing.name == "karpenter-global-settings":
            return _queue(thing.at("data", "aws.interruptionQueueName"), thing.span)
        if thing.kind == "ClusterConfig" and thing.group == "eksctl.io" and is_set(own := thing.at("karpenter")):
            asked = child(own, "withSpotInterruptionQueue")
            usual = Default("eksctl", "karpenter.withSpotInterruptionQueue", _EKSCTL_CITE, thing.span)
            return _asked(asked) if asked is not None and is_set(asked) else Value(False, usual)
        workload = workload_of(thing) if thing.kind == "Deployment" else None
        for container in items(workload.spec.get("containers")) if workload else ():
            if not isinstance(container, Mapping):
                continue
            image = ImageName.parse(text(container.get("image")) or "").repository
            if "karpenter" in image and image.endswith(("controller", "karpenter")):
                return _queue(_variable(container, "INTERRUPTION_QUEUE"), thing.span)
    for root in roots:
        for release in root.of(HELM_RELEASES):
            if (text_at(release.body, "chart") or "").rpartition("/")[2] == "karpenter":
                setting = chart_setting(release.body, "settings.interruptionQueue")
                unread = unread_values(release.body)
                if setting is None and unread:
                    return Value.unknown(unread, release.span)
                return _queue(setting, release.span)
    return None


def _asked(node: Node) -> Value:
    on = truth(node)
    if on is None:
        return Value.unknown(why_unknown(node) or "it is not true or false", node.span)
    return written(on, node.span, "karpenter.withSpotInterruptionQueue")


def _queue(node: Node | None, place: Span) -> Value:
    if node is None or not is_set(node) or text(node) == "":
        default = Default("Karpenter", "settings.interruptionQueue", _KARPENTER_CITE, place)
        return Value(False, default)
    # Whatever the queue is called: it is set.
    return written(True, node.span, "settings.interruptionQueue")


def _running(scope: Scope, events: Value) -> Iterator[Handler]:
    for thing in scope.objects:
        workload = workload_of(thing) if thing.kind in ("DaemonSet", "Deployment") else None
        for container in items(workload.spec.get("containers")) if workload else ():
            if not isinstance(container, Mapping):
                continue
            if ImageName.parse(text(container.get("image")) or "").name != _CHART:
                continue
            mode = _variable(container, "ENABLE_SQS_TERMINATION_DRAINING")
            name = f"the termination handler {thing.title}"
            excludes = _variable(container, "EXCLUDE_FROM_LOAD_BALANCERS")
            interval = _variable(container, "HEARTBEAT_INTERVAL")
            yield _handler(name, thing.span, mode, interval, events, excludes)


def _installed(root: Root, events: Value) -> Iterator[Handler]:
    for release in root.of(HELM_RELEASES):
        body = release.body
        if (text_at(body, "chart") or "").rpartition("/")[2] != _CHART:
            continue
        mode = chart_setting(body, "enableSqsTerminationDraining")
        excludes = chart_setting(body, _EXCLUDES)
        found = _handler(
            f"the termination handler {release.address}",
            release.span,
            mode,
            chart_setting(body, "heartbeatInterval"),
            events,
            excludes,
        )
        unread = unread_values(body)
        if mode is None and unread:
            found.subject.values["queue_mode"] = Value.unknown(unread, release.span)
        if excludes is None and unread:
            found.subject.values["excludes"] = Value.unknown(unread, release.span)
        yield found


def _handler(
    name: str, place: Span, mode: Node | None, interval: Node | None, events: Value, excludes: Node | None
) -> Handler:
    values = {
        "queue_mode": _switch(mode, "enableSqsTerminationDraining", place),
        "excludes": _switch(excludes, _EXCLUDES, place),
        "spot_events": events,
    }
    extends = None
    if interval is not None and (whole(interval) or 0) > 0:
        extends = written(True, interval.span, "heartbeatInterval")
    return Handler(Subject("handler", name, place, values), extends)


def _switch(node: Node | None, setting: str, place: Span) -> Value:
    """One of the handler's settings, which are all off by default."""
    if node is None or not is_set(node):
        return Value(False, Default("the AWS node termination handler", setting, _CITE, place))
    on = truth(node)
    if on is None:
        return Value.unknown(why_unknown(node) or "it is not true or false", node.span)
    return written(on, node.span, setting)


def spot_events(roots: Iterable[Root]) -> Value:
    """Whether interruption notices of spot instances are sent on to a queue."""
    for root in roots:
        for rule in root.of(EVENT_RULES):
            pattern = rule.body.get("event_pattern")
            if pattern is not None and _INTERRUPTION in (text(pattern) or pattern.span.text):
                return written(True, rule.span, "event_pattern")
    return Value.unknown("no file shows where interruption notices are sent")


def chart_setting(release: Mapping, path: str) -> Node | None:
    """A Helm value that a release sets: ``set`` wins over ``values``."""
    for block in [*blocks(release, "set"), *blocks(release, "set_sensitive")]:
        if text(block.get("name")) == path:
            return block.get("value")
    found: Node | None = None
    for value in items(release.get("values")):
        for document in documents_in(value):
            node: Node | None = document
            for step in path.split("."):
                node = node.get(step) if isinstance(node, Mapping) else None
            found = node if node is not None else found
    return found


def unread_values(release: Mapping) -> str:
    """Why a Helm value may be set in a way that is not seen; empty where all values were read."""
    values = release.get("values")
    for node in (values, *items(values)):
        if node is not None and why_unknown(node):
            return f"values of its release are not known: {why_unknown(node)}"
    return release.open


def _variable(container: Mapping, name: str) -> Node | None:
    for item in items(container.get("env")):
        if isinstance(item, Mapping) and text(item.get("name")) == name:
            return item.get("value") or item.get("valueFrom")
    return None


def _extended(hook: Subject, extends: Value) -> Subject:
    return Subject(hook.kind, hook.name, hook.place, {**hook.values, "extended": extends}, hook.joins)
