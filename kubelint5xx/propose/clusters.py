"""Which cluster manifests run in, and what no file tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from posixpath import commonpath, dirname

from kubelint5xx.core.pattern import pattern
from kubelint5xx.link.assemble import Linked
from kubelint5xx.link.parts import Cluster
from kubelint5xx.propose.lines import Places, Proposal, names

_LISTED = 3
_NAME = pattern(r"[^\s$<>{}]+")


def cluster_links(found: Linked, places: Places) -> Iterator[Proposal]:
    """A line for the manifests of a directory, where their cluster is assumed, or one of several."""
    told: set[str] = set()
    pods = [edge.pod.place for edge in found.edges if edge.pod is not None and edge.pod.place is not None]
    for cluster in found.clusters:
        for join in list(cluster.assumed_names.values())[:1] if any(map(_NAME.fullmatch, cluster.names)) else ():
            place = cluster.subject.place
            paths = [*([place.path] if place is not None else []), *(one.path for one in pods)]
            directory = _around([path for path in paths if _below(path, cluster.scope)])
            told.add(directory)
            yield _link(places.path(directory), cluster, f"Assumed so far: {join.said}.")
    named = [cluster for cluster in found.clusters if any(map(_NAME.fullmatch, cluster.names))]
    open_: list[str] = []
    for edge in found.edges:
        place = edge.pod.place if edge.pod is not None else None
        joins = edge.cluster.joins if edge.cluster is not None else ()
        if place is not None and named and (edge.cluster is None or any(join.assumed for join in joins)):
            open_.append(place.path)
    directory = _around(open_)
    if not open_ or (len(named) > 1 and not directory) or any(_below(directory, one) for one in told):
        return
    only = len(named) == 1
    called = named[0].subject.name
    reason = f"These manifests run in {called}, the only one in sight." if only else "These manifests run in one of:"
    for count, cluster in enumerate(named[:_LISTED]):
        yield _link(places.path(directory), cluster, "" if count else reason)


def untold(found: Linked) -> bool:
    """Whether the version of some cluster is not known."""
    return any(not cluster.subject.read("kube_proxy_version").known for cluster in found.clusters)


def _around(paths: Iterable[str]) -> str:
    """The innermost directory that holds all files."""
    folders = [dirname(path) for path in paths]
    return commonpath(folders) if folders and all(folders) else ""


def _below(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(directory + "/")


def _link(directory: str, cluster: Cluster, reason: str) -> Proposal:
    # An address in Terraform is longer than the name in AWS, and unique.
    # What only a script fills in is no name.
    called = min(filter(_NAME.fullmatch, cluster.names), key=lambda name: (":" in name, "." in name, len(name), name))
    return Proposal((f"- {names({'manifests': directory, 'cluster': called})}",), reason)
