"""What of a target group's path decides how long its balancer should wait for requests to a target that leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.value import Derived, Subject, Value
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.model.topology import Edge, Hop

_MAX_HOPS = 8


def time_values(group: TargetGroup, edges: Sequence[Edge]) -> dict[str, Value]:
    """``request_time``, ``request_time_raised`` and ``stop_time`` of a target group."""
    serving = [edge for edge in edges if edge.target_group is group.subject]
    return {**_request_time(group, serving, edges), "stop_time": _stop_time(group, serving)}


def _request_time(group: TargetGroup, serving: Sequence[Edge], edges: Sequence[Edge]) -> dict[str, Value]:
    """Of each way behind the group the smallest response timeout; of these the largest that somebody raised."""
    place = group.subject.place
    raised: list[tuple[float, Value]] = []
    unknown: Value | None = None
    for hops in _ways(group, serving, edges):
        timeouts = [(face.read("response_timeout"), face) for face in hops if "response_timeout" in face.values]
        missing = next((value for value, _ in timeouts if not value.known), None)
        if missing is not None:
            unknown = unknown or missing
        elif timeouts:
            smallest, face = min(timeouts, key=lambda one: float(str(one[0].data)))
            usual = face.read("usual_response_timeout")
            if not usual.known:
                unknown = unknown or usual
            elif float(str(smallest.data)) > float(str(usual.data)):
                how = "the smallest response timeout of the path"
                raised.append((float(str(smallest.data)), Value(smallest.data, Derived(how, (smallest,)))))
    if raised:
        value = max(raised, key=lambda one: one[0])[1]
        return {"request_time": value, "request_time_raised": Value(True, Derived("it was raised", (value,)))}
    if unknown is not None:
        nothing = Value.unknown(unknown.reason, unknown.place or place)
        return {"request_time": nothing, "request_time_raised": nothing}
    none = Value.unknown("nobody raised a response timeout on the way", place)
    return {"request_time": none, "request_time_raised": Value(False, Derived("no response timeout was raised"))}


def _ways(group: TargetGroup, serving: Sequence[Edge], edges: Sequence[Edge]) -> Iterator[list[Subject]]:
    """The faces of all hops from a balancer on to each server."""
    for edge in serving:
        yield from _onwards([edge.sender.outbound], edge.receiver, edges, 0)
    for balancer in group.balancers if not serving else ():
        yield [balancer.outbound]


def _onwards(before: list[Subject], hop: Hop, edges: Sequence[Edge], depth: int) -> Iterator[list[Subject]]:
    behind = [edge for edge in edges if edge.sender is hop] if depth < _MAX_HOPS else []
    for edge in behind:
        yield from _onwards([*before, hop.outbound], edge.receiver, edges, depth + 1)
    if not behind:
        yield [*before, hop.inbound]


def _stop_time(group: TargetGroup, serving: Sequence[Edge]) -> Value:
    """The longest time that one of the pods takes to stop by itself."""
    found: list[Value] = []
    for edge in serving:
        # A task is told to stop when its target is drained, so its time begins later.
        if edge.pod is not None and edge.subject.read("of_task").data is not True:
            found.append(_one_stop_time(edge.pod, edge.receiver.inbound))
    unknown = next((value for value in found if not value.known), None)
    if unknown is not None or not found:
        return unknown or Value.unknown("no pod behind it was seen", group.subject.place)
    return max(found, key=lambda value: float(str(value.data)))


def _one_stop_time(pod: Subject, server: Subject) -> Value:
    parts = (pod.read("prestop_delay"), server.read("drain_delay"), server.read("shutdown_timeout"))
    total = 0.0
    for part in parts:
        if not isinstance(part.data, (int, float)):
            return Value(None, Derived("time to stop", parts), part.reason)
        total += part.data
    return Value(total, Derived("preStop delay + serving on + shutdown", parts))
