"""Configurations of directories: each extends that of the directory around it, for its own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from kubelint5xx.config import Config, Environment, joined_assume
from kubelint5xx.core.record import replace

T = TypeVar("T")


def extended(outer: Config, inner: Config) -> Config:
    """``outer`` for the files of a directory that has ``inner``.

    ``include`` and ``select`` say what there is to check: the inner one alone. Other lists are those of both, and of
    other settings each counts as the inner one gives it, if it does.
    """
    return replace(
        outer,
        include=inner.include or outer.include,
        exclude=(*outer.exclude, *inner.exclude),
        select=inner.select or outer.select,
        ignore=(*outer.ignore, *inner.ignore),
        per_path_ignore={**outer.per_path_ignore, **inner.per_path_ignore},
        severity={**outer.severity, **inner.severity},
        budgets={**outer.budgets, **inner.budgets},
        links=(*outer.links, *inner.links),
        servers=_first(inner.servers, outer.servers),
        complete=outer.complete | inner.complete,
        volatile=_first(inner.volatile, outer.volatile, inner.stable),
        stable=_first(inner.stable, outer.stable, inner.volatile),
        cluster={**outer.cluster, **inner.cluster},
        assume=joined_assume((outer.assume, inner.assume)),
        rules={**outer.rules, **inner.rules},
        var_files=(*outer.var_files, *inner.var_files),
        variables={**outer.variables, **inner.variables},
        charts=(*outer.charts, *inner.charts),
        overlays=tuple(dict.fromkeys((*outer.overlays, *inner.overlays))),
        environments=_environments(outer.environments, inner.environments),
        nested={},
    )


def nested(whole: Config, directories: Mapping[str, Config]) -> Config:
    """``whole`` with the configurations of ``directories``, each extending the nearest one around it.

    All of them have the environments of all: one that only a directory has is like none elsewhere.
    """
    found: dict[str, Config] = {}
    for directory in sorted(directories):
        found[directory] = extended(replace(whole, nested=found).at(directory), directories[directory])
    names = [name for one in (whole, *found.values()) for name in one.environments]
    every = dict.fromkeys(names, Environment())
    complete = replace(whole, nested=found)
    return complete.changed(lambda part: replace(part, environments={**every, **part.environments}))


def _environments(outer: Mapping[str, Environment], inner: Mapping[str, Environment]) -> dict[str, Environment]:
    return {**outer, **{name: _environment(outer.get(name, Environment()), own) for name, own in inner.items()}}


def _environment(outer: Environment, inner: Environment) -> Environment:
    return Environment(
        var_files=(*outer.var_files, *inner.var_files),
        variables={**outer.variables, **inner.variables},
        charts=(*outer.charts, *inner.charts),
        overlays=tuple(dict.fromkeys((*outer.overlays, *inner.overlays))),
        cluster={**outer.cluster, **inner.cluster},
        include=inner.include or outer.include,
        exclude=(*outer.exclude, *inner.exclude),
        assume=joined_assume((outer.assume, inner.assume)),
    )


def _first(inner: Mapping[str, T], outer: Mapping[str, T], taken_back: Mapping[str, T] | None = None) -> dict[str, T]:
    """Patterns of which the first that matches counts: the inner ones before the outer ones."""
    left = {pattern: said for pattern, said in outer.items() if pattern not in inner}
    return {**inner, **{pattern: said for pattern, said in left.items() if pattern not in (taken_back or ())}}
