"""Modules of the public registry whose arguments are known, for trees in which they are not installed.

A sketch (``modules/NAME_MAJOR.tf``) says in Terraform's own language what such a module makes of its arguments, as far
as request paths depend on it, with the module's own defaults and the names of its outputs. One sketch serves
several major versions; ``var.major`` tells which of them it is, where the version constraint does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Embedding, Source, Span
from kubelint5xx.eval.declarations import Declarations, declarations
from kubelint5xx.formats.hcl import Block

_REGISTRY = "registry.terraform.io/"
# By source address: the sketches of a module, each with the first and the last major version that it is true of.
_SKETCHES: dict[str, tuple[tuple[str, int, int], ...]] = {
    "terraform-aws-modules/alb/aws": (("alb_8", 6, 8), ("alb_9", 9, 10)),
    "terraform-aws-modules/autoscaling/aws": (("autoscaling_6", 6, 9),),
    "terraform-aws-modules/eks/aws": (("eks_18", 18, 21),),
    "aws-ia/eks-blueprints-addons/aws": (("eks_blueprints_addons_1", 1, 1),),
}
_CONDITION = pattern(r"\s*(=|!=|>=|<=|>|<|~>)?\s*v?(\d+)(\.\d+)?(\.\d+)?[\w.+-]*\s*")
_VARIABLE = pattern(r'^variable "(\w+)"', re.MULTILINE)


@record
class Sketch:
    """What is known of a module: its declarations, and its major version, unresolved where that is not known."""

    declared: Declarations
    major: Node


def sketch_of(source: str, version: Node | None, call: Block, header: Span) -> Sketch | None:
    """The sketch of the module that a ``call`` names, for places at ``header``; None where the module, or the version
    that the call asks for, is not known. What arguments it gives tells too: each version has its own."""
    name = source.removeprefix(_REGISTRY)
    majors = _majors(version)
    if majors is None:
        return None
    found = [
        (file, meant)
        for file, first, last in _SKETCHES.get(name, ())
        if (meant := [major for major in range(first, last + 1) if any(low <= major <= high for low, high in majors)])
    ]
    if len(found) > 1:
        known = {argument for file, _ in found for argument in _arguments(file)}
        given = known & {argument.name for argument in call.body.attributes()}
        found = [(file, meant) for file, meant in found if given <= _arguments(file)]
    if len(found) != 1:
        return None
    file, meant = found[0]
    module = name.removesuffix("/aws")
    major: Node = Unresolved(header, f"it is not known which version of {module} is used")
    product = module
    if len(meant) == 1:
        major = Scalar(header, meant[0], str(meant[0]))
        product = f"{module} {meant[0]}"
    cite = f"https://registry.terraform.io/modules/{name}"
    place = Embedding(header, product=product, cite=cite)
    return Sketch(declarations({"main.tf": Source(header.path, _text(file), inside=place)}), major)


@cache
def _text(file: str) -> str:
    return (Path(__file__).parent / "modules" / f"{file}.tf").read_text(encoding="utf-8")


@cache
def _arguments(file: str) -> frozenset[str]:
    return frozenset(_VARIABLE.findall(_text(file)))


def _majors(version: Node | None) -> list[tuple[int, int]] | None:
    """The ranges of major versions that a constraint allows; None where it is not known what it says.

    Syntax: https://developer.hashicorp.com/terraform/language/expressions/version-constraints
    """
    if version is None:
        return [(0, 10**6)]
    if not isinstance(version, Scalar) or not isinstance(version.value, str):
        return None
    low, high = 0, 10**6
    for operator, major, rest in _conditions(version.value):
        if operator == "?":
            return None
        if operator in ("", "=") or (operator == "~>" and rest):
            low, high = max(low, major), min(high, major)
        elif operator in (">=", ">", "~>"):
            low = max(low, major)
        elif operator == "<=":
            high = min(high, major)
        elif operator == "<":
            high = min(high, major if any(int(part) for part in rest.split(".") if part) else major - 1)
    return [(low, high)]


def _conditions(text: str) -> Iterator[tuple[str, int, str]]:
    for part in text.split(","):
        match = _CONDITION.fullmatch(part)
        if match is None:
            yield "?", 0, ""
        else:
            yield match[1] or "", int(match[2]), (match[3] or "") + (match[4] or "")
