"""The kernel of a group's nodes, as far as the image that they are launched from tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Derived, Value, Version, Written

if TYPE_CHECKING:
    from kubelint5xx.link.terraform_root import Declared

# Families of images with the oldest kernel that they have had; the first that matches counts.
_FAMILIES = (
    (pattern(r"al2023|amazon-?linux-?2023", re.I), "6.1"),
    (pattern(r"bottlerocket", re.I), "5.4"),
    (pattern(r"\bAL2_|amazon-eks-(?:gpu-|arm64-)?node-\d|amazon-?linux-?2\b|amzn2-", re.I), "4.14"),
    (pattern(r"ubuntu.*(?:22\.04|jammy)", re.I), "5.15"),
    (pattern(r"ubuntu.*(?:20\.04|focal)", re.I), "5.4"),
    (pattern(r"ubuntu.*(?:18\.04|bionic)", re.I), "4.15"),
)
# Where connection tracking was mended; families that began with a kernel before the other were never given one so new.
_MENDED, _NEVER_MENDED = Version((6, 1)), Version((5, 0))
_OLDER = "the nodes' kernel is not known, and is taken to be older than 6.1"
_NAMES = ("name", "name_regex", "value", "values", "filter")


def kernel_of(image: Node | None, module: Declared | None = None) -> Value | None:
    """At least which kernel an image has, by its type, family, name or parameter; None where that does not tell.

    An image that is looked up is followed to the data source of ``module`` that does so.
    """
    if isinstance(image, Reference) and module is not None:
        for resource in module.data(("aws_ami", "aws_ami_ids", "aws_ssm_parameter")):
            if resource.address == image.address:
                return _named(resource.body)
        return None
    return _family(image) if isinstance(image, Scalar) else None


def kernel_not_known(place: Span) -> Value:
    """The kernel of nodes whose image does not tell it."""
    return Value.unknown("the image of its nodes does not tell their kernel", place)


def oldest_kernel(kernels: Iterable[Value], place: Span | None) -> Value:
    """The oldest among the kernels of a cluster's nodes. ``kernels``: at least which one each group has.

    A group whose kernel is not known may have any: then one is assumed that comes before the mended ones.
    """
    found = list(kernels)
    versions = [value.data for value in found if isinstance(value.data, Version)]
    for value in found:
        if isinstance(value.data, Version) and value.data.compare(_NEVER_MENDED) == -1:
            return value
    if found and len(versions) == len(found) and all(version.compare(_MENDED) in (0, 1) for version in versions):
        return min(found, key=lambda value: value.data.parts if isinstance(value.data, Version) else ())
    return Value(Version((6, 0)), Assumed(_OLDER, place))


def _named(body: Mapping) -> Value | None:
    """The family in a data source's name or filters."""
    for entry in body.entries:
        if entry.key.value not in _NAMES:
            continue
        nodes: list[Node] = [entry.value, *items(entry.value)]
        for inner in entries(entry.value):
            nodes += [inner.value, *items(inner.value)]
        for node in nodes:
            found = _family(node) if isinstance(node, Scalar) else None
            if found is not None:
                return found
    return None


def _family(name: Scalar) -> Value | None:
    said = text(name) or ""
    for family, version in _FAMILIES:
        if family.search(said):
            written = Value(said, Written(name.span))
            return Value(Version.parse(version), Derived(f"such images have Linux {version} or later", (written,)))
    return None
