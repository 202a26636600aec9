"""The kernel of a group's nodes, as far as the image that they are launched from tells it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.value import Derived, Value, Version, Written

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
