"""Envoy's bootstrap configuration in YAML or JSON, as far as it is static.

Field names may be written in snake case or in camel case, as in every JSON form of protocol buffers. What comes from
a control plane is unresolved.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, entries, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml


def read(source: Source) -> Reading:
    """The documents of the file; JSON is read as the YAML that it is."""
    reading = yaml.read(source)
    documents = tuple(Document(source, "envoy", document.root) for document in reading.documents)
    return Reading(documents, reading.problems)


@record
class _Route:
    """What forwards requests, with its virtual host, whose retry policy holds where the route has none."""

    action: Mapping
    host: Node


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What a field that holds for requests on ``port`` is set to; None means any port.

    ``manager/PATH`` is a field of the HTTP connection managers in the listeners of the port, ``route/PATH`` one of
    their routes' actions, ``cluster/PATH`` one of the clusters that these name. In ``PATH``, ``*`` is any field.
    ``PATH ,`` splits a text at its commas. Where those that may be meant do not agree, the value is unresolved.
    """
    if not isinstance(root, Mapping):
        return (root,) if isinstance(root, Unresolved) else ()
    where, _, name = key.partition("/")
    path = tuple(name.removesuffix(" ,").split("."))
    managers = list(_managers(root, port))
    if not managers:
        return (Unresolved(root.span, _missing(root, "listeners", port)),)
    if where == "manager":
        found = [_at(manager, path) for manager in managers]
        return _agreed(found, name, root.span)
    routes: list[_Route] = []
    for manager in managers:
        own = list(_routes(manager))
        if not own:
            return (Unresolved(manager.span, "its routes come from a control plane, or are not understood"),)
        routes += own
    if where == "route":
        inherited = path[0] == "retry_policy"
        found = [_at(route.action, path) or (_at(route.host, path) if inherited else ()) for route in routes]
        return _split(_agreed(found, name, root.span)) if name.endswith(" ,") else _agreed(found, name, root.span)
    known = {
        text(next(iter(_at(cluster, ("name",))), None)): cluster
        for cluster in _each(_at(root, ("static_resources", "clusters")))
    }
    clusters: dict[Span, Mapping] = {}
    for route in routes:
        for cluster in _clusters(route.action, known):
            if isinstance(cluster, Unresolved):
                return (cluster,)
            clusters[cluster.span] = cluster
    return _agreed([_at(cluster, path) for cluster in clusters.values()], name, root.span)


def _at(node: Node | None, path: tuple[str, ...]) -> tuple[Node, ...]:
    """Every node at a path of fields; ``*`` is any field, and each item of a list counts."""
    if node is None or isinstance(node, Unresolved) or not path:
        return () if node is None else (node,)
    found: list[Node] = []
    for item in items(node):
        found += _at(item, path)
    for entry in entries(node):
        if path[0] == "*" or _plain(str(entry.key.value)) == _plain(path[0]):
            found += _at(entry.value, path[1:])
    return tuple(found)


def _plain(field: str) -> str:
    return field.replace("_", "").lower()


def _managers(root: Node, port: int | None) -> Iterator[Mapping]:
    for listener in _each(_at(root, ("static_resources", "listeners"))):
        ports = [text(node) for node in _at(listener, ("address", "socket_address", "port_value"))]
        if port is not None and str(port) not in ports:
            continue
        for config in _at(listener, ("filter_chains", "filters", "typed_config")):
            if isinstance(config, Mapping) and (text(config.get("@type")) or "").endswith("HttpConnectionManager"):
                yield config


def _each(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield from items(node) or (node,)


def _routes(manager: Mapping) -> Iterator[_Route]:
    for host in _each(_at(manager, ("route_config", "virtual_hosts"))):
        for action in _at(host, ("routes", "route")):
            if isinstance(action, Mapping):
                yield _Route(action, host)


def _clusters(action: Mapping, known: dict[str | None, Node]) -> Iterator[Mapping | Unresolved]:
    named = (*_at(action, ("cluster",)), *_at(action, ("weighted_clusters", "clusters", "name")))
    if not named:
        yield Unresolved(action.span, "the cluster is chosen for each request")
    for name in named:
        cluster = known.get(text(name)) if text(name) else None
        yield cluster if isinstance(cluster, Mapping) else Unresolved(name.span, "this cluster is not in the file")


def _agreed(found: list[tuple[Node, ...]], name: str, place: Span) -> tuple[Node, ...]:
    if len({tuple(text(node) or node.span.text for node in nodes) for nodes in found}) <= 1:
        return found[-1] if found else ()
    places = [node.span for nodes in found for node in nodes]
    return (Unresolved(places[-1] if places else place, f"{name} is not the same for all requests"),)


def _split(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    words: list[Node] = []
    for node in nodes:
        if not isinstance(node, Scalar):
            words.append(node)
            continue
        for word in (text(node) or "").split(","):
            words.append(Scalar(node.span, word.strip(), word.strip(), node.quoted, node.via))
    return tuple(words)


def _missing(root: Mapping, what: str, port: int | None) -> str:
    if _at(root, ("dynamic_resources",)):
        return f"its {what} come from a control plane"
    return f"no HTTP connection manager listens on port {port}" if port else "it has no HTTP connection manager"
