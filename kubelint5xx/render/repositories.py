"""Where charts come from: the repositories that Flux and helmfile name, and the objects that hold values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubelint5xx.core.node import Node, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml

_KINDS = ("HelmRepository", "OCIRepository")
_NAMED = pattern(r"(?m)^kind:[ \t]*[\"']?(?:HelmRepository|OCIRepository|ConfigMap|HelmChartConfig)\b")


@record(eq=False)
class Repository:
    """A repository of charts, or, of an OCIRepository, one chart with its version."""

    kind: str
    namespace: str
    name: str
    url: str
    version: Node | None = None


@record(eq=False)
class Repositories:
    """All that files name. ``aliases``: URLs by the names that one helmfile gives them. ``chart_configs``: what k3s
    lays over the values of a HelmChart, by its namespace and name."""

    known: tuple[Repository, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    config_maps: Mapping[tuple[str, str, str], Node] = field(default_factory=dict)
    chart_configs: Mapping[tuple[str, str], tuple[Node, ...]] = field(default_factory=dict)

    def find(self, kind: str, namespace: str, name: str) -> Repository | None:
        """The repository that a release in ``namespace`` names; None where none is here, or several that differ."""
        found = [one for one in self.known if (one.kind, one.name) == (kind, name)]
        near = [one for one in found if not namespace or not one.namespace or one.namespace == namespace]
        return near[0] if near and len({(one.url, text(one.version)) for one in near}) == 1 else None

    def config_map(self, namespace: str, name: str, path: str) -> Node | None:
        """The data of a ConfigMap that stands in the same file as the release which names it."""
        return self.config_maps.get((path, namespace, name))

    def reread(self, source: Source) -> Repositories:
        """The same, with what one of the files says now."""
        return replace(self, config_maps={**self.config_maps, **repositories_in([source]).config_maps})

    def with_helmfile(self, documents: Iterable[Node]) -> Repositories:
        """The same, with the names that a helmfile gives to repositories."""
        aliases = {
            name: url
            for root in documents
            for one in items(child(root, "repositories"))
            if (name := text(child(one, "name"))) and (url := text(child(one, "url")))
        }
        return replace(self, aliases=aliases)


def repositories_in(sources: Iterable[Source]) -> Repositories:
    """The repositories and the objects with values in files that may name releases."""
    known: list[Repository] = []
    config_maps: dict[tuple[str, str, str], Node] = {}
    chart_configs: dict[tuple[str, str], tuple[Node, ...]] = {}
    for source in sources:
        if not _NAMED.search(source.text):
            continue
        for document in yaml.read(source).documents:
            root = document.root
            kind, name = text(child(root, "kind")), text(child(root, "metadata", "name")) or ""
            namespace, data = text(child(root, "metadata", "namespace")) or "", child(root, "data")
            url = text(child(root, "spec", "url"))
            if kind in _KINDS and url:
                tag = child(root, "spec", "ref", "tag") or child(root, "spec", "ref", "semver")
                known.append(Repository(kind, namespace, name, url, tag))
            elif kind == "ConfigMap" and data is not None:
                config_maps[source.path, namespace, name] = data
            elif kind == "HelmChartConfig" and (spec := child(root, "spec")) is not None:
                chart_configs[namespace, name] = (*chart_configs.get((namespace, name), ()), spec)
    return Repositories(tuple(known), {}, config_maps, chart_configs)
