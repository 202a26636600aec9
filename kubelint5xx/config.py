"""The user's configuration: what to check, with which budgets, and what no file says."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from kubelint5xx.core.node import Node
from kubelint5xx.core.record import field, record, replace
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
class Chart:
    """How a Helm chart is installed: ``helm template RELEASE DIRECTORY --values … --set …``. ``span`` says so."""

    directory: str
    values: tuple[str, ...] = ()
    sets: Mapping[str, Node] = field(default_factory=dict)
    release: str = ""
    namespace: str = ""
    span: Span | None = None


@record
class Environment:
    """What differs between the places that the same files are deployed to.

    ``var_files`` and ``variables`` are Terraform's, ``charts`` Helm's, ``overlays`` the directories of Kustomize's
    overlays. ``include`` and ``exclude`` are patterns of files.
    """

    var_files: tuple[str, ...] = ()
    variables: Mapping[str, Node] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    overlays: tuple[str, ...] = ()
    cluster: Mapping[str, Node] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    assume: Mapping[str, Node] = field(default_factory=dict)


@record
class Config:
    """All settings with their defaults. Budgets are values, so that a finding can say where each number is from.

    ``budgets``: ``endpoint_propagation`` (until a pod's removal has reached kube-proxy and proxies),
    ``deregistration_propagation`` (until an ALB has stopped sending to a deregistered ip target) and ``idle_margin``
    (by how much an idle timeout should clear the other side's), in seconds. ``rules``: folders of the user's own rules,
    with where the configuration names them. ``charts`` and ``overlays`` tell which charts are rendered how, and which
    overlays are built; without them all are, the charts with ``helm_values`` on top of their own.
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
    rules: Mapping[str, Span] = field(default_factory=dict)
    var_files: tuple[str, ...] = ()
    variables: Mapping[str, Node] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    overlays: tuple[str, ...] = ()
    helm_values: tuple[str, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=dict)
    min_severity: Severity = Severity.INFO
    min_confidence: Confidence = Confidence.LOW
    source: Span | None = None

    def within(self, name: str) -> Config:
        """The configuration of the environment ``name``: what it says on top of what holds everywhere.

        Charts and overlays that only other environments name are not of this one.
        """
        own = self.environments[name]
        mine = {*own.overlays, *self.overlays, *(chart.directory for chart in (*own.charts, *self.charts))}
        others = self.environments.values()
        foreign = {path for other in others for path in other.overlays}
        foreign |= {chart.directory for other in others for chart in other.charts}
        return replace(
            self,
            var_files=(*self.var_files, *own.var_files),
            variables={**self.variables, **own.variables},
            charts=own.charts or self.charts,
            overlays=own.overlays or self.overlays,
            cluster={**self.cluster, **own.cluster},
            include=own.include or self.include,
            exclude=(*self.exclude, *own.exclude, *sorted(f"{path}/*" for path in foreign - mine)),
            assume={**self.assume, **own.assume},
        )

    def assumes(self, place: Span) -> bool:
        """Whether what stands at ``place`` is the configuration's word on what another repository sets."""
        spans = (node.span for node in self.assume.values())
        return any(span.source is place.source and span.start <= place.start < span.end for span in spans)

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
