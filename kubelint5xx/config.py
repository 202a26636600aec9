"""The user's configuration: what to check, with which budgets, and what no file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import Node, Sequence
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Confidence, Default, Severity, Value

T = TypeVar("T")

FILE_NAMES = ("kubelint5xx.yaml", ".kubelint5xx.yaml")
# Where a table of it may hold the configuration instead.
PROJECT_FILE = "pyproject.toml"


@record
class Link:
    """One declared join: the things of ``ends`` (by kind: service, target_group, image, build, manifests, cluster,
    node_group …) belong together. ``span`` is the line of the configuration that says so."""

    ends: Mapping[str, str]
    span: Span

    def around(self, path: str) -> int:
        """How near the directory of the link's file is to what it holds: its depth; -1 where it does not hold ``path``.
        """
        directory = self.span.path.rpartition("/")[0]
        return len(directory) if not directory or path.startswith(directory + "/") else -1


@record
class Chart:
    """How a Helm chart is installed: ``helm template RELEASE DIRECTORY --values … --set …``. ``span`` says so.

    With a ``repository`` the chart is not in the tree, and ``directory`` is its name there.
    """

    directory: str
    values: tuple[str, ...] = ()
    sets: Mapping[str, Node] = field(default_factory=dict)
    release: str = ""
    namespace: str = ""
    span: Span | None = None
    repository: str = ""
    version: Node | None = None


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
    overlays are built; without them all are, the charts with ``helm_values`` on top of their own. ``volatile`` and
    ``stable`` name node groups, each with where the configuration names it.

    ``ambient``: Terraform's variables from the process's environment, which every file and argument wins over.
    ``nested``: what holds below directories that have configurations of their own, each complete in itself.
    ``environment``: the one whose configuration this is; empty for none.
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
    volatile: Mapping[str, Span] = field(default_factory=dict)
    stable: Mapping[str, Span] = field(default_factory=dict)
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
    ambient: Mapping[str, Node] = field(default_factory=dict)
    nested: Mapping[str, Config] = field(default_factory=dict)
    environment: str = ""

    def at(self, path: str) -> Config:
        """What holds for the file ``path``: the configuration of the nearest directory around it that has one."""
        while self.nested and path:
            path = path.rpartition("/")[0]
            if path in self.nested:
                return self.nested[path]
        return self

    def everywhere(self) -> tuple[Config, ...]:
        """This configuration, and those of directories."""
        return (self, *self.nested.values())

    def changed(self, change: Callable[[Config], Config]) -> Config:
        """The configuration with the same change everywhere."""
        own = change(self)
        return replace(own, nested={directory: change(one) for directory, one in own.nested.items()})

    def within(self, name: str) -> Config:
        """The configuration of the environment ``name``: what it says on top of what holds everywhere.

        Charts and overlays that only other environments name are not of this one.
        """
        parts = self.everywhere()
        chosen = [part.environments[name] for part in parts]
        named: list[Config | Environment] = [*chosen, *parts]
        mine = {path for one in named for path in _rendered(one)}
        others = [one for part in parts for one in part.environments.values()]
        foreign = sorted({path for one in others for path in _rendered(one)} - mine)

        def inside(part: Config) -> Config:
            own = part.environments[name]
            return replace(
                part,
                var_files=(*part.var_files, *own.var_files),
                variables={**part.variables, **own.variables},
                charts=own.charts or part.charts,
                overlays=own.overlays or part.overlays,
                cluster={**part.cluster, **own.cluster},
                include=own.include or part.include,
                exclude=(*part.exclude, *own.exclude, *(f"{path}/*" for path in foreign)),
                assume={**part.assume, **own.assume},
                environment=name,
            )

        return self.changed(inside)

    @property
    def assumed(self) -> Mapping[str, Node]:
        """What other repositories set, by all that is said of it anywhere."""
        return joined_assume(part.assume for part in self.everywhere()) if self.nested else self.assume

    def assumes(self, place: Span) -> bool:
        """Whether what stands at ``place`` is the configuration's word on what another repository sets."""
        spans = (span for node in self.assumed.values() for span in _parts(node))
        return any(span.source is place.source and span.start <= place.start < span.end for span in spans)

    def budget(self, name: str) -> Value:
        """The budget ``name`` in seconds, from the configuration or as the default that the documentation gives."""
        return self.budgets.get(name) or _BUDGETS[name]

    def server_of(self, workload: str) -> Node | None:
        """What the configuration declares to run in ``workload`` (``Deployment shop/api``; patterns allowed)."""
        return next((node for pattern, node in self.servers.items() if fnmatchcase(workload, pattern)), None)

    def links_with(self, *kinds: str, near: str = "") -> tuple[Link, ...]:
        """The declared links that join things of all these kinds, first those of the directories around ``near``."""
        unique = {id(link): link for part in self.everywhere() for link in part.links}
        links = tuple(link for link in unique.values() if all(kind in link.ends for kind in kinds))
        return tuple(sorted(links, key=lambda link: -link.around(near))) if self.nested else links

    def all_of(self, field: Callable[[Config], Iterable[T]]) -> tuple[T, ...]:
        """The items of a list, from everywhere."""
        if not self.nested:
            return tuple(field(self))
        return tuple({id(item): item for part in self.everywhere() for item in field(part)}.values())


def joined_assume(parts: Iterable[Mapping[str, Node]]) -> dict[str, Node]:
    """Several ``assume`` as one: all target groups and paths. Of a namespace the last one counts."""
    found: dict[str, Node] = {}
    for key, node in ((key, node) for part in parts for key, node in part.items()):
        before = found.get(key, node)
        if before is node:
            found[key] = node
        elif isinstance(before, MappingNode) and isinstance(node, MappingNode):
            entries = {str(entry.key.value): entry for entry in (*before.entries, *node.entries)}
            found[key] = MappingNode(node.span, tuple(entries.values()))
        else:
            unique = {id(item): item for item in (*_listed(before), *_listed(node))}
            found[key] = Sequence(node.span, tuple(unique.values()))
    return found


def _listed(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else (node,)


def _parts(node: Node) -> Iterable[Span]:
    """The places of the items of a list, or of the entries of a mapping, in the file itself."""
    if isinstance(node, MappingNode):
        return [span for entry in node.entries for span in (entry.key.span, entry.value.span)]
    return [item.span.in_file() for item in _listed(node)]


def _rendered(one: Config | Environment) -> Iterable[str]:
    """The directories of the overlays and charts that it names."""
    return (*one.overlays, *(chart.directory for chart in one.charts))


def _budget(name: str, seconds: float) -> Value:
    return Value(seconds, Default("kubelint5xx", f"budgets.{name}", "docs/guide.md#budgets"))


BUDGETS = ("endpoint_propagation", "deregistration_propagation", "idle_margin")
_BUDGETS = {
    "endpoint_propagation": _budget("endpoint_propagation", 5.0),
    "deregistration_propagation": _budget("deregistration_propagation", 15.0),
    "idle_margin": _budget("idle_margin", 5.0),
}
