"""A directory with its charts and overlays rendered, as far as the tools for that are there."""

from __future__ import annotations

from posixpath import dirname, join

from kubelint5xx.config import Config
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import Tree
from kubelint5xx.inputs import included
from kubelint5xx.render.rendering import RenderedTree, Rendering


def rendered(tree: Tree, root: str, config: Config) -> Tree:
    """``tree``, whose files lie below ``root``, with its overlays built and its charts rendered.

    What cannot be is a problem of the result, and its files stay as they are.
    """
    paths = [path for path in tree.paths() if included(path, config)]
    renderings: list[Rendering] = []
    problems: list[Problem] = []
    kustomizations = {
        path: source
        for path in paths
        if path.rpartition("/")[2].lower().startswith("kustomization") and (source := _read(tree, path)) is not None
    }
    if kustomizations:
        from kubelint5xx.render.kustomize import build_overlays

        built, refused = build_overlays(root, paths, kustomizations, config.overlays)
        renderings += built
        problems += refused
    charts = {
        path: source
        for path in paths
        if path.rpartition("/")[2] in ("Chart.yaml", "Chart.yml") and (source := _read(tree, path)) is not None
    }
    folders = tuple(join(dirname(path), part) for path in charts for part in ("templates/", "charts/"))
    sources = [
        source
        for path in paths
        if path.endswith((".yaml", ".yml", ".gotmpl"))
        and not path.startswith(folders)
        and (source := _installing(tree, path)) is not None
    ]
    if charts or config.charts or sources:
        from kubelint5xx.render.helm import render_charts

        made, failed = render_charts(root, paths, charts, config, sources)
        renderings += made
        problems += failed
    return RenderedTree(tree, renderings, problems) if renderings or problems else tree


def _installing(tree: Tree, path: str) -> Source | None:
    """The file, where it may say how a chart is installed."""
    name = path.rpartition("/")[2]
    if name.startswith("helmfile.") or "helmfile.d/" in path:
        return _read(tree, path)
    try:
        data = tree.read(path)
    except OSError:
        return None
    return _read(tree, path) if b"argoproj.io" in data or b"helm.toolkit.fluxcd.io" in data else None


def _read(tree: Tree, path: str) -> Source | None:
    try:
        return Source(path, tree.read(path).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return None
