"""The charts of the tree that Terraform installs: ``helm_release`` with a path for its chart."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from posixpath import join, normpath
from typing import Any

from kubelint5xx.config import Config
from kubelint5xx.core import node as nodes
from kubelint5xx.core.node import Node, Reference, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.tree import Tree, listed
from kubelint5xx.eval.helm_release import TYPE, HelmRelease, helm_release
from kubelint5xx.inputs import read_inputs
from kubelint5xx.render.release import Hole, Inline, Release

_NAMES = (".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json", ".tfvars.json", ".hcl", ".hcl.json")
_MAX_DEPTH = 60
_NAME = pattern(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_OTHER = pattern(r"[^a-z0-9]+")


def releases_of(tree: Tree, config: Config, charts: Collection[str]) -> tuple[list[Release], list[Problem]]:
    """The releases of ``charts`` (directories), and a line for each that is left out."""
    found: list[Release] = []
    problems: list[Problem] = []
    for directory, release, sure in _installed(tree, config, {}):
        chart = normpath(join(directory, text(release.chart) or ""))
        if chart not in charts:
            continue
        why = "" if sure else "how many there are is not known"
        made = _release(release, chart)
        if isinstance(made, str):
            why = made
        if why or isinstance(made, str):
            here = release.header.in_file()
            message = f"a release of {chart}, not analysed: {why}"
            problems.append(Problem(here.path, here.line, message, "unrendered", here.column))
        else:
            found.append(_rereadable(made, tree, config, (directory, release.address)))
    return found, problems


def _rereadable(release: Release, tree: Tree, config: Config, key: tuple[str, str]) -> Release:
    templates = join(release.directory, "templates", "")

    def again(texts: Mapping[str, str]) -> Release | None:
        if all(path.startswith(templates) for path in texts):
            return release
        for _, other, _ in _installed(tree, config, texts, key[0]):
            if other.address == key[1]:
                made = _release(other, release.directory)
                return made if isinstance(made, Release) else None
        return None

    return replace(release, again=again)


def _installed(
    tree: Tree, config: Config, texts: Mapping[str, str], only: str | None = None
) -> Iterator[tuple[str, HelmRelease, bool]]:
    """The releases of all roots, or of the ``only`` one."""
    inputs = read_inputs(_Terraform(tree, texts), config)
    for directory, module in inputs.modules.items():
        for resource in module.resources((TYPE,)) if only in (None, directory) else ():
            yield directory, helm_release(resource), not resource.count_unknown


class _Terraform:
    """Terraform's files of a tree, with other texts in some of all files."""

    def __init__(self, tree: Tree, texts: Mapping[str, str]) -> None:
        self._tree, self._texts = tree, texts

    def paths(self) -> Iterable[str]:
        return [path for path in self._tree.paths() if path.endswith(_NAMES)]

    def read(self, path: str) -> bytes:
        return self._texts[path].encode() if path in self._texts else self._tree.read(path)

    def listed(self, directory: str) -> Iterable[str]:
        return listed(self._tree, directory)


def _release(release: HelmRelease, directory: str) -> Release | str:
    """The release for helm; a text tells why it cannot be."""
    holes: list[Hole] = []
    try:
        values = _plain(release.values, (), holes)
    except _Open as hidden:
        return f"its values are not known: {hidden}"
    inline = Inline(json.dumps(values), release.values)
    own = _valid(text(release.name) or ""), _valid(text(release.namespace) or "")
    path = release.header.in_file().path
    made = Release(directory, *own, (inline,), (), path, header=release.header)
    return replace(made, holes=tuple(holes), given=release.values)


def _valid(name: str) -> str:
    """A name that helm takes: of one that is not known, the expression that gives it."""
    return name if _NAME.fullmatch(name) else _OTHER.sub("-", name.lower()).strip("-")[:53]


class _Open(Exception):
    """There may be more values than are seen."""


def _plain(node: Node, keys: tuple[str | int, ...], holes: list[Hole]) -> Any:
    if len(keys) > _MAX_DEPTH:
        raise _Open("they are nested too deeply")
    if isinstance(node, (Unresolved, Reference)):
        why = node.reason if isinstance(node, Unresolved) else f"it depends on {node.address}"
        if not keys:
            raise _Open(why)
        holes.append(Hole(keys, why, node.span))
        return None
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_plain(item, (*keys, at), holes) for at, item in enumerate(node.items)]
    if node.open:
        raise _Open(node.open)
    return _object(node, keys, holes)


def _object(node: nodes.Mapping, keys: tuple[str | int, ...], holes: list[Hole]) -> dict[str, Any]:
    named = [(str(entry.key.value), entry.value) for entry in node.entries]
    return {name: _plain(value, (*keys, name), holes) for name, value in named}
