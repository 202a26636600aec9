"""The configuration file: YAML text to ``Config``. Every error has its place, and an unknown key the nearest one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from posixpath import dirname, join, normpath
from typing import Any

from kubelint5xx.config import BUDGETS, PROJECT_FILE, Chart, Config, Environment, Link
from kubelint5xx.config_values import mapping_of, seconds_of, texts_of, unknown_key
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, child, text
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Severity, Value, Written
from kubelint5xx.formats import reader

COMPLETE = ("lifecycle-hooks", "termination-handlers", "node-groups")
LINK_ENDS = ("service", "target_group", "image", "build", "manifests", "cluster", "node_group")
CLUSTER = ("kubernetes_version", "kube_proxy_version", "kube_proxy_mode", "kernel")
_SEVERITIES = {str(severity): severity for severity in Severity}


def load_config(source: Source, rules: Callable[[Config], Collection[str]] = lambda config: ()) -> Config:
    """The configuration in ``source``. Raises InputError at the first thing in it that cannot be used.

    ``rules`` gives the slugs and groups that exist under a configuration, to refuse all others; where it gives none,
    none is refused.
    """
    root = _root(source)
    if root is None:
        return Config()
    mapping = mapping_of(root, "the configuration")
    config = Config()
    named: list[tuple[Span, str]] = []
    for entry in mapping.entries:
        key = str(entry.key.value)
        decode = _DECODE.get(key)
        if decode is None:
            raise unknown_key(entry.key, key, list(_DECODE))
        decoded = decode(entry.value)
        name = "per_path_ignore" if key == "per-path-ignore" else key
        # What Terraform and the renderers need is several fields.
        config = replace(config, **(decoded if key in _PARTS else {name: decoded}))
        named.extend(_slugs(key, entry.value))
    config = _from_root(config, dirname(source.path))
    if known := rules(config):
        for at, slug in named:
            if slug not in known:
                raise InputError.at(at, no_such_rule(slug, known))
    return config


def _root(source: Source) -> Node | None:
    """The configuration as a node; None where there is none. Of a pyproject.toml it is the table of this program."""
    project = source.path.rpartition("/")[2] == PROJECT_FILE
    reading = reader("toml" if project else "yaml").read(source)
    for problem in reading.problems:
        raise InputError(problem.message, problem.path, problem.line, problem.column)
    if len(reading.documents) > 1:
        raise InputError.at(reading.documents[1].root.span, "a second document; the configuration is only one")
    root = reading.documents[0].root if reading.documents else None
    return child(root, "tool", "kubelint5xx") if project else root


def no_such_rule(name: str, known: Collection[str]) -> str:
    """What to say of a slug or group that does not exist."""
    near = get_close_matches(name, sorted(known), 1)
    hint = f"; did you mean {near[0]!r}?" if near else "; `kubelint5xx rules` lists them"
    return f"{name!r} is no rule and no group{hint}"


def _slugs(key: str, node: Node) -> Iterator[tuple[Span, str]]:
    """The names of rules and groups in the value of a key of the configuration, with their places."""
    if key in ("select", "ignore"):
        for item in node.items if isinstance(node, Sequence) else (node,):
            yield item.span, text(item) or ""
    elif key in ("severity", "per-path-ignore") and isinstance(node, Mapping):
        for entry in node.entries:
            if key == "severity":
                yield entry.key.span, str(entry.key.value)
            else:
                yield from _slugs("ignore", entry.value)


def _charts_from(charts: tuple[Chart, ...], base: str) -> tuple[Chart, ...]:
    return tuple(
        replace(
            chart,
            directory=chart.directory if chart.repository else normpath(join(base, chart.directory)),
            values=tuple(normpath(join(base, path)) for path in chart.values),
        )
        for chart in charts
    )


def _from_root(config: Config, base: str) -> Config:
    """The configuration with its paths, which are written relative to its own directory, from the tree's root."""
    if not base:
        return config
    return replace(
        config,
        include=tuple(join(base, pattern) for pattern in config.include),
        exclude=tuple(join(base, pattern) for pattern in config.exclude),
        var_files=tuple(normpath(join(base, path)) for path in config.var_files),
        charts=_charts_from(config.charts, base),
        overlays=tuple(normpath(join(base, path)) for path in config.overlays),
        environments={
            name: replace(
                own,
                var_files=tuple(normpath(join(base, path)) for path in own.var_files),
                charts=_charts_from(own.charts, base),
                overlays=tuple(normpath(join(base, path)) for path in own.overlays),
                include=tuple(join(base, pattern) for pattern in own.include),
                exclude=tuple(join(base, pattern) for pattern in own.exclude),
            )
            for name, own in config.environments.items()
        },
        rules={normpath(join(base, folder)): span for folder, span in config.rules.items()},
        per_path_ignore={join(base, pattern): slugs for pattern, slugs in config.per_path_ignore.items()},
        links=tuple(
            replace(
                link,
                ends={
                    kind: normpath(join(base, end)) if kind in ("build", "manifests") else end
                    for kind, end in link.ends.items()
                },
            )
            for link in config.links
        ),
    )


