"""Who installs charts, and with which values: Argo CD, Flux, helmfile, kustomize and k3s, as far as their files say it.

Facts, each from the tool's own manual. A HelmRelease's ``values`` win over its ``valuesFrom``, of which later ones win;
its name is its own, with the target namespace before it, unless ``releaseName`` gives one; ``valuesFiles`` are relative
to the source's root and stand in for the chart's ``values.yaml`` (docs/spec/v2/helmreleases.md of
fluxcd/helm-controller). In a helmfile paths are relative to it, ``set`` wins over ``values``, and files that are not
there are an error unless the release's own ``missingFileHandler`` says otherwise (docs/index.md of helmfile/helmfile).
Of kustomize's ``helmCharts``, ``valuesInline`` win over ``valuesFile`` unless ``valuesMerge`` says otherwise, and
``additionalValuesFiles`` over both; a chart that is in ``chartHome`` is taken as it is (api/types/helmchartargs.go of
kubernetes-sigs/kustomize). A HelmChart of k3s is installed in ``targetNamespace``, else in its own. Its
``valuesSecrets`` win over its ``valuesContent``, a HelmChartConfig of its name and namespace over both, and ``set``
over all; of ``set``, all but numbers, truth values and null stays text (https://docs.k3s.io/add-ons/helm, and
typedVal() and job() of k3s-io/helm-controller).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import Node, Scalar, child, entries, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from kubelint5xx.render.argo_cd import application
from kubelint5xx.render.release import (
    Chart,
    Inline,
    Refused,
    Release,
    Set,
    Surroundings,
    Unit,
    file_of,
    inline,
    name_of,
    remote,
)

_Reads = Callable[[Unit, str, Surroundings], Release | None]
_ALONE = {"Application", "HelmRelease", "ApplicationSet", "HelmRepository", "OCIRepository", "HelmChart", None}
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "kustomization")


def is_helmfile(path: str) -> bool:
    name = path.rpartition("/")[2]
    folder = dirname(path).rpartition("/")[2]
    return name.startswith("helmfile.") or (folder == "helmfile.d" and name.endswith((".yaml", ".yml", ".gotmpl")))


def releases_in(source: Source, around: Surroundings) -> tuple[list[Release], list[Problem]]:
    """The releases that a file tells of charts in the tree or of known ones, and a line for each that is left out."""
    helmfile = is_helmfile(source.path)
    if helmfile and ("{{" in source.text or source.path.endswith(".gotmpl")):
        return [], [Problem(source.path, 1, "a helmfile with templates in it, not analysed", "unrendered")]
    documents = [document.root for document in yaml.read(source).documents]
    if helmfile:
        around = replace(around, repositories=around.repositories.with_helmfile(documents))
    alone = helmfile or {text(child(root, "kind")) for root in documents} <= _ALONE
    found: list[Release] = []
    problems: list[Problem] = []
    for unit, read in (one for root in documents for one in _units(root, source.path, helmfile)):
        try:
            release = read(unit, source.path, around)
            if release is not None:
                found.append(replace(release, path=source.path, index=len(found), alone=alone))
        except Refused as refused:
            span = refused.span.in_file()
            problems.append(Problem(source.path, span.line, str(refused), "unrendered", span.column))
    return found, problems


def _units(root: Node, path: str, helmfile: bool) -> Iterator[tuple[Unit, _Reads]]:
    api, kind = text(child(root, "apiVersion")) or "", text(child(root, "kind"))
    if helmfile:
        yield from ((Unit(root, one), _helmfile) for one in items(child(root, "releases")))
    elif path.rpartition("/")[2].lower() in _KUSTOMIZATIONS:
        yield from ((Unit(root, one), _kustomize) for one in items(child(root, "helmCharts")))
    elif api.startswith("argoproj.io/") and kind == "ApplicationSet":
        yield Unit(root, root), _application_set
    elif api.startswith("argoproj.io/") and kind == "Application":
        spec = child(root, "spec")
        sources = items(child(spec, "sources")) or tuple(filter(None, [child(spec, "source")]))
        yield from ((Unit(root, one), application) for one in sources)
    elif api.startswith("helm.toolkit.fluxcd.io/") and kind == "HelmRelease":
        yield Unit(root, root), _flux
    elif api.startswith("helm.cattle.io/") and kind == "HelmChart":
        yield Unit(root, root), _k3s


def _application_set(unit: Unit, path: str, around: Surroundings) -> None:
    raise Refused(name_of(unit.root), "an ApplicationSet, not analysed: what its generators give is not in the files")


def _flux(unit: Unit, path: str, around: Surroundings) -> Release | None:
    root, spec = unit.root, child(unit.root, "spec")
    home = text(child(root, "metadata", "namespace")) or ""
    wanted = child(spec, "chart", "spec", "chart")
    source = child(spec, "chart", "spec", "sourceRef") if wanted is not None else child(spec, "chartRef")
    kind, at = text(child(source, "kind")), text(child(source, "namespace")) or home
    files: tuple[Node, ...] = items(child(spec, "chart", "spec", "valuesFiles"))
    if wanted is not None and kind in ("GitRepository", "Bucket"):
        directory = normpath(text(wanted) or "?").removeprefix("/")
        if directory not in around.charts:
            raise Refused(wanted, f"a release of {text(wanted)}, which is no chart here, not analysed")
        chart = Chart(directory, "", None, name_of(root))
    elif source is None and wanted is None:
        # A patch of a release that stands elsewhere.
        return None
    else:
        found = around.repositories.find(kind or "HelmRepository", at, text(child(source, "name")) or "")
        place = wanted or source or root
        if found is None:
            raise Refused(place, "a chart of a repository of charts, not analysed: the repository is not in the tree")
        version = child(spec, "chart", "spec", "version") if wanted is not None else found.version
        chart = remote(place, found.url, text(wanted) or "", version, found.url)
    values: list[str | Inline] = []
    for file in files:
        given = text(file) or ""
        inside = chart.doubt(file, f"in {given} of the chart") if chart.address else None
        values.append(inside or file_of(file, given, chart, around))
    if files and not chart.address and join(chart.directory, "values.yaml") not in values:
        raise Refused(files[0], f"a release of {chart.directory} without the chart's own values.yaml, not analysed")
    sets: list[Set] = []
    for one in items(child(spec, "valuesFrom")):
        data = around.repositories.config_map(home, text(child(one, "name")) or "", path)
        node = child(data, text(child(one, "valuesKey")) or "values.yaml") if data is not None else None
        if text(child(one, "kind")) != "ConfigMap" or node is None or child(one, "targetPath") is not None:
            values.append(chart.doubt(one, "of a ConfigMap or Secret"))
        else:
            values.append(inline(node))
    own = child(spec, "values")
    values += [inline(own)] if own is not None else []
    if (changes := child(spec, "postRenderers")) is not None:
        raise Refused(changes, f"{chart.named} with postRenderers, not analysed: they change what the chart makes")
    target = text(child(spec, "targetNamespace")) or ""
    bare = text(child(root, "metadata", "name")) or ""
    name = text(child(spec, "releaseName")) or (f"{target}-{bare}" if target else bare)
    return chart.release(name, target or home, values, tuple(sets))


def _helmfile(unit: Unit, path: str, around: Surroundings) -> Release | None:
    node = unit.part
    wanted = child(node, "chart")
    if wanted is None or text(child(node, "installed")) == "false":
        return None
    said = text(wanted) or ""
    directory = normpath(join(dirname(path), said))
    alias, _, bare = said.partition("/")
    url = around.repositories.aliases.get(alias)
    for key in _CHANGES:
        other = child(node, key) or (child(unit.root, "helmDefaults", key) if key == "postRenderer" else None)
        if other is not None:
            raise Refused(other, f"a release of {said} with {key}, not analysed")
    if directory in around.charts:
        chart = Chart(directory, "", None, wanted)
    elif url is None and not said.startswith("oci://"):
        raise Refused(wanted, f"a release of {said}, which is no chart here, not analysed")
    else:
        address = ("", said) if url is None else (url, bare)
        chart = remote(wanted, *address, child(node, "version"), url or said)
    skips = text(child(node, "missingFileHandler")) in _SKIP_MISSING
    values: list[str | Inline] = []
    for one in items(child(node, "values")):
        at = normpath(join(dirname(path), text(one) or ""))
        if not isinstance(one, Scalar):
            values.append(inline(one))
        elif (text(one) or "").endswith(".gotmpl"):
            values.append(chart.doubt(one, "in a template"))
        elif at in around.paths or not skips:
            values.append(file_of(one, at, chart, around))
    if (secrets := child(node, "secrets")) is not None:
        values.append(chart.doubt(secrets, "in secrets"))
    sets: list[Set] = []
    for key, flag in (("set", "--set"), ("setString", "--set-string")):
        for one in items(child(node, key)):
            sets.append(_helmfile_set(one, flag, path, chart, around))
    name = text(child(node, "name")) or ""
    namespace = text(child(node, "namespace")) or text(child(unit.root, "namespace")) or ""
    return chart.release(name, namespace, values, tuple(sets))


# What else decides on the values of a release, on what is made of them, or on whether there is one.
_CHANGES = (
    "inherit", "valuesTemplate", "setTemplate", "jsonPatches", "strategicMergePatches", "transformers", "postRenderer",
    "condition",
)  # fmt: skip
_SKIP_MISSING = ("Warn", "Info", "Debug")


def _helmfile_set(node: Node, flag: str, path: str, chart: Chart, around: Surroundings) -> Set:
    name, value, file = text(child(node, "name")) or "", child(node, "value"), child(node, "file")
    if file is not None:
        at = normpath(join(dirname(path), text(file) or ""))
        if at in around.paths:
            return Set(name, at, "--set-file", node)
        raise Refused(file, f"{chart.named} with a value in {at}, which is no file here, not analysed")
    if (several := child(node, "values")) is not None:
        listed = ",".join((text(item) or "").replace(",", "\\,") for item in items(several))
        return Set(name, f"{{{listed}}}", flag, Scalar(several.span, f"{{{listed}}}", f"{{{listed}}}", True))
    return Set(name, text(value) or "", flag, value)


def _kustomize(unit: Unit, path: str, around: Surroundings) -> Release | None:
    """One of ``helmCharts``. Where the overlay changes what charts make, it is not analysed: nothing is built here."""
    node, here = unit.part, dirname(path)
    wanted = child(node, "name") or node
    if {str(entry.key.value) for entry in entries(unit.root)} - _NO_CHANGES:
        # The overlay itself is named as not built.
        return None
    repository = text(child(node, "repo")) or ""
    home = text(child(unit.root, "helmGlobals", "chartHome")) or "charts"
    directory = normpath(join(here, home, text(wanted) or "?"))
    if directory in around.charts:
        chart = Chart(directory, "", None, wanted)
    else:
        chart = remote(wanted, repository, text(wanted) or "", child(node, "version"), repository)
    files: list[str | Inline] = []
    for file in (child(node, "valuesFile"), *items(child(node, "additionalValuesFiles"))):
        if file is not None:
            files.append(file_of(file, normpath(join(here, text(file) or "")), chart, around))
    given = child(node, "valuesInline")
    own: list[str | Inline] = [inline(given)] if given is not None else []
    merge = text(child(node, "valuesMerge")) or "override"
    if own and merge == "replace" and child(node, "valuesFile") is not None:
        files = files[1:]
    at = 1 if child(node, "valuesFile") is not None and merge == "override" else 0
    values = [*files[:at], *own, *files[at:]]
    name, namespace = text(child(node, "releaseName")) or text(wanted) or "", text(child(node, "namespace")) or ""
    return chart.release(name, namespace or text(child(unit.root, "namespace")) or "", values)


_NO_CHANGES = frozenset(
    ("apiVersion", "kind", "metadata", "resources", "bases", "namespace", "helmCharts", "helmGlobals")
)


def _k3s(unit: Unit, path: str, around: Surroundings) -> Release | None:
    root, spec = unit.root, child(unit.root, "spec")
    wanted = child(spec, "chart")
    if wanted is None:
        return None
    if (content := child(spec, "chartContent")) is not None:
        raise Refused(content, "a HelmChart that holds its chart, not analysed")
    repository = text(child(spec, "repo")) or ""
    chart = remote(wanted, repository, text(wanted) or "", child(spec, "version"), repository)
    home, name = text(child(root, "metadata", "namespace")) or "", text(child(root, "metadata", "name")) or ""
    values = _k3s_values(spec, chart)
    configs = around.repositories.chart_configs.get((home, name), ())
    if len(configs) > 1:
        values.append(chart.doubt(wanted, f"in {len(configs)} objects HelmChartConfig"))
    for config in configs[:1]:
        values += _k3s_values(config, chart)
    sets = tuple(_k3s_set(str(one.key.value), one.value) for one in entries(child(spec, "set")))
    return chart.release(name, text(child(spec, "targetNamespace")) or home, values, sets)


def _k3s_values(spec: Node | None, chart: Chart) -> list[str | Inline]:
    given = [one for key in ("valuesContent", "values") if (one := child(spec, key)) is not None]
    found: list[str | Inline] = [inline(one) for one in given]
    if len(given) > 1:
        found.append(chart.doubt(given[1], "in values and in valuesContent"))
    if (secrets := child(spec, "valuesSecrets")) is not None:
        found.append(chart.doubt(secrets, "in valuesSecrets"))
    return found


def _k3s_set(name: str, node: Node) -> Set:
    said = text(node) or ""
    typed = isinstance(node, Scalar) and not isinstance(node.value, str)
    return Set(name, said, "--set" if typed or said.lower() in ("true", "false", "null") else "--set-string", node)
