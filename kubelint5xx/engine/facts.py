"""What rules compute with: pure functions over subjects, each giving a value with the inputs that it came from."""

from __future__ import annotations

import math

from kubelint5xx.core.expr import Function
from kubelint5xx.core.value import Derived, Subject, Value
from kubelint5xx.engine import facts_attributes, facts_drain, facts_health
from kubelint5xx.engine.spelling import distance

EXCLUSION_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
LEGACY_EXCLUSION_LABEL = "alpha.service-controller.kubernetes.io/exclude-balancer"


def stop_budget(pod: Subject, server: Subject) -> Value:
    """How long a pod needs to stop: preStop delay + in-app delay + graceful shutdown, in seconds.

    A shutdown timeout without a limit is left out: only what comes before it can be compared with the grace period.
    """
    parts = [pod.read("prestop_delay"), server.read("drain_delay"), server.read("shutdown_timeout")]
    if parts[2].data == math.inf:
        parts.pop()
    return _sum("time to stop", parts)


def serving_after_removal(pod: Subject, server: Subject) -> Value:
    """How long a pod goes on serving after its removal began: preStop delay + in-app delay, in seconds."""
    return _sum("time of serving after removal began", [pod.read("prestop_delay"), server.read("drain_delay")])


def resembles_exclusion(key: Value) -> Value:
    """Whether a label's key was meant to be the exclusion label and is not: a slip of the pen, or its value's suffix
    under another prefix."""
    if not isinstance(key.data, str):
        return Value.unknown(key.reason, key.place)
    text = key.data
    meant = text not in (EXCLUSION_LABEL, LEGACY_EXCLUSION_LABEL) and (
        text.rpartition("/")[2] == EXCLUSION_LABEL.rpartition("/")[2]
        or distance(text, EXCLUSION_LABEL, 3) <= 3
        or distance(text, LEGACY_EXCLUSION_LABEL, 3) <= 3
    )
    return Value(meant, Derived("is a near miss of the exclusion label", (key,)))


def _sum(how: str, parts: list[Value]) -> Value:
    total = 0.0
    for part in parts:
        if part.data is None:
            return Value(None, Derived(how, tuple(parts)), part.reason)
        assert isinstance(part.data, (int, float))
        total += part.data
    return Value(total, Derived(how, tuple(parts)))


FACTS = {
    **facts_attributes.FACTS,
    **facts_drain.FACTS,
    **facts_health.FACTS,
    "stop_budget": Function(("pod", "hop"), "duration", stop_budget),
    "serving_after_removal": Function(("pod", "hop"), "duration", serving_after_removal),
    "resembles_exclusion": Function(("text",), "bool", resembles_exclusion),
}
