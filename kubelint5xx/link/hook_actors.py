"""Whether anything is told when a lifecycle hook begins, so that it can act."""

from __future__ import annotations

from collections.abc import Sequence

from kubelint5xx.config import Config
from kubelint5xx.core.node import text
from kubelint5xx.core.record import replace
from kubelint5xx.core.value import Assumed, Members, Subject, Value
from kubelint5xx.link.attributes import why_unknown, written
from kubelint5xx.link.parts import NodeGroup
from kubelint5xx.link.terraform_root import EVENT_RULES, Root

_EVENT, _SOURCE = "EC2 Instance-terminate Lifecycle Action", "aws.autoscaling"
_NOBODY = "the files hold all that acts on lifecycle hooks"


def events_of_hooks(roots: Sequence[Root]) -> Value | None:
    """An event rule that passes the beginning of terminations on; None where there is none, for certain."""
    unclear: Value | None = None
    for root in roots:
        for rule in root.of(EVENT_RULES):
            pattern = rule.body.get("event_pattern")
            if pattern is None:
                continue
            # A pattern that is partly known still shows what it is about.
            said = text(pattern) or pattern.span.text
            if _EVENT in said or (_SOURCE in said and "detail-type" not in said):
                return written(True, rule.span, "event_pattern")
            if text(pattern) is None and _SOURCE not in said:
                reason = f"what {rule.address} passes on is not known: {why_unknown(pattern)}"
                unclear = unclear or Value.unknown(reason, pattern.span)
        for call in root.module.open_modules:
            reason = f"{call.address}, which is not in the files, may act on lifecycle hooks"
            unclear = unclear or Value.unknown(reason, call.span)
        if root.module.open:
            unclear = unclear or Value.unknown(root.module.open)
    return unclear


def with_actors(group: NodeGroup, events: Value | None, config: Config) -> NodeGroup:
    """The group with hooks that know whether anything is told of them. ``events``: what ``events_of_hooks`` found."""
    hooks = group.values["hooks"]
    if not isinstance(hooks.data, Members) or not hooks.data.items:
        return group
    told = tuple(_told(hook, events, config) for hook in hooks.data.items)
    return replace(group, values={**group.values, "hooks": replace(hooks, data=replace(hooks.data, items=told))})


def _told(hook: Subject, events: Value | None, config: Config) -> Subject:
    if "told" in hook.values:
        return hook
    nobody = Value(False, Assumed(_NOBODY, hook.place))
    if hook.place is not None and "termination-handlers" in config.at(hook.place.path).complete:
        nobody = written(False, hook.place, "lifecycle hook")
    return Subject(hook.kind, hook.name, hook.place, {**hook.values, "told": events or nobody}, hook.joins)
