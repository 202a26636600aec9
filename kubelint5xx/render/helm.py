"""Helm charts, rendered by the user's ``helm``: with the values that the configuration names, or with their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from posixpath import basename, dirname, join
from shlex import quote

from kubelint5xx.config import Chart, Config
from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from kubelint5xx.render.rendering import Rendering
from kubelint5xx.render.tools import run_tool

NAMES = ("Chart.yaml", "Chart.yml")


@record(eq=False)
class _Chart:
    """One chart of the tree: its directory, its Chart.yaml, and the files of the tree that belong to it."""

    directory: str
    file: str
    name: str
    library: bool
    files: tuple[str, ...]

    @property
    def templates(self) -> tuple[str, ...]:
        return tuple(path for path in self.files if "/templates/" in f"/{path}")


def render_charts(
    root: str, paths: Sequence[str], read: Mapping[str, Source], config: Config
) -> tuple[list[Rendering], list[Problem]]:
    """Every outermost chart below ``root``, as the configuration installs it, else with its own values.

    ``paths`` are all files, ``read`` the Chart.yaml files among them. A chart that does not render is a problem.
    """
    charts = {chart.directory: chart for chart in _charts(paths, read)}
    helm = shutil.which("helm")
    renderings: list[Rendering] = []
    problems: list[Problem] = []
    for chart in charts.values():
        wanted = [one for one in config.charts if one.directory == (chart.directory or ".")]
        for at, install in enumerate(wanted or [Chart(chart.directory or ".", config.helm_values)]):
            if wanted and config.helm_values:
                install = replace(install, values=(*install.values, *config.helm_values))
            done = _rendered(root, chart, install, config, helm, at)
            if isinstance(done, Rendering):
                renderings.append(done)
            else:
                problems.append(done)
    problems += _missing(config, charts)
    return renderings, problems


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
        for document in yaml.read(source).documents:
            if isinstance(document.root, MappingNode):
                name = text(document.root.get("name")) or name
                library = text(document.root.get("type")) == "library"
        files = tuple(one for one in paths if _belongs(one, directory))
        chart = _Chart(directory, path, name, library, files)
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
    root: str, chart: _Chart, install: Chart, config: Config, helm: str | None, at: int
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

    def template(base: str) -> list[str]:
        # Schemas of values may refer to others on the network; checking them is helm's business, not ours.
        own = [program, "template", *arguments[:1], os.path.join(base, *_parts(chart.directory)), *arguments[1:]]
        return [*own, "--skip-tests", "--skip-schema-validation"]

    outcome = run_tool(template(root), root)
    if outcome.error:
        return Problem(chart.file, 1, f"a Helm chart that does not render: {_hint(outcome.error, chart)}", "unrendered")

    def again(texts: Mapping[str, str]) -> str | None:
        with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as copy:
            try:
                _copied(root, copy, chart, install, texts)
            except OSError:
                return None
            done = run_tool(template(copy), copy)
            return None if done.error else done.text

    defaults = sorted((path for path in chart.files if _is_default(path)), key=lambda path: (path.count("/"), path))
    number = f" ({at + 1})" if at else ""
    return Rendering(
        path=join(chart.directory, f"<rendered{number}>.yaml"),
        text=outcome.text,
        recipe=recipe,
        home=chart.file,
        files=frozenset({*chart.files, *install.values}),
        writable=tuple(dict.fromkeys([*reversed(install.values), *defaults])),
        templates=chart.templates,
        again=again,
        namespace=install.namespace,
    )


def _is_default(path: str) -> bool:
    """Whether helm reads a values file by itself: values-production.yaml only counts where it is named."""
    return basename(path) in ("values.yaml", "values.yml")


def _arguments(chart: _Chart, install: Chart, config: Config) -> list[str]:
    found = [install.release or chart.name]
    if install.namespace:
        found += ["--namespace", install.namespace]
    for path in install.values:
        found += ["--values", path]
    for name, node in install.sets.items():
        found += ["--set", f"{name}={text(node) or ''}"]
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


def _copied(root: str, copy: str, chart: _Chart, install: Chart, texts: Mapping[str, str]) -> None:
    """The chart and its values in the directory ``copy``, with other texts in some files. Raises OSError."""
    target = os.path.join(copy, *_parts(chart.directory))
    shutil.copytree(os.path.join(root, *_parts(chart.directory)), target, ignore=_ignored, dirs_exist_ok=True)
    for path in install.values:
        place = os.path.join(copy, *path.split("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(os.path.join(root, *path.split("/")), place)
    for path, content in texts.items():
        with open(os.path.join(copy, *path.split("/")), "w", encoding="utf-8", newline="") as opened:
            opened.write(content)


def _ignored(folder: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name in (".git", "node_modules", ".venv", ".terraform")}
