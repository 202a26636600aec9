"""Service Connect of Amazon ECS: the proxy that takes the requests of a task's port.

In awsvpc mode it listens on the container's own port, and so receives what a load balancer sends, too, unless
``ingress_port_override`` gives it another one; in bridge mode it has a port of its own.
Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html and
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TimeoutConfiguration.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kubelint5xx.core.node import Mapping, items, text
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Subject, Value
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import attribute, blocks, is_set, text_at, truth, whole
from kubelint5xx.link.receivers import Receiver, unknown_hop
from kubelint5xx.model.knobs import DURATION
from kubelint5xx.model.topology import Hop

_PRODUCT = "Service Connect"
_TIMEOUTS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TimeoutConfiguration.html"


def behind_proxy(
    receiver: Receiver, port: int | None, service: Resource, containers: Sequence[Mapping], awsvpc: bool | None
) -> Receiver:
    """The receiver of a task's port: the proxy with the server behind it, where Service Connect takes the port.
    ``awsvpc``: whether tasks have addresses of their own; None: that is not known."""
    taken = _taking(service, port, containers) if awsvpc is not False else None
    if taken is None:
        return receiver
    name = f"Service Connect's proxy in {receiver.pod.name}"
    hop = _proxy(name, taken) if awsvpc else unknown_hop("sidecar", name, taken.span.first_line())
    return Receiver(receiver.container, hop, receiver.pod, behind=(receiver,), port=receiver.port)


def _taking(service: Resource, port: int | None, containers: Sequence[Mapping]) -> Mapping | None:
    """The ``service`` block that names the port."""
    names = {
        text(mapping.get("name"))
        for container in containers
        for mapping in items(container.get("portMappings"))
        if isinstance(mapping, Mapping) and (port is None or whole(mapping.get("containerPort")) == port)
    }
    for connect in blocks(service.body, "service_connect_configuration"):
        for block in blocks(connect, "service") if truth(connect.get("enabled")) is not False else ():
            named = text_at(block, "port_name")
            if (named is None or named in names) and not is_set(block.get("ingress_port_override")):
                return block
    return None


def _proxy(name: str, block: Mapping) -> Hop:
    place: Span = block.span.first_line()
    timeout = next(blocks(block, "timeout"), Mapping(place))
    idle = _unlimited(attribute(timeout, "idle_timeout_seconds", DURATION, _default(300.0, place)))
    values = {"keepalive": _default(True, place, "keepalive"), "idle_timeout": idle}
    if is_set(timeout.get("per_request_timeout_seconds")):
        unset = Value.unknown("its default is not documented", place)
        answer = _unlimited(attribute(timeout, "per_request_timeout_seconds", DURATION, unset))
        values["response_timeout"] = answer
    return Hop("", "sidecar", name, place, Subject("hop", name, place, values), Subject("hop", name, place, {}))


def _default(data: float | bool, place: Span, setting: str = "idle_timeout_seconds") -> Value:
    return Value(data, Default(_PRODUCT, setting, _TIMEOUTS, place))


def _unlimited(value: Value) -> Value:
    """0 switches a timeout off."""
    return replace(value, data=math.inf) if value.known and value.data == 0 else value
