"""The user's configuration: what to check, with which budgets, and what no file says."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from kubelint5xx.core.node import Node
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Confidence, Default, Severity, Value

FILE_NAMES = ("kubelint5xx.yaml", ".kubelint5xx.yaml")


@record
class Link:
    """One declared join: the things of ``ends`` (by kind: service, target_group, image, build, manifests, cluster,
    node_group …) belong together. ``span`` is the line of the configuration that says so."""

    ends: Mapping[str, str]
    span: Span


@record
class Config:
    """All settings with their defaults. Budgets are values, so that a finding can say where each number is from.

    ``budgets``: ``endpoint_propagation`` (until a pod's removal has reached kube-proxy and proxies),
    ``deregistration_propagation`` (until an ALB has stopped sending to a deregistered ip target) and ``idle_margin``
    (by how much an idle timeout should clear the other side's), in seconds.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_path_ignore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    budgets: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    servers: Mapping[str, Node] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    volatile: tuple[str, ...] = ()
    stable: tuple[str, ...] = ()
    cluster: Mapping[str, Node] = field(default_factory=dict)
    assume: Mapping[str, Node] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    var_files: tuple[str, ...] = ()
    variables: Mapping[str, Node] = field(default_factory=dict)
    min_severity: Severity = Severity.INFO
    min_confidence: Confidence = Confidence.LOW
    source: Span | None = None

    def budget(self, name: str) -> Value:
        """The budget ``name`` in seconds, from the configuration or as the default that the documentation gives."""
        return self.budgets.get(name) or _BUDGETS[name]

    def server_of(self, workload: str) -> Node | None:
        """What the configuration declares to run in ``workload`` (``Deployment shop/api``; patterns allowed)."""
        return next((node for pattern, node in self.servers.items() if fnmatchcase(workload, pattern)), None)

    def links_with(self, *kinds: str) -> tuple[Link, ...]:
        """The declared links that join things of all these kinds."""
        return tuple(link for link in self.links if all(kind in link.ends for kind in kinds))


def _budget(name: str, seconds: float) -> Value:
    return Value(seconds, Default("kubelint5xx", f"budgets.{name}", "docs/guide.md#budgets"))


_BUDGETS = {
    "endpoint_propagation": _budget("endpoint_propagation", 5.0),
    "deregistration_propagation": _budget("deregistration_propagation", 15.0),
    "idle_margin": _budget("idle_margin", 5.0),
}
