"""One installation of a chart, whoever tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from collections.abc import Mapping as Mapped
from posixpath import normpath
from typing import Any

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, child, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.known_charts import address_of, is_known
from kubelint5xx.render.repositories import Repositories


@record(eq=False)
class Inline:
    """Values that stand in the file which names the release; ``node`` is unresolved where they are not known."""

    text: str
    node: Node


@record(eq=False)
class Set:
    """One value by its name, as ``flag`` gives it to helm; of ``--set-file`` the value is a file's path."""

    name: str
    value: str
    flag: str = "--set"
    node: Node | None = None


@record(eq=False)
class Hole:
    """A value that is not known: the ``keys`` that lead to it, and why."""

    keys: tuple[str | int, ...]
    reason: str
    place: Span


@record(eq=False)
class Release:
    """One installation of the chart in ``directory``. Later ``values`` win over earlier ones, ``sets`` over both.

    ``path`` is the file that says so, and ``index`` the release's place in it; both empty where it is told otherwise.
    ``alone``: the file says nothing else. A chart that is not in the tree has no directory, but an ``address`` and a
    ``version``, and ``header`` is where the release is named. ``again`` reads the release anew with other texts in some
    files; None where nobody installs it any more. ``given``: all values as one, where they stand in no file of YAML by
    themselves, and ``holes`` are those among them that are not known.
    """

    directory: str
    name: str = ""
    namespace: str = ""
    values: tuple[str | Inline, ...] = ()
    sets: tuple[Set, ...] = ()
    path: str = ""
    index: int = 0
    alone: bool = False
    address: str = ""
    version: Node | None = None
    header: Span | None = None
    again: Callable[[Mapped[str, str]], Release | None] | None = None
    holes: tuple[Hole, ...] = ()
    given: Node | None = None


@record
class Surroundings:
    """What releases may name: the ``charts`` (directories) and ``paths`` of the tree, and repositories of charts."""

    charts: Collection[str]
    paths: Collection[str]
    repositories: Repositories


class Refused(Exception):
    def __init__(self, node: Node, why: str) -> None:
        super().__init__(why)
        self.span: Span = node.span


@record(eq=False)
class Chart:
    """The chart of a release: a directory of the tree, else what is known by its address."""

    directory: str
    address: str
    version: Node | None
    place: Node

    @property
    def named(self) -> str:
        return f"a release of {self.address or self.directory}"

    def doubt(self, node: Node, why: str) -> Inline:
        """Values that are not known. A chart that helm renders cannot be rendered with such."""
        if not self.address:
            raise Refused(node, f"{self.named} with values {why}, not analysed")
        return Inline("", Unresolved(node.span, f"there are values {why}"))

    def release(self, name: str, namespace: str, values: list[str | Inline], sets: tuple[Set, ...] = ()) -> Release:
        place = self.place.span
        own = self.address, self.version, place
        return Release(self.directory, name, namespace, tuple(values), sets, "", 0, False, *own)


@record(eq=False)
class Unit:
    """What names one release: a part of the object ``root``."""

    root: Node
    part: Node


def remote(place: Node, repository: str, chart: str, version: Node | None, said: str) -> Chart:
    """A chart of a repository. Raises Refused where it is none of those that are known."""
    address = address_of(repository, chart) if chart else address_of("", repository)
    if not is_known(address):
        where = said or "another repository"
        raise Refused(place, f"a chart of {where}, not analysed: it is not in the tree")
    return Chart("", address, version, place)


def file_of(node: Node, path: str, chart: Chart, around: Surroundings) -> str | Inline:
    path = normpath(path)
    if path not in around.paths:
        return chart.doubt(node, f"in {path}, which is no file here")
    return path


def inline(node: Node) -> Inline:
    return Inline(text(node) or "" if isinstance(node, Scalar) else json.dumps(_plain(node)), node)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {str(entry.key.value): _plain(entry.value) for entry in node.entries}
    raise Refused(node, "a release with values that cannot be read, not analysed")


def name_of(root: Node) -> Node:
    return child(root, "metadata", "name") or root
