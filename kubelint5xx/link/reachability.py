"""Whether the nodes of a group can be reached by the balancer of a target group."""

from __future__ import annotations

from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value, Written
from kubelint5xx.link.parts import NodeGroup, TargetGroup

_CITE = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/security_groups/"


def admits(target_group: TargetGroup, group: NodeGroup) -> Value:
    """Whether the nodes' security groups let the target group's balancer through to the target port."""
    place: Span | None = target_group.subject.place
    senders = target_group.senders
    if senders is None:
        return Value(True, Default("the AWS Load Balancer Controller", "", _CITE, place))
    guard = group.guard
    if guard is None:
        return Value.unknown(f"the security groups of {group.name} are not known", group.place)
    port = target_group.port
    if port is None:
        return Value.unknown("the port of the targets is not known", place)
    if senders.unknown:
        return Value.unknown(senders.unknown, place)
    for opening in guard.openings:
        if opening.first <= port <= opening.last and (opening.anyone or opening.sources & senders.groups):
            return Value(True, Written(guard.place))
    return Value.unknown(guard.unknown, guard.place) if guard.unknown else Value(False, Written(guard.place))
