"""Releases of known charts, which are not in the tree: the objects that they make, without any tool."""

from __future__ import annotations

from collections.abc import Callable

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval.helm_values import assigned, merged, read_values
from kubelint5xx.eval.known_charts import Wanted, objects_of_release
from kubelint5xx.formats import yaml
from kubelint5xx.render.release import Inline, Release

# Helm takes these in this order, however they are given.
_FLAGS = ("--set", "--set-string", "--set-file")


def documents_of(
    release: Release, header: Span, load: Callable[[str], Source | None]
) -> tuple[list[Document], list[Problem]]:
    """The objects of a release, and a line for what is not known of them. ``load`` reads a file of the tree."""
    values: Node = Mapping(header)
    for given in release.values:
        values = merged(values, _values(given, header, load))
    for one in sorted(release.sets, key=lambda one: _FLAGS.index(one.flag)):
        place = one.node.span if one.node is not None else header
        value = one.node if isinstance(one.node, (Scalar, Unresolved)) else Scalar(place, one.value, one.value, True)
        if one.flag == "--set-file":
            source = load(one.value)
            value = _whole(source) if source is not None else Unresolved(place, f"{one.value} cannot be read")
        values = assigned(values, one.name, value, place, one.flag != "--set")
    name, namespace = (Scalar(header, said, said, True) for said in (release.name, release.namespace or "default"))
    wanted = Wanted(release.address, release.version, name, namespace, values, header)
    roots, problems = objects_of_release(wanted)
    home = header.in_file().path
    return [Document(header.source, "chart", root, release.address, "", home) for root in roots], problems


def _values(given: str | Inline, header: Span, load: Callable[[str], Source | None]) -> Node:
    if isinstance(given, Inline):
        return read_values(given.node)
    source = load(given)
    documents = yaml.read(source).documents if source is not None else ()
    if source is None or len(documents) > 1:
        return Unresolved(header, f"{given} cannot be read")
    root = documents[0].root if documents else Mapping(header)
    return Unresolved(root.span, f"{given} holds no values") if isinstance(root, Sequence) else root


def _whole(source: Source) -> Scalar:
    return Scalar(Span(source, 0, len(source.text)), source.text, source.text, True)
