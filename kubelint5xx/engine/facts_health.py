"""What rules compute of health checks."""

from __future__ import annotations

from kubelint5xx.core.expr import Function
from kubelint5xx.core.value import Derived, Subject, Value


def checked_port(target_group: Subject, edge: Subject) -> Value:
    """The pod's port that a health check asks: the one that receives the requests, unless the check has its own.

    A number on instance targets is one of the node's ports, and of which pod's port that is, nothing is known.
    """
    port = target_group.read("health_port")
    if port.data == "traffic-port":
        own = edge.read("port")
        return Value(own.data, Derived("the port that receives the requests", (port, own)), own.reason)
    kind = target_group.read("target_type")
    if port.known and kind.data != "ip":
        reason = kind.reason or "the node's port that is checked may be anything"
        return Value(None, Derived("the port of a node", (port, kind)), reason)
    return port


FACTS = {"checked_port": Function(("target_group", "edge"), "text", checked_port)}
