"""Applications of Argo CD: one release for each of their sources that is a chart.

``parameters`` and ``fileParameters`` win over ``valuesObject``, with which ``values`` are ignored, and all of these win
over ``valueFiles``, which are relative to the chart and may be patterns. Files that are not there are an error, unless
``ignoreMissingValueFiles`` says otherwise. Source: docs/user-guide/helm.md of argoproj/argo-cd.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import join, normpath

from kubelint5xx.core.node import Node, child, items, text
from kubelint5xx.render.release import Chart, Inline, Release, Set, Surroundings, Unit, file_of, inline, remote


def application(unit: Unit, path: str, around: Surroundings) -> Release | None:
    spec, source = child(unit.root, "spec"), unit.part
    repository, helm = text(child(source, "repoURL")) or "", child(source, "helm")
    named, version = child(source, "chart"), child(source, "targetRevision")
    inside = normpath(text(child(source, "path")) or "?").removeprefix("/")
    if named is None and repository.startswith("oci://") and child(source, "path") is not None:
        named = child(source, "repoURL")
        chart = remote(named or source, "", join(repository, inside).rstrip("/."), version, repository)
    elif named is not None:
        chart = remote(named, repository, text(named) or "", version, repository)
    elif inside in around.charts:
        chart = Chart(inside, "", None, source)
    else:
        return None
    refs = {
        text(child(one, "ref")): text(child(one, "repoURL"))
        for one in items(child(spec, "sources"))
        if child(one, "ref")
    }
    skips = text(child(helm, "ignoreMissingValueFiles")) == "true"
    values: list[str | Inline] = []
    for file in items(child(helm, "valueFiles")):
        at = _of_application(file, chart, refs, repository)
        if isinstance(at, Inline):
            values.append(at)
        elif any(sign in at for sign in "*?["):
            matching = sorted((one for one in around.paths if _matches(one, at)), key=_own_files_first)
            explicit = {_of_application(one, chart, refs, repository) for one in items(child(helm, "valueFiles"))}
            values += [one for one in matching if one not in explicit and one not in values]
            if not matching and not skips:
                values.append(chart.doubt(file, f"in {at}, of which there are none here"))
        elif at in around.paths or not skips:
            values.append(file_of(file, at, chart, around))
    own = child(helm, "valuesObject") or child(helm, "values")
    values += [inline(own)] if own is not None else []
    sets = tuple(_parameter(one) for one in items(child(helm, "parameters")))
    for one in items(child(helm, "fileParameters")):
        wanted = child(one, "path") or one
        at = _of_application(wanted, chart, refs, repository)
        if isinstance(at, Inline):
            values.append(at)
            continue
        found = file_of(wanted, at, chart, around)
        if isinstance(found, Inline):
            values.append(found)
        else:
            sets += (Set(text(child(one, "name")) or "", found, "--set-file", one),)
    name = text(child(helm, "releaseName")) or text(child(unit.root, "metadata", "name")) or ""
    namespace = text(child(helm, "namespace")) or text(child(spec, "destination", "namespace")) or ""
    return chart.release(name, namespace, values, sets)


def _of_application(file: Node, chart: Chart, refs: dict[str | None, str | None], repository: str) -> str | Inline:
    """The path of a file that an Application names, from the root of the tree."""
    said = text(file) or ""
    ref, _, rest = said[1:].partition("/")
    if "://" in said or "$ARGOCD" in said:
        return chart.doubt(file, f"in {said}, which is not in the tree")
    if said.startswith("$"):
        # Of charts of another repository any that is referred to could be this one: the files there tell.
        if ref not in refs or (chart.directory and refs[ref] != repository):
            return chart.doubt(file, "of another repository")
        return normpath(rest)
    if chart.address:
        return chart.doubt(file, f"in {said}, which is in the chart itself")
    return normpath(said[1:] if said.startswith("/") else join(chart.directory, said))


def _parameter(node: Node) -> Set:
    flag = "--set-string" if text(child(node, "forceString")) == "true" else "--set"
    value = child(node, "value")
    return Set(text(child(node, "name")) or "", text(value) or "", flag, value)


def _matches(path: str, wanted: str) -> bool:
    """Whether a pattern as Argo CD takes it means the path: ``*`` stays within a directory, ``**`` does not."""
    ours, theirs = path.split("/"), wanted.split("/")
    return _parts_match(ours, theirs)


def _own_files_first(path: str) -> list[tuple[bool, str]]:
    """By name, with a directory's own files before those of the directories in it."""
    *folders, name = path.split("/")
    return [*((True, folder) for folder in folders), (False, name)]


def _parts_match(ours: list[str], theirs: list[str]) -> bool:
    if not theirs:
        return not ours
    if theirs[0] == "**":
        return any(_parts_match(ours[at:], theirs[1:]) for at in range(len(ours) + 1))
    return bool(ours) and fnmatchcase(ours[0], theirs[0]) and _parts_match(ours[1:], theirs[1:])
