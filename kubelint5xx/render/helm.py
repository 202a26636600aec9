"""Helm charts, rendered by the user's ``helm``: with the values that the configuration names, or with their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from posixpath import basename, dirname, join
from shlex import quote

from kubelint5xx.config import Chart, Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.eval.known_charts import address_of
from kubelint5xx.formats import yaml
from kubelint5xx.render.partly import variants
from kubelint5xx.render.release import Inline, Release, Set
from kubelint5xx.render.rendering import Made, Rendering
from kubelint5xx.render.tools import Outcome, all_of, run_tool
from kubelint5xx.render.written import Written

_CALLED = ("name", "alias")
_COMMA = pattern(r"(?<!\\),")


@record(eq=False)
class HelmChart:
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


def charts_in(paths: Sequence[str], read: Mapping[str, Source]) -> dict[str, HelmChart]:
    """The outermost charts that have templates of their own, by their directories. ``paths`` are all files, ``read``
    the Chart.yaml files among them."""
    return {chart.directory: chart for chart in _charts(paths, read)}


def render_charts(root: str, charts: Mapping[str, HelmChart], config: Config, told: Iterable[Release] = ()) -> Made:
    """The charts of the tree below ``root``: as the configuration installs them, else as it is ``told``, else by
    themselves. A chart that does not render is a problem."""
    helm = shutil.which("helm")
    installed: dict[str, list[Release]] = {}
    for release in told:
        installed.setdefault(release.directory, []).append(release)
    calls: list[Callable[[], tuple[Rendering, list[Problem]] | Problem]] = []
    for chart in charts.values():
        where = chart.directory or "."
        given = [_release(one) for one in config.charts if one.directory == where and not one.repository]
        for at, install in enumerate(given or installed.get(where) or [Release(where)]):
            if config.helm_values:
                install = replace(install, values=(*install.values, *config.helm_values))
            calls.append(partial(_rendered, root, chart, install, config, helm, at))
    done = all_of(calls)
    made = Made([one[0] for one in done if not isinstance(one, Problem)])
    made.left += [problem for one in done if not isinstance(one, Problem) for problem in one[1]]
    pairs = [(one, root, charts[dirname(one.home)]) for one in made.renderings]
    made.failed += [one for one in done if isinstance(one, Problem)]
    made.failed += _missing(config, charts)
    made.left += dict.fromkeys(one for found in all_of(partial(_unread, *pair) for pair in pairs) for one in found)
    return made


def _unread(rendering: Rendering, root: str, chart: HelmChart) -> list[Problem]:
    from kubelint5xx.render.unread import unread_values

    return unread_values(rendering, partial(_load, root), chart.dependencies)


def _load(root: str, path: str) -> Source | None:
    try:
        with open(os.path.join(root, *path.split("/")), encoding="utf-8-sig") as opened:
            return Source(path, opened.read())
    except (OSError, UnicodeDecodeError):
        return None


def configured(charts: Iterable[Chart], paths: Collection[str]) -> Iterator[Release]:
    """The releases of charts of repositories that the configuration names."""
    for chart in charts:
        if chart.repository and chart.span is not None:
            release, span = _release(chart), chart.span
            doubt = (Unresolved(span, f"the values in {one} are in no file here") for one in chart.values)
            values = tuple(
                one if one in paths else Inline("", why) for one, why in zip(chart.values, doubt, strict=True)
            )
            sets = tuple(replace(one, node=chart.sets[one.name]) for one in release.sets)
            name = release.name or chart.directory
            yield replace(
                release, directory="", name=name, values=values, sets=sets, header=span, version=chart.version,
                address=address_of(chart.repository, chart.directory),
            )  # fmt: skip


def _release(chart: Chart) -> Release:
    sets = tuple(Set(name, text(node) or "") for name, node in chart.sets.items())
    return Release(chart.directory, chart.release, chart.namespace, chart.values, sets)


def _missing(config: Config, charts: Mapping[str, HelmChart]) -> Iterator[Problem]:
    for chart in config.charts:
        if chart.repository or chart.span is None:
            continue
        if chart.directory not in charts and not (chart.directory == "." and "" in charts):
            said = f"{chart.directory} is no directory of a chart that has templates of its own"
            yield Problem(chart.span.path, chart.span.line, said, "unrendered", chart.span.column)


def _charts(paths: Sequence[str], read: Mapping[str, Source]) -> Iterator[HelmChart]:
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
        chart = HelmChart(directory, path, name, library, files, tuple(aliases))
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
    root: str, chart: HelmChart, install: Release, config: Config, helm: str | None, at: int
) -> tuple[Rendering, list[Problem]] | Problem:
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

    # Where not all values are known, there are several to try; what does not render is none that could be meant.
    tried = [(one, template(root, one)) for one in variants(install)]
    rendered = [(one, outcome) for one, outcome in tried if not outcome.error]
    if not rendered:
        by = f" as {install.path} installs it" if install.path else ""
        message = f"a Helm chart that does not render{by}: {_hint(tried[0][1].error, chart)}"
        return Problem(chart.file, 1, message, "unrendered")
    first, outcome = rendered[0]

    def again(texts: Mapping[str, str]) -> str | None:
        release = first
        if install.again is not None:
            changed = install.again(texts)
            if changed is None:
                return None
            filled = list(variants(changed))
            # The same way to fill in what is not known.
            at = next(at for at, (one, _) in enumerate(tried) if one is first)
            if len(filled) != len(tried):
                return None
            release = replace(filled[at], values=(*filled[at].values, *config.helm_values))
        with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as copy:
            try:
                _copied(root, copy, chart, release, texts)
            except OSError:
                return None
            done = template(copy, release)
            return None if done.error else done.text

    number = f" ({at + 1})" if at else ""
    path = join(chart.directory, f"<rendered{number}>.yaml")
    documents, left = _partly(root, path, [one for _, one in rendered], install, chart) if install.holes else (None, [])
    beside = _written(install)
    defaults = sorted((path for path in chart.files if _is_default(path)), key=lambda path: (path.count("/"), path))
    made = Rendering(
        path=path,
        text=outcome.text,
        recipe=recipe,
        home=chart.file,
        files=frozenset({*chart.files, *_files(install), *([install.path] if install.alone else [])}),
        # What a release sets by itself overrides its files.
        writable=tuple(
            dict.fromkeys([*([install.path] if install.path else []), *beside, *reversed(_files(install)), *defaults])
        ),
        templates=chart.templates,
        again=again,
        namespace=install.namespace,
        values=frozenset([*_files(install), *defaults, *(one for one in beside if one.endswith((".yaml", ".yml")))]),
        written=beside,
        documents=documents,
    )
    return made, left


def _partly(
    root: str, path: str, outcomes: Sequence[Outcome], install: Release, chart: HelmChart
) -> tuple[tuple[Document, ...], list[Problem]]:
    from kubelint5xx.render.partly import known_part

    sources = {one: source.text for one in chart.templates if (source := _load(root, one)) is not None}
    documents, left = known_part(path, outcomes, install, sources)
    return tuple(replace(one, namespace=install.namespace) for one in documents), left


def _written(install: Release) -> dict[str, tuple[Written, ...]]:
    """The values of a release that stand in files of another syntax, or of which not all is told by their own."""
    if install.given is None:
        return {}
    from kubelint5xx.render.written import written_below

    found: dict[str, list[Written]] = {}
    for one in written_below(install.given):
        found.setdefault(one.span.path, []).append(one)
    return {path: tuple(values) for path, values in found.items()}


def _is_default(path: str) -> bool:
    """Whether helm reads a values file by itself: values-production.yaml only counts where it is named."""
    return basename(path) in ("values.yaml", "values.yml")


def _files(install: Release) -> list[str]:
    return [
        *(one for one in install.values if isinstance(one, str)),
        *(one.value for one in install.sets if one.flag == "--set-file"),
    ]


def _arguments(chart: HelmChart, install: Release, config: Config, beside: str = "") -> list[str]:
    """What the tool is told. Inline values are written to files in the directory ``beside``; without one, they are
    named for a reader."""
    found = [install.name or chart.name]
    if install.namespace:
        found += ["--namespace", install.namespace]
    for at, given in enumerate(install.values):
        path = given if isinstance(given, str) else f"<values of {install.path}>"
        if isinstance(given, Inline) and beside:
            path = os.path.join(beside, f"{at}.yaml")
            with open(path, "w", encoding="utf-8") as opened:
                opened.write(given.text)
        found += ["--values", path]
    for one in install.sets:
        # Outside of braces a comma would begin another value; all who give values to helm escape it.
        value = one.value if one.value.startswith("{") else _COMMA.sub(r"\,", one.value)
        found += [one.flag, f"{one.name}={value}"]
    version = text(config.at(chart.file).cluster.get("kubernetes_version"))
    return [*found, "--kube-version", version] if version else found


def _hint(error: str, chart: HelmChart) -> str:
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


def _copied(root: str, copy: str, chart: HelmChart, install: Release, texts: Mapping[str, str]) -> None:
    """The chart and its values in the directory ``copy``, with other texts in some files. Raises OSError."""
    target = os.path.join(copy, *_parts(chart.directory))
    shutil.copytree(os.path.join(root, *_parts(chart.directory)), target, ignore=_ignored, dirs_exist_ok=True)
    for path in _files(install):
        place = os.path.join(copy, *path.split("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(os.path.join(root, *path.split("/")), place)
    own = {*chart.files, *_files(install)}
    for path, content in texts.items():
        if path not in own:
            # What it says of the release was read already.
            continue
        with open(os.path.join(copy, *path.split("/")), "w", encoding="utf-8", newline="") as opened:
            opened.write(content)


def _ignored(folder: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name in (".git", "node_modules", ".venv", ".terraform")}