def _named(node: Node) -> dict[str, Span]:
    """A list of texts, each with its place."""
    texts_of(node)
    return {text(item) or "": item.span for item in (node.items if isinstance(node, Sequence) else (node,))}


def _budgets(node: Node) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for entry in mapping_of(node, "budgets").entries:
        key = str(entry.key.value)
        if key not in BUDGETS:
            raise unknown_key(entry.key, key, list(BUDGETS))
        seconds = seconds_of(entry.value)
        if seconds is None:
            raise InputError.at(entry.value.span, f"{key} is not a duration such as 5s")
        found[key] = Value(seconds, Written(entry.value.span, f"budgets.{key}"))
    return found


def _severity(node: Node) -> dict[str, Severity]:
    found: dict[str, Severity] = {}
    for entry in mapping_of(node, "severity").entries:
        severity = _SEVERITIES.get(text(entry.value) or "")
        if severity is None:
            raise InputError.at(entry.value.span, f"a severity is one of {', '.join(_SEVERITIES)}")
        found[str(entry.key.value)] = severity
    return found


def _per_path(node: Node) -> dict[str, tuple[str, ...]]:
    return {str(entry.key.value): texts_of(entry.value) for entry in mapping_of(node, "per-path-ignore").entries}


def _links(node: Node) -> tuple[Link, ...]:
    if not isinstance(node, Sequence):
        raise InputError.at(node.span, "links is not a list")
    found: list[Link] = []
    for item in node.items:
        ends: dict[str, str] = {}
        for entry in mapping_of(item, "a link").entries:
            key, value = str(entry.key.value), entry.value
            if key not in LINK_ENDS:
                raise unknown_key(entry.key, key, list(LINK_ENDS))
            if not isinstance(value, Scalar) or not isinstance(value.value, str):
                raise InputError.at(value.span, f"{key} of a link is not a text")
            ends[key] = value.value
        if len(ends) < 2:
            raise InputError.at(item.span, "a link joins two things")
        found.append(Link(ends, item.span))
    return tuple(found)


def _complete(node: Node) -> frozenset[str]:
    names = texts_of(node)
    for name in names:
        if name not in COMPLETE:
            raise InputError.at(node.span, f"{name!r} is not a set that can be complete: {', '.join(COMPLETE)}")
    return frozenset(names)


def _servers(node: Node) -> dict[str, Node]:
    """Names of hop tables, with a version: ``node@20``."""
    entries = mapping_of(node, "servers").entries
    for entry in entries:
        if not isinstance(entry.value, Scalar) or not isinstance(entry.value.value, str):
            raise InputError.at(entry.value.span, "a server is a text such as node@20")
    return {str(entry.key.value): entry.value for entry in entries}


