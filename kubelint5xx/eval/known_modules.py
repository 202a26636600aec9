"""Modules of the public registry whose arguments are known, for trees in which they are not installed.

A sketch (``modules/NAME_MAJOR.tf``) says in Terraform's own language what such a module makes of its arguments, as far
as request paths depend on it, with the module's own defaults and the names of its outputs. One sketch serves
several major versions; ``var.major`` tells which of them it is, where the version constraint does. A sketch may call
another one as the module calls its submodules, by the registry's address. The repository that the registry takes a
module from is the same module, with the version that its tag names.
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
_ANY = 10**6
_AWS = "terraform-aws-modules"
_NOTHING = """acm app-runner cloudwatch dynamodb-table ec2-instance ecr efs eks-pod-identity elasticache iam key-pair
kms opensearch rds rds-aurora route53 s3-bucket secrets-manager sns sqs ssm-parameter vpc"""
# By source address: the sketches of a module, each with the first and the last major version that it is true of.
_SKETCHES: dict[str, tuple[tuple[str, int, int], ...]] = {
    f"{_AWS}/alb/aws": (("alb_8", 6, 8), ("alb_9", 9, 10)),
    f"{_AWS}/autoscaling/aws": (("autoscaling_6", 6, 9),),
    f"{_AWS}/cloudfront/aws": (("cloudfront_1", 1, 4),),
    f"{_AWS}/ecs/aws": (("nothing", 0, 4), ("ecs_5", 5, 5), ("ecs_6", 6, 7)),
    f"{_AWS}/ecs/aws//modules/cluster": (("nothing", 5, 7),),
    f"{_AWS}/ecs/aws//modules/container-definition": (("ecs_container_5", 5, 5), ("ecs_container_6", 6, 7)),
    f"{_AWS}/ecs/aws//modules/service": (("ecs_service_5", 5, 5), ("ecs_service_6", 6, 7)),
    f"{_AWS}/eks/aws": (("eks_17", 12, 17), ("eks_18", 18, 21)),
    f"{_AWS}/eks/aws//modules/eks-managed-node-group": (("eks_managed_group_18", 18, 21),),
    f"{_AWS}/eks/aws//modules/fargate-profile": (("nothing", 18, 21),),
    f"{_AWS}/eks/aws//modules/karpenter": (("eks_karpenter_18", 18, 21),),
    f"{_AWS}/eks/aws//modules/node_groups": (("eks_node_groups_17", 12, 17),),
    f"{_AWS}/eks/aws//modules/self-managed-node-group": (("eks_own_group_18", 18, 21),),
    f"{_AWS}/elb/aws": (("elb_1", 1, 4),),
    f"{_AWS}/elb/aws//modules/elb": (("elb_inner_1", 1, 4),),
    "aws-ia/eks-blueprints-addon/aws": (("eks_blueprints_addon_1", 1, 1),),
    "aws-ia/eks-blueprints-addons/aws": (("eks_blueprints_addons_1", 1, 1),),
    "aws-ia/eks-blueprints-teams/aws": (("eks_blueprints_teams_1", 0, 1),),
}
# What is true of every version of a module, and of its submodules.
_OF_ANY_VERSION = {f"{_AWS}/{name}/aws": "nothing" for name in _NOTHING.split()} | {
    f"{_AWS}/security-group/aws": "security_group",
}
# https://developer.hashicorp.com/terraform/language/modules/sources#github
_GITHUB = pattern(
    r"(?:git::)?(?:(?:https://|ssh://)?(?:[\w.-]+@)?)github\.com[/:]"
    r"([\w-]+)/terraform-(\w+)-([\w-]+?)(?:\.git)?(?://([^?]+?))?/?(?:\?(.*))?"
)
_TAG = pattern(r"v?\d+(\.\d+)*")
_CONDITION = pattern(r"\s*(=|!=|>=|<=|>|<|~>)?\s*v?(\d{1,9}+)(\.\d{1,9}+)?(\.\d{1,9}+)?(?!\d)[\w.+-]*\s*")
_VARIABLE = pattern(r'^variable "(\w+)"', re.MULTILINE)


@record
class Sketch:
    """What is known of a module: its declarations, and its major version, unresolved where that is not known."""

    declared: Declarations
    major: Node


def sketch_of(source: str, version: Node | None, call: Block, header: Span) -> Sketch | None:
    """The sketch of the module that a ``call`` names, for places at ``header``; None where the module, or the version
    that the call asks for, is not known. What arguments it gives tells too: each version has its own."""
    name, version = _published(source, version, header)
    root, _, inner = name.partition("//")
    known = _SKETCHES.get(name, ())
    allowed = _majors(version)
    if root in _OF_ANY_VERSION:
        known, allowed = ((_OF_ANY_VERSION[root], 0, 0),), (0, 0)
    if allowed is None:
        return None
    found = [(file, max(first, allowed[0]), min(last, allowed[1])) for file, first, last in known]
    found = [(file, first, last) for file, first, last in found if first <= last]
    if len(found) > 1:
        declared = {argument for file, *_ in found for argument in _arguments(file)}
        given = declared & {argument.name for argument in call.body.attributes()}
        found = [one for one in found if given <= _arguments(one[0])]
    if len(found) != 1:
        return None
    file, first, last = found[0]
    module = name.replace("/aws", "", 1)
    major: Node = Unresolved(header, f"it is not known which version of {module} is used")
    product = module
    if first == last and root not in _OF_ANY_VERSION:
        major = Scalar(header, first, str(first))
        product = f"{module} {first}"
    cite = f"https://registry.terraform.io/modules/{root}" + (f"/latest/sub{inner}" if inner else "")
    place = Embedding(header, product=product, cite=cite)
    return Sketch(declarations({"main.tf": Source(header.path, _text(file), inside=place)}), major)


def _published(source: str, version: Node | None, header: Span) -> tuple[str, Node | None]:
    """The registry's address of a module, also where its repository is named, and the version that is asked for."""
    match = _GITHUB.fullmatch(source)
    if match is None:
        return source.removeprefix(_REGISTRY), version
    owner, provider, module, inner, query = match.groups()
    name = f"{owner}/{module}/{provider}" + (f"//{inner}" if inner else "")
    ref = next((part.removeprefix("ref=") for part in (query or "").split("&") if part.startswith("ref=")), "")
    # Without a reference it is the newest, as in the registry; a branch or a commit may be of any version.
    unknown = Unresolved(header, f"{ref} is no version")
    return name, (Scalar(header, ref, ref, True) if _TAG.fullmatch(ref) else unknown) if ref else None


@cache
def _text(file: str) -> str:
    return (Path(__file__).parent / "modules" / f"{file}.tf").read_text(encoding="utf-8")


@cache
def _arguments(file: str) -> frozenset[str]:
    return frozenset(_VARIABLE.findall(_text(file)))


def _majors(version: Node | None) -> tuple[int, int] | None:
    """The first and the last major version that a constraint allows; None where it is not known what it says.

    Syntax: https://developer.hashicorp.com/terraform/language/expressions/version-constraints
    """
    if version is None:
        return 0, _ANY
    if not isinstance(version, Scalar) or not isinstance(version.value, str):
        return None
    low, high = 0, _ANY
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
    return low, high


def _conditions(text: str) -> Iterator[tuple[str, int, str]]:
    for part in text.split(","):
        match = _CONDITION.fullmatch(part)
        if match is None:
            yield "?", 0, ""
        else:
            yield match[1] or "", int(match[2]), (match[3] or "") + (match[4] or "")
