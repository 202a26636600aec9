"""A directory with its charts and overlays rendered, as far as the tools for that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from posixpath import dirname, join
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.pattern import byte_pattern
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import Tree
from kubelint5xx.inputs import included
from kubelint5xx.render.rendering import Made, RenderedTree

if TYPE_CHECKING:
    from kubelint5xx.render.release import Release, Surroundings

# A chart that is a path, or that an expression gives.
_LOCAL_CHART = byte_pattern(rb'\bchart"?\s*[=:]\s*(?:"(?:[./]|\$\{)|[a-z])')
# Words that a file needs to tell how a chart is installed, or where charts come from.
_INSTALLERS = (b"argoproj.io", b"toolkit.fluxcd.io", b"helm.cattle.io")


def rendered(tree: Tree, root: str, config: Config) -> Tree:
    """``tree``, whose files lie below ``root``, with its overlays built and its charts rendered.

    What cannot be is a problem of the result, and its files stay as they are.
    """
    paths = [path for path in tree.paths() if included(path, config)]
    config = replace(config, charts=config.all_of(lambda part: part.charts))
    made = Made()
    kustomizations = {
        path: source
        for path in paths
        if path.rpartition("/")[2].lower().startswith("kustomization") and (source := _read(tree, path)) is not None
    }
    if kustomizations:
        from kubelint5xx.render.kustomize import build_overlays

        made.add(build_overlays(root, paths, kustomizations, lambda path: config.at(path).overlays))
    files = {
        path: source
        for path in paths
        if path.rpartition("/")[2] in ("Chart.yaml", "Chart.yml") and (source := _read(tree, path)) is not None
    }
    sources = _sources(tree, paths, files, kustomizations, made)
    if files or config.charts or sources:
        _install(tree, root, paths, files, sources, config, made)
    if not (made.renderings or made.failed or made.left or made.documents):
        return tree
    return RenderedTree(tree, made.renderings, made.left, made.failed, made.documents)


def _sources(
    tree: Tree, paths: Iterable[str], charts: Iterable[str], kustomizations: Mapping[str, Source], made: Made
) -> list[Source]:
    """What may name releases: files, and what overlays make of such files."""
    folders = tuple(join(dirname(path), part) for path in charts for part in ("templates/", "charts/"))
    hidden = {path for one in made.renderings for path in one.files}
    found = [
        source
        for path in paths
        if path.endswith((".yaml", ".yml", ".gotmpl"))
        and not path.startswith(folders)
        and path not in hidden
        and (source := _installing(tree, path)) is not None
    ]
    found += [source for source in kustomizations.values() if "helmCharts" in source.text]
    built = [one for one in made.renderings if any(word.decode() in one.text for word in _INSTALLERS)]
    return [*found, *(Source(one.path, one.text) for one in built)]


def _install(
    tree: Tree,
    root: str,
    paths: Sequence[str],
    files: Mapping[str, Source],
    sources: Sequence[Source],
    config: Config,
    made: Made,
) -> None:
    from kubelint5xx.render.helm import charts_in, configured, render_charts

    charts = charts_in(paths, files)
    told: list[Release] = []
    known: list[Release] = []
    if sources:
        from kubelint5xx.render.release import Surroundings
        from kubelint5xx.render.releases import releases_in
        from kubelint5xx.render.repositories import repositories_in

        directories = frozenset(directory or "." for directory in charts)
        around = Surroundings(directories, frozenset(paths), repositories_in(sources))
        for source in sources:
            releases, refused = releases_in(source, around)
            made.left += refused
            told += [_rereadable(release, around) for release in releases if not release.address]
            known += [release for release in releases if release.address]
    known += configured(config.charts, frozenset(paths))
    for release in known:
        if release.header is not None:
            from kubelint5xx.render.known import documents_of

            documents, unknown = documents_of(release, release.header, partial(_read, tree))
            made.documents += documents
            made.left += unknown
    if charts and _by_terraform(tree, paths):
        from kubelint5xx.render.terraform import releases_of

        releases, refused = releases_of(tree, config, frozenset(directory or "." for directory in charts))
        told += releases
        made.left += refused
    if charts or config.charts:
        made.add(render_charts(root, charts, config, told))


def _by_terraform(tree: Tree, paths: Iterable[str]) -> bool:
    """Whether a file of Terraform's may install a chart of the tree."""
    for path in paths:
        if path.endswith((".tf", ".tofu", ".tf.json", ".tofu.json")):
            try:
                data = tree.read(path)
            except OSError:
                continue
            if b"helm_release" in data and _LOCAL_CHART.search(data):
                return True
    return False


def _rereadable(release: Release, around: Surroundings) -> Release:
    from kubelint5xx.render.releases import releases_in

    def again(texts: Mapping[str, str]) -> Release | None:
        if release.path not in texts:
            return release
        source = Source(release.path, texts[release.path])
        others, _ = releases_in(source, replace(around, repositories=around.repositories.reread(source)))
        same = [one for one in others if (one.index, one.directory) == (release.index, release.directory)]
        return same[0] if same else None

    return replace(release, again=again)


def _installing(tree: Tree, path: str) -> Source | None:
    """The file, where it may say how a chart is installed."""
    name = path.rpartition("/")[2]
    if name.startswith("helmfile.") or "helmfile.d/" in path:
        return _read(tree, path)
    try:
        data = tree.read(path)
    except OSError:
        return None
    return _read(tree, path) if any(word in data for word in _INSTALLERS) else None


def _read(tree: Tree, path: str) -> Source | None:
    try:
        return Source(path, tree.read(path).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return None
