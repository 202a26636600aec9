"""Helm charts, rendered by the user's ``helm``: with the values that the configuration names, or with their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from posixpath import basename, dirname, join
from shlex import quote

from kubelint5xx.config import Chart, Config
from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import child, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from kubelint5xx.render.releases import Inline, Release, releases_in
from kubelint5xx.render.rendering import Rendering
from kubelint5xx.render.tools import Outcome, all_of, run_tool

_Reads = Callable[[Source], tuple[list[Release], list[Problem]]]
_CALLED = ("name", "alias")
NAMES = ("Chart.yaml", "Chart.yml")


@record(eq=False)
class _Chart:
    """One chart of the tree: its directory, its Chart.yaml, and the files of the tree that belong to it."""

    directory: str
    file: str
    name: str
    library: bool
    files: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The directories of the charts within this one, and what this one calls them by other names."""
        inside = join(self.directory, "charts", "")
        found = {inside + path[len(inside) :].partition("/")[0] for path in self.files if path.startswith(inside)}
        return tuple(sorted({*found, *(inside + name for name in self.aliases)}))

    @property
    def templates(self) -> tuple[str, ...]:
        return tuple(path for path in self.files if "/templates/" in f"/{path}")


def render_charts(
    root: str, paths: Sequence[str], read: Mapping[str, Source], config: Config, sources: Iterable[Source] = ()
) -> tuple[list[Rendering], list[Problem]]:
    """Every outermost chart below ``root``: as the configuration installs it, else as ``sources`` do, else by itself.

    ``paths`` are all files, ``read`` the Chart.yaml files among them, ``sources`` those
    that may name releases. A chart that does not render is a problem.
    """
    charts = {chart.directory: chart for chart in _charts(paths, read)}
    helm = shutil.which("helm")
    told: dict[str, list[Release]] = {}
    problems: list[Problem] = []
    everything = frozenset(paths)
    directories = {directory or "." for directory in charts}
    reads = partial(releases_in, charts=directories, paths=everything)
    for source in sources:
        releases, refused = reads(source)
        problems += refused
        for release in releases:
            told.setdefault(release.directory, []).append(release)
    calls: list[Callable[[], Rendering | Problem]] = []
    for chart in charts.values():
        where = chart.directory or "."
        given = [_release(one) for one in config.charts if one.directory == where]
        for at, install in enumerate(given or told.get(where) or [Release(where)]):
            if config.helm_values:
                install = replace(install, values=(*install.values, *config.helm_values))
            calls.append(partial(_rendered, root, chart, install, config, helm, at, reads))
    done = all_of(calls)
    renderings = [one for one in done if isinstance(one, Rendering)]
    pairs = [(one, root, charts[dirname(one.home)]) for one in renderings]
    problems += [one for one in done if isinstance(one, Problem)]
    problems += dict.fromkeys(one for found in all_of(partial(_unread, *pair) for pair in pairs) for one in found)
    problems += _missing(config, charts)
    return renderings, problems


def _unread(rendering: Rendering, root: str, chart: _Chart) -> list[Problem]:
    from kubelint5xx.render.unread import unread_values

    def load(path: str) -> Source | None:
        try:
            with open(os.path.join(root, *path.split("/")), encoding="utf-8-sig") as opened:
                return Source(path, opened.read())
        except (OSError, UnicodeDecodeError):
            return None

    return unread_values(rendering, load, chart.dependencies)


def _release(chart: Chart) -> Release:
    sets = tuple((name, text(node) or "", False) for name, node in chart.sets.items())
    return Release(chart.directory, chart.release, chart.namespace, chart.values, sets)


def _missing(config: Config, charts: Mapping[str, _Chart]) -> Iterator[Problem]:
    for chart in config.charts:
        if chart.directory not in charts and not (chart.directory == "." and "" in charts) and chart.span:
            said = f"{chart.directory} is no directory of a chart that has templates of its own"
            yield Problem(chart.span.path, chart.span.line, said, "unrendered", chart.span.column)


def _charts(paths: Sequence[str], read: Mapping[str, Source]) -> Iterator[_Chart]:
    directories = sorted(dirname(path) for path in read)
    outermost = [
        own
        for own in directories
        if not any(own != other and (not other or own.startswith(other + "/")) for other in directories)
    ]
    for path, source in sorted(read.items()):
        directory = dirname(path)
        if directory not in outermost:
            continue
        name, library = basename(directory) or "chart", False
        aliases: list[str] = []
        for document in yaml.read(source).documents:
            if isinstance(document.root, MappingNode):
                name = text(document.root.get("name")) or name
                library = text(document.root.get("type")) == "library"
                named = [child(one, key) for one in items(document.root.get("dependencies")) for key in _CALLED]
                aliases += [said for one in named if (said := text(one)) is not None]
        files = tuple(one for one in paths if _belongs(one, directory))
        chart = _Chart(directory, path, name, library, files, tuple(aliases))
        if chart.templates and not library:
            yield chart


def _belongs(path: str, directory: str) -> bool:
    """Whether a file is a part of the chart in ``directory``: what helm reads, not what merely lies beside it."""
    prefix = f"{directory}/" if directory else ""
    if not path.startswith(prefix):
        return False
    inside = path[len(prefix) :]
    first = inside.partition("/")[0]
    return first in ("templates", "charts", "crds") or (
        "/" not in inside and inside.endswith((".yaml", ".yml", ".lock", ".json")) and inside.startswith(_OF_CHART)
    )


