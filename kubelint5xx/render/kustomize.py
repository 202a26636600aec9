"""Kustomize overlays, built by the user's ``kustomize`` or ``kubectl``. What would be fetched is refused before."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from posixpath import dirname, join, normpath
from shlex import quote

from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import Node, Scalar, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.render.rendering import Made, Rendering
from kubelint5xx.render.tools import all_of, run_tool

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Lists of files or directories that a kustomization takes objects from, and those that change them.
_RESOURCES = ("resources", "bases", "components")
_LISTS = (*_RESOURCES, "patchesStrategicMerge", "crds", "generators", "transformers", "validators", "configurations")
# With only these a build says what the files say.
_PLAIN = frozenset({"apiVersion", "kind", "metadata", "resources", "bases"})
_RELEASES = ("helmCharts", "helmGlobals")
_HELM = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")


@record(frozen=False)
class _Overlay:
    """One directory with a kustomization. ``files``: what it names itself; ``refused``: why it is not built."""

    directory: str
    file: str
    files: set[str] = field(default_factory=set)
    patches: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)
    changes: bool = False
    component: bool = False
    refused: Problem | None = None


def build_overlays(
    root: str, paths: Iterable[str], read: Mapping[str, Source], wanted: Callable[[str], Sequence[str]]
) -> Made:
    """Every overlay below ``root`` that no other one uses, built; where ``wanted`` of a directory gives directories of
    overlays, only those are.

    ``paths`` are all files, ``read`` the kustomizations among them. An overlay that is refused, or that does not
    build, is a problem; its files are then read as they are.
    """
    known = _Files(root, frozenset(paths))
    overlays = {dirname(path): _overlay(source, known) for path, source in sorted(read.items())}
    used = {child for overlay in overlays.values() for child in overlay.children}
    named = {normpath(one) for name in ("", *overlays) for one in wanted(f"{name}/")}
    unused = {name for name, overlay in overlays.items() if name not in used and not overlay.component}
    chosen = named | {name for name in unused if not wanted(f"{name}/")}
    tool = _tool()
    calls: list[Callable[[], Rendering | Problem]] = []
    made = Made()
    for directory in sorted(chosen):
        if directory not in overlays:
            continue
        parts = list(_parts(directory, overlays))
        if not any(part.changes for part in parts):
            continue
        overlay = overlays[directory]
        refusal = next((part.refused for part in parts if part.refused), None)
        if refusal is not None:
            made.left.append(refusal)
        elif tool is None:
            made.failed.append(Problem(overlay.file, 1, _without_tool(directory), "unrendered"))
        else:
            calls.append(partial(_built, root, overlay, parts, tool))
    done = all_of(calls)
    made.renderings = [one for one in done if isinstance(one, Rendering)]
    made.failed += [one for one in done if isinstance(one, Problem)]
    return made


def _tool() -> tuple[str, ...] | None:
    if found := shutil.which("kustomize"):
        return found, "build"
    found = shutil.which("kubectl")
    return (found, "kustomize") if found else None


def _without_tool(directory: str) -> str:
    where = quote(directory or ".")
    return f"an overlay that changes its bases, not built: run `kubectl kustomize {where} | kubelint5xx check -`"


def _built(root: str, overlay: _Overlay, parts: list[_Overlay], tool: tuple[str, ...]) -> Rendering | Problem:
    outcome = run_tool([*tool, overlay.directory or "."], root)
    recipe = f"kubectl kustomize {quote(overlay.directory or '.')}"
    if outcome.error:
        return Problem(overlay.file, 1, f"an overlay that does not build: {outcome.error}", "unrendered")
    files = {path for part in parts for path in (part.file, *part.files)}
    patches = [path for part in parts for path in sorted(part.patches)]
    own = [part.file for part in parts]
    others = sorted(files - set(patches) - set(own))

    def again(texts: Mapping[str, str]) -> str | None:
        with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as copy:
            for path in files:
                target = os.path.join(copy, *path.split("/"))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                try:
                    if path in texts:
                        with open(target, "w", encoding="utf-8", newline="") as opened:
                            opened.write(texts[path])
                    else:
                        shutil.copyfile(os.path.join(root, *path.split("/")), target)
                except OSError:
                    return None
            built = run_tool([*tool, overlay.directory or "."], copy)
            return None if built.error else built.text

    return Rendering(
        path=join(overlay.directory, "<built>.yaml"),
        text=outcome.text,
        recipe=recipe,
        home=overlay.file,
        files=frozenset(files),
        # What is nearer to the overlay overrides what is farther: patches, then kustomizations, then bases.
        writable=(*dict.fromkeys(patches), *dict.fromkeys(own), *others),
        templates=(*others, *dict.fromkeys(patches)),
        again=again,
    )


def _parts(directory: str, overlays: Mapping[str, _Overlay]) -> Iterator[_Overlay]:
    """The overlay and all that it is made of, each once."""
    waiting, seen = [directory], set()
    while waiting:
        at = waiting.pop(0)
        if at not in seen and at in overlays:
            seen.add(at)
            yield overlays[at]
            waiting.extend(sorted(overlays[at].children))


class _Files:
    """What is there: the files of the tree, and what lies beside them, such as an ignored file with secrets."""

    def __init__(self, root: str, paths: frozenset[str]) -> None:
        self.root, self.paths = os.path.realpath(root), paths
        self.directories = {dirname(path) for path in paths if path.rpartition("/")[2] in NAMES}

    def has(self, path: str) -> bool:
        full = os.path.realpath(os.path.join(self.root, path))
        return full.startswith(self.root.rstrip(os.sep) + os.sep) and os.path.isfile(full)


def _overlay(source: Source, known: _Files) -> _Overlay:
    directory = dirname(source.path)
    overlay = _Overlay(directory, source.path)
    for document in yaml.read(source).documents:
        root = document.root
        if not isinstance(root, MappingNode):
            continue
        overlay.component = text(root.get("kind")) == "Component"
        keys = {str(entry.key.value) for entry in root.entries}
        # Charts that nothing else in the overlay changes are releases like any other.
        plain = keys <= {*_PLAIN, "namespace", *_RELEASES} and bool(keys & set(_RELEASES))
        overlay.changes = overlay.changes or not (plain or keys <= _PLAIN)
        for key in () if plain else _HELM:
            if (node := root.get(key)) is not None:
                overlay.refused = _problem(node.span, f"an overlay with {key}, not built: charts would be fetched")
        for path, place, is_resource in _references(root):
            target = normpath(join(directory, path))
            if target in known.directories and is_resource:
                overlay.children.add(target)
            elif target in known.paths or known.has(target):
                overlay.files.add(target)
                if not is_resource:
                    overlay.patches.add(target)
            elif overlay.refused is None:
                message = f"an overlay that is not built: {path} is no file and no overlay here, and would be fetched"
                overlay.refused = _problem(place, message)
    return overlay


def _references(root: MappingNode) -> Iterator[tuple[str, Span, bool]]:
    """Every path that a kustomization names, with its place, and whether it names objects (or else changes)."""
    for key in _LISTS:
        for item in items(root.get(key)):
            if (path := text(item)) is not None and "\n" not in path:
                yield path, item.span, key in _RESOURCES
    for key in ("patches", "patchesJson6902", "replacements"):
        for item in items(root.get(key)):
            yield from _path_in(item, "path")
    yield from _path_in(root.get("openapi"), "path")
    for key in ("configMapGenerator", "secretGenerator"):
        for item in items(root.get(key)):
            yield from _path_in(item, "env")
            for part in ("files", "envs"):
                for file in items(item.get(part)) if isinstance(item, MappingNode) else ():
                    if (path := text(file)) is not None:
                        yield path.rpartition("=")[2], file.span, False


def _path_in(node: Node | None, key: str) -> Iterator[tuple[str, Span, bool]]:
    found = node.get(key) if isinstance(node, MappingNode) else None
    if isinstance(found, Scalar) and (path := text(found)):
        yield path, found.span, False


def _problem(span: Span, message: str) -> Problem:
    return Problem(span.path, span.line, message, "unrendered", span.column)
