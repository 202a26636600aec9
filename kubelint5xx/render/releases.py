"""Who installs the charts of a tree, and with which values: Argo CD, Flux and helmfile, as far as their files say it.

Facts: an Argo CD Application's ``parameters`` win over ``valuesObject``, that over ``values``, and that over
``valueFiles``, which are relative to the chart
(https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-value-precedence). A HelmRelease's name is its own, with
the target namespace before it, unless ``releaseName`` gives one; its ``valuesFiles`` are relative to the source's root
and stand in for the chart's ``values.yaml`` (https://fluxcd.io/flux/components/helm/helmreleases/). Paths in a helmfile
are relative to it (https://helmfile.readthedocs.io/en/latest/).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from posixpath import dirname, join, normpath
from typing import Any

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, child, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml


@record
class Inline:
    """Values that stand in the file which names the release."""

    text: str


@record
class Release:
    """One installation of the chart in ``directory``. Later ``values`` win over earlier ones, ``sets`` over both.

    ``path`` is the file that says so, and ``index`` the release's place in it; both empty where it is told otherwise.
    """

    directory: str
    name: str = ""
    namespace: str = ""
    values: tuple[str | Inline, ...] = ()
    sets: tuple[tuple[str, str, bool], ...] = ()
    path: str = ""
    index: int = 0
    alone: bool = False


class _Refused(Exception):
    def __init__(self, node: Node, why: str) -> None:
        super().__init__(why)
        self.span: Span = node.span


def is_helmfile(path: str) -> bool:
    name = path.rpartition("/")[2]
    folder = dirname(path).rpartition("/")[2]
    return name.startswith("helmfile.") or (folder == "helmfile.d" and name.endswith((".yaml", ".yml", ".gotmpl")))


def releases_in(
    source: Source, charts: Collection[str], paths: Collection[str]
) -> tuple[list[Release], list[Problem]]:
    """The releases of the ``charts`` (directories) that a file tells, and a line for each that is not analysed."""
    found: list[Release] = []
    problems: list[Problem] = []
    reads = _helmfile if is_helmfile(source.path) else _object
    if reads is _helmfile and ("{{" in source.text or source.path.endswith(".gotmpl")):
        return [], [Problem(source.path, 1, "a helmfile with templates in it, not analysed", "unrendered")]
    documents = yaml.read(source).documents
    kinds = {text(child(document.root, "kind")) for document in documents}
    alone = reads is _helmfile or kinds <= {"Application", "HelmRelease", "ApplicationSet"}
    index = 0
    for document in documents:
        for node in _parts(document.root, reads is _helmfile):
            try:
                for release in reads(node, source.path, charts, paths):
                    found.append(_placed(release, source.path, index, alone))
                    index += 1
            except _Refused as refused:
                span = refused.span.in_file()
                problems.append(Problem(source.path, span.line, str(refused), "unrendered", span.column))
    return found, problems


def _placed(release: Release, path: str, index: int, alone: bool) -> Release:
    values = release.values
    return Release(release.directory, release.name, release.namespace, values, release.sets, path, index, alone)


def _parts(root: Node, helmfile: bool) -> Iterator[Node]:
    yield from items(child(root, "releases")) if helmfile else (root,)


def _object(root: Node, path: str, charts: Collection[str], paths: Collection[str]) -> Iterator[Release]:
    api, kind = text(child(root, "apiVersion")) or "", text(child(root, "kind"))
    if api.startswith("argoproj.io/") and kind == "ApplicationSet":
        raise _Refused(_name(root), "an ApplicationSet, not analysed: what its generators give is not in the files")
    if api.startswith("argoproj.io/") and kind == "Application":
        yield from _application(root, charts, paths)
    elif api.startswith("helm.toolkit.fluxcd.io/") and kind == "HelmRelease":
        yield from _flux(root, charts, paths)


def _application(root: Node, charts: Collection[str], paths: Collection[str]) -> Iterator[Release]:
    spec = child(root, "spec")
    sources = items(child(spec, "sources")) or tuple(filter(None, [child(spec, "source")]))
    refs = {text(child(one, "ref")): text(child(one, "repoURL")) for one in sources if child(one, "ref")}
    for source in sources:
        chart, helm = child(source, "chart"), child(source, "helm")
        if chart is not None:
            raise _Refused(chart, f"a chart of {_where(child(source, 'repoURL'))}, not analysed: it is not in the tree")
        directory = normpath(text(child(source, "path")) or "?").removeprefix("/")
        if directory not in charts:
            continue
        values: list[str | Inline] = []
        for file in items(child(helm, "valueFiles")):
            said = text(file) or ""
            ref, _, rest = said[1:].partition("/")
            if said.startswith("$") and refs.get(ref) != text(child(source, "repoURL")):
                raise _Refused(file, f"a release of {directory} with values of another repository, not analysed")
            at = rest if said.startswith("$") else said[1:] if said.startswith("/") else join(directory, said)
            if normpath(at) in paths or text(child(helm, "ignoreMissingValueFiles")) != "true":
                values.append(_file(file, at, directory, paths))
        own = child(helm, "valuesObject") or child(helm, "values")
        values += [_inline(own)] if own is not None else []
        sets = tuple(
            (text(child(one, "name")) or "", text(child(one, "value")) or "", text(child(one, "forceString")) == "true")
            for one in items(child(helm, "parameters"))
        )
        name = text(child(helm, "releaseName")) or text(child(root, "metadata", "name")) or ""
        yield Release(directory, name, text(child(spec, "destination", "namespace")) or "", tuple(values), sets)


def _flux(root: Node, charts: Collection[str], paths: Collection[str]) -> Iterator[Release]:
    spec = child(root, "spec")
    chart = child(spec, "chart", "spec", "chart")
    if chart is None or text(child(spec, "chart", "spec", "sourceRef", "kind")) not in ("GitRepository", "Bucket"):
        raise _Refused(chart or _name(root), "a chart of a repository of charts, not analysed: it is not in the tree")
    directory = normpath(text(chart) or "?").removeprefix("/")
    if directory not in charts:
        raise _Refused(chart, f"a release of {text(chart)}, which is no chart here, not analysed")
    outside = child(spec, "valuesFrom")
    if outside is not None:
        raise _Refused(outside, f"a release of {directory} with values of a ConfigMap or Secret, not analysed")
    files = items(child(spec, "chart", "spec", "valuesFiles"))
    values: list[str | Inline] = [_file(file, text(file) or "", directory, paths) for file in files]
    if files and join(directory, "values.yaml") not in values:
        raise _Refused(files[0], f"a release of {directory} without the chart's own values.yaml, not analysed")
    own = child(spec, "values")
    values += [_inline(own)] if own is not None else []
    target = text(child(spec, "targetNamespace")) or ""
    bare = text(child(root, "metadata", "name")) or ""
    name = text(child(spec, "releaseName")) or (f"{target}-{bare}" if target else bare)
    yield Release(directory, name, target or text(child(root, "metadata", "namespace")) or "", tuple(values))


def _helmfile(node: Node, path: str, charts: Collection[str], paths: Collection[str]) -> Iterator[Release]:
    chart = child(node, "chart")
    said = text(chart) or ""
    if chart is None or text(child(node, "installed")) == "false":
        return
    directory = normpath(join(dirname(path), said))
    if directory not in charts:
        raise _Refused(chart, f"a release of {said}, which is no chart here, not analysed")
    values: list[str | Inline] = []
    for one in items(child(node, "values")):
        if not isinstance(one, Scalar):
            values.append(_inline(one))
        elif (text(one) or "").endswith(".gotmpl"):
            raise _Refused(one, f"a release of {directory} with values in a template, not analysed")
        else:
            values.append(_file(one, join(dirname(path), text(one) or ""), directory, paths))
    if (secrets := child(node, "secrets")) is not None:
        raise _Refused(secrets, f"a release of {directory} with values in secrets, not analysed")
    sets = [(text(child(one, "name")) or "", text(child(one, "value")) or "") for one in items(child(node, "set"))]
    name, namespace = text(child(node, "name")) or "", text(child(node, "namespace")) or ""
    yield Release(directory, name, namespace, tuple(values), tuple((key, value, False) for key, value in sets))


def _file(node: Node, path: str, directory: str, paths: Collection[str]) -> str:
    path = normpath(path)
    if path not in paths:
        raise _Refused(node, f"a release of {directory} with values in {path}, which is no file here, not analysed")
    return path


def _inline(node: Node) -> Inline:
    return Inline(text(node) or "") if isinstance(node, Scalar) else Inline(json.dumps(_plain(node)))


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {str(entry.key.value): _plain(entry.value) for entry in node.entries}
    raise _Refused(node, "a release with values that cannot be read, not analysed")


def _name(root: Node) -> Node:
    return child(root, "metadata", "name") or root


def _where(node: Node | None) -> str:
    return text(node) or "another repository"