_OF_CHART = ("Chart.", "values", "requirements.")


def _rendered(
    root: str, chart: _Chart, install: Release, config: Config, helm: str | None, at: int, reads: _Reads
) -> Rendering | Problem:
    arguments = _arguments(chart, install, config)
    recipe = " ".join(["helm template", *map(quote, [*arguments[:1], chart.directory or ".", *arguments[1:]])])
    if helm is None:
        count = len(chart.templates)
        message = f"a Helm chart with {count} templates, not analysed: run `{recipe} | kubelint5xx check -`"
        return Problem(chart.file, 1, message, "unrendered")
    if (outside := _leads_out(root, chart.directory)) is not None:
        message = f"a Helm chart, not rendered: {outside} is a symbolic link that leads out of the tree"
        return Problem(chart.file, 1, message, "unrendered")
    program = helm

    def template(base: str, release: Release) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as beside:
            own = _arguments(chart, release, config, beside)
            # Schemas of values may refer to others on the network; checking them is helm's business, not ours.
            command = [program, "template", own[0], os.path.join(base, *_parts(chart.directory)), *own[1:]]
            return run_tool([*command, "--skip-tests", "--skip-schema-validation"], base)

    outcome = template(root, install)
    if outcome.error:
        by = f" as {install.path} installs it" if install.path else ""
        message = f"a Helm chart that does not render{by}: {_hint(outcome.error, chart)}"
        return Problem(chart.file, 1, message, "unrendered")

    def again(texts: Mapping[str, str]) -> str | None:
        release = install
        if install.path in texts:
            others, _ = reads(Source(install.path, texts[install.path]))
            same = [one for one in others if (one.index, one.directory) == (install.index, install.directory)]
            if not same:
                return None
            release = replace(same[0], values=(*same[0].values, *config.helm_values))
        with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as copy:
            try:
                _copied(root, copy, chart, release, texts)
            except OSError:
                return None
            done = template(copy, release)
            return None if done.error else done.text

    defaults = sorted((path for path in chart.files if _is_default(path)), key=lambda path: (path.count("/"), path))
    number = f" ({at + 1})" if at else ""
    return Rendering(
        path=join(chart.directory, f"<rendered{number}>.yaml"),
        text=outcome.text,
        recipe=recipe,
        home=chart.file,
        files=frozenset({*chart.files, *_files(install), *([install.path] if install.alone else [])}),
        # What a release sets by itself overrides its files.
        writable=tuple(
            dict.fromkeys([*([install.path] if install.path else []), *reversed(_files(install)), *defaults])
        ),
        templates=chart.templates,
        again=again,
        namespace=install.namespace,
        values=frozenset([*_files(install), *defaults]),
    )


def _is_default(path: str) -> bool:
    """Whether helm reads a values file by itself: values-production.yaml only counts where it is named."""
    return basename(path) in ("values.yaml", "values.yml")


def _files(install: Release) -> list[str]:
    return [one for one in install.values if isinstance(one, str)]


def _arguments(chart: _Chart, install: Release, config: Config, beside: str = "") -> list[str]:
    """What the tool is told. Inline values are written to files in the directory ``beside``; without one, they are
    named for a reader."""
    found = [install.name or chart.name]
    if install.namespace:
        found += ["--namespace", install.namespace]
    for at, one in enumerate(install.values):
        path = one if isinstance(one, str) else f"<values of {install.path}>"
        if isinstance(one, Inline) and beside:
            path = os.path.join(beside, f"{at}.yaml")
            with open(path, "w", encoding="utf-8") as opened:
                opened.write(one.text)
        found += ["--values", path]
    for name, value, is_text in install.sets:
        found += ["--set-string" if is_text else "--set", f"{name}={value}"]
    version = text(config.cluster.get("kubernetes_version"))
    return [*found, "--kube-version", version] if version else found


def _hint(error: str, chart: _Chart) -> str:
    if "missing in charts/" in error:
        return f"{error}; `helm dependency build {quote(chart.directory or '.')}` fetches them"
    return error


def _parts(directory: str) -> list[str]:
    return directory.split("/") if directory else []


def _leads_out(root: str, directory: str) -> str | None:
    top = os.path.realpath(root)
    for folder, folders, names in os.walk(os.path.join(root, *_parts(directory))):
        for name in (*folders, *names):
            full = os.path.join(folder, name)
            if os.path.islink(full) and not os.path.realpath(full).startswith(top.rstrip(os.sep) + os.sep):
                return os.path.relpath(full, root).replace(os.sep, "/")
    return None


def _copied(root: str, copy: str, chart: _Chart, install: Release, texts: Mapping[str, str]) -> None:
    """The chart and its values in the directory ``copy``, with other texts in some files. Raises OSError."""
    target = os.path.join(copy, *_parts(chart.directory))
    shutil.copytree(os.path.join(root, *_parts(chart.directory)), target, ignore=_ignored, dirs_exist_ok=True)
    for path in _files(install):
        place = os.path.join(copy, *path.split("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(os.path.join(root, *path.split("/")), place)
    for path, content in texts.items():
        if path == install.path:
            continue
        with open(os.path.join(copy, *path.split("/")), "w", encoding="utf-8", newline="") as opened:
            opened.write(content)


def _ignored(folder: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name in (".git", "node_modules", ".venv", ".terraform")}
