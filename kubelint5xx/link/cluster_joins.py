"""Which cluster the objects of a file run in."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from kubelint5xx.config import Config
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

    def of(self, path: str) -> tuple[Cluster, Join] | None:
        for declared in self._declared:
            if _covers(declared.ends["manifests"], path):
                cluster = self.named(declared.ends["cluster"])
                if cluster is not None:
                    return cluster, Join("the configuration says so", declared.span)
        holding = [cluster for cluster in self.all if _below(path, cluster.scope)]
        depth = max((len(cluster.scope) for cluster in holding), default=0)
        nearest = [cluster for cluster in holding if len(cluster.scope) == depth]
        if len(nearest) == 1:
            subject = nearest[0].subject
            return nearest[0], Join(f"{subject.name} is declared beside it", subject.place)
        only = self.all[0] if len(self.all) == 1 else None
        if only is not None and (only.subject.place is None or may_meet(path, only.subject.place.path)):
            said = f"{only.subject.name} is the only cluster in sight, and is taken to be the one"
            return only, Join(said, only.subject.place, assumed=True)
        return None


def _covers(pattern: str, path: str) -> bool:
    pattern = pattern.rstrip("/")
    return fnmatchcase(path, pattern) or _below(path, pattern) or fnmatchcase(path, f"*/{pattern}/*")


def _below(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(directory + "/")