def _cluster(node: Node) -> dict[str, Node]:
    entries = mapping_of(node, "cluster").entries
    for entry in entries:
        key = str(entry.key.value)
        if key not in CLUSTER:
            raise unknown_key(entry.key, key, list(CLUSTER))
        # A version may be written as a number: its digits are read, 1.30 is not 1.3.
        if text(entry.value) is None or isinstance(getattr(entry.value, "value", None), bool):
            raise InputError.at(entry.value.span, f"{key} is not a text")
    return {str(entry.key.value): entry.value for entry in entries}


def _terraform(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in mapping_of(node, "terraform").entries:
        key = str(entry.key.value)
        if key == "var-files":
            found["var_files"] = texts_of(entry.value)
        elif key == "vars":
            variables = mapping_of(entry.value, "vars").entries
            found["variables"] = {str(variable.key.value): variable.value for variable in variables}
        else:
            raise unknown_key(entry.key, key, ["var-files", "vars"])
    return found


def _helm(node: Node) -> dict[str, Any]:
    if not isinstance(node, Sequence):
        raise InputError.at(node.span, "helm is not a list of charts")
    return {"charts": tuple(map(_chart, node.items))}


def _chart(node: Node) -> Chart:
    found: dict[str, Any] = {}
    for entry in mapping_of(node, "a chart").entries:
        key, value = str(entry.key.value), entry.value
        if key == "values":
            found["values"] = texts_of(value)
        elif key == "set":
            found["sets"] = {str(one.key.value): one.value for one in mapping_of(value, "set").entries}
            for one in found["sets"].values():
                if not isinstance(one, Scalar):
                    raise InputError.at(one.span, "a value that is set is a text, a number, true or false")
        elif key == "version":
            found["version"] = value
        elif key in _OF_CHART:
            said = text(value)
            if not said:
                raise InputError.at(value.span, f"{key} is not a text")
            found["directory" if key == "chart" else key] = said
        else:
            raise unknown_key(entry.key, key, [*_OF_CHART, "set", "values", "version"])
    if "directory" not in found:
        raise InputError.at(node.span, "a chart is named by its directory: chart: charts/shop")
    return Chart(**found, span=node.span)


_OF_CHART = ("chart", "release", "namespace", "repository")


def _kustomize(node: Node) -> dict[str, Any]:
    return {"overlays": texts_of(node)}


def _assume(node: Node) -> dict[str, Node]:
    from kubelint5xx.config_assume import decode

    return decode(node)


def _environments(node: Node) -> dict[str, Environment]:
    return {
        str(entry.key.value): _environment(entry.value) for entry in mapping_of(node, "environments").entries
    }


def _environment(node: Node) -> Environment:
    found = Environment()
    if isinstance(node, Scalar) and node.value is None:
        return found
    for entry in mapping_of(node, "an environment").entries:
        key = str(entry.key.value)
        if key not in _OF_ENVIRONMENT:
            raise unknown_key(entry.key, key, list(_OF_ENVIRONMENT))
        decoded = _DECODE[key](entry.value)
        found = replace(found, **(decoded if key in _PARTS else {key: decoded}))
    return found


_PARTS = frozenset({"terraform", "helm", "kustomize"})
_OF_ENVIRONMENT = ("terraform", "helm", "kustomize", "cluster", "include", "exclude", "assume")

_DECODE: dict[str, Callable[[Node], Any]] = {
    "include": texts_of,
    "exclude": texts_of,
    "select": texts_of,
    "ignore": texts_of,
    "per-path-ignore": _per_path,
    "severity": _severity,
    "budgets": _budgets,
    "links": _links,
    "servers": _servers,
    "complete": _complete,
    "terraform": _terraform,
    "helm": _helm,
    "kustomize": _kustomize,
    "environments": _environments,
    "rules": _named,
    "assume": _assume,
    "volatile": _named,
    "stable": _named,
    "cluster": _cluster,
}
