"""Lifecycle hooks of autoscaling groups, as Terraform writes them."""

from __future__ import annotations

from kubelint5xx.config import Config
from kubelint5xx.core.node import Mapping, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Members, Subject, Value, Written
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import attribute, blocks, is_set, text_at, why_hidden, why_unknown
from kubelint5xx.link.terraform_root import AUTOSCALING_GROUPS, HOOKS, Root
from kubelint5xx.model.knobs import DURATION

_CITE = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html"
_PRODUCT = "Amazon EC2 Auto Scaling"


def hooks_of(root: Root, group: Resource, config: Config) -> Value:
    """The hooks of an autoscaling group, closed where all that could add one was read."""
    found: list[Subject] = []
    open_ = why_hidden(group.body, "initial_lifecycle_hook")
    for block in blocks(group.body, "initial_lifecycle_hook"):
        found.append(_hook(block, text_at(block, "name") or group.name, _header(group, block)))
    for hook in root.of(HOOKS):
        named = hook.body.get("autoscaling_group_name")
        owner = root.find(named, AUTOSCALING_GROUPS)
        if owner is not None:
            if owner.address == group.address:
                found.append(_hook(hook.body, hook.address, hook.span))
                if hook.count_unknown and not open_:
                    open_ = f"it is not known how many instances {hook.address} has"
        elif is_set(named) and named is not None and (reason := why_unknown(named)):
            open_ = open_ or f"{hook.address} may belong to it ({reason})"
    if not open_:
        module = root.passed_to(group)
        open_ = f"{module}, which is not in the files, is given this group" if module else root.module.open
    if "lifecycle-hooks" in config.at(group.span.path).complete:
        open_ = ""
    return Value(Members(tuple(found), open_), Written(group.span, "lifecycle hooks"))


def _header(group: Resource, block: Mapping) -> Span:
    """The line of a nested block: the key under which its body stands."""
    for entry in group.body.entries:
        if entry.value is block:
            return entry.key.span
    return block.span.first_line()


def _hook(body: Mapping, name: str, place: Span) -> Subject:
    said = body.get("lifecycle_transition")
    transition = text(said)
    if transition is not None and said is not None:
        kind = "terminating" if transition.endswith("TERMINATING") else "launching"
        when = Value(kind, Written(said.span, "lifecycle_transition"))
    else:
        when = Value.unknown((why_unknown(said) if said else "") or "lifecycle_transition is missing", place)
    default = Value(3600.0, Default(_PRODUCT, "heartbeat_timeout", _CITE, place))
    values = {
        "transition": when,
        "heartbeat": attribute(body, "heartbeat_timeout", DURATION, default),
        "extended": Value(False, Default(_PRODUCT, "RecordLifecycleActionHeartbeat", _CITE, place)),
    }
    notified = body.get("notification_target_arn")
    if notified is not None and is_set(notified):
        values["told"] = Value(True, Written(notified.span, "notification_target_arn"))
    return Subject("hook", f"the lifecycle hook {name}", place, values)
