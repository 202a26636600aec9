"""Facts about how targets and pods go away."""

from __future__ import annotations

from kubelint5xx.core.expr import Function
from kubelint5xx.core.value import Derived, Subject, Value


def health_window(target_group: Subject) -> Value:
    """How long it takes until a load balancer knows by its health checks that a target is gone, in seconds.

    The interval times the number of failures that count, and the timeout of the last one.
    """
    names = ("health_interval", "unhealthy_threshold", "health_timeout")
    parts = tuple(target_group.read(name) for name in names)
    origin = Derived("interval × unhealthy threshold + timeout", parts)
    numbers = [part.data for part in parts if isinstance(part.data, (int, float))]
    if len(numbers) < len(parts):
        return Value(None, origin, next(part.reason for part in parts if not part.known))
    return Value(numbers[0] * numbers[1] + numbers[2], origin)


FACTS = {"health_window": Function(("target_group",), "duration", health_window)}
