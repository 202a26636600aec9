"""Which cluster the objects of a file run in."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join
from kubelint5xx.link.parts import Cluster
from kubelint5xx.link.scopes import may_meet


class Clusters:
    """Which cluster a file's objects run in: as declared, as its scope holds it, or the only one that there is."""

    def __init__(self, clusters: Sequence[Cluster], config: Config) -> None:
        self.all = tuple(clusters)
        self._declared = config.links_with("manifests", "cluster")

    def named(self, name: str | None) -> Cluster | None:
        return next((cluster for cluster in self.all if name in cluster.names), None) if name else None

    def of(self, place: Span) -> tuple[Cluster, Join] | None:
        for declared in self._declared:
            if covers(declared.ends["manifests"], place):
                named = [one for one in self.all if declared.ends["cluster"] in one.names]
                # A name means what lies in the directory of the file that says it, where there is one.
                own = (one for one in named if one.subject.place and declared.around(one.subject.place.path) > 0)
                if named:
                    return next(own, named[0]), Join("the configuration says so", declared.span)
        holding = [one for one in self.all if _of_one_tree(one, place) and _below(place.path, one.scope)]
        depth = max((len(cluster.scope) for cluster in holding), default=0)
        nearest = [cluster for cluster in holding if len(cluster.scope) == depth]
        if len(nearest) == 1:
            subject = nearest[0].subject
            return nearest[0], Join(f"{subject.name} is declared beside it", subject.place)
        only = self.all[0] if len(self.all) == 1 else None
        if only is not None and (only.subject.place is None or may_meet(place.path, only.subject.place.path)):
            said = f"{only.subject.name} is the only cluster in sight, and is taken to be the one"
            return only, Join(said, only.subject.place, assumed=True)
        return None


def covers(pattern: str, place: Span) -> bool:
    """Whether the manifests that the configuration names are those at ``place``; of another repository's files the
    paths there count."""
    pattern, path = pattern.rstrip("/"), place.own_path
    if pattern == ".":
        return not place.foreign
    return _below(path, pattern) or fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}/*")


def _of_one_tree(cluster: Cluster, place: Span) -> bool:
    declared = cluster.subject.place
    return (declared.document if declared is not None else "") == place.document


def _below(path: str, directory: str) -> bool:
    # The root of another repository ends with a colon.
    root = directory if directory.endswith(":") else f"{directory}/"
    return not directory or path == directory or path.startswith(root)
