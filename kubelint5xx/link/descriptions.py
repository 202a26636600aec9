"""What AWS describes beside what Terraform and templates declare: each thing is read once, where it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.eval.described import Described
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import text_at
from kubelint5xx.link.scopes import may_meet
from kubelint5xx.link.terraform_root import BALANCERS, CLASSIC, LISTENER_RULES, LISTENERS, TARGET_GROUPS, Root

if TYPE_CHECKING:
    from kubelint5xx.link.terraform_root import Declared

_SAME = {**dict.fromkeys(BALANCERS, "aws_lb"), **dict.fromkeys(TARGET_GROUPS, "aws_lb_target_group")}


def roots_of(modules: Mapping[str, Declared], problems: list[Problem]) -> list[Root]:
    """The root modules, templates and descriptions of a tree. What is described is known to the others, which name it
    by its ARN or name; what they declare themselves is left out of it."""
    described = {path: module for path, module in sorted(modules.items()) if isinstance(module, Described)}
    roots = [Root(path, module) for path, module in sorted(modules.items()) if path not in described]
    for path, module in described.items():
        kept = _undeclared(module, roots, problems)
        described_root = Root(path, replace(module, made=kept))
        roots = [Root(one.directory, one.module, described_root) for one in roots]
        roots.append(described_root)
    return roots


def _undeclared(module: Described, roots: Iterable[Root], problems: list[Problem]) -> tuple[Resource, ...]:
    declared: dict[tuple[str, str], list[Resource]] = {}
    for root in roots:
        for resource in root.of((*BALANCERS, *TARGET_GROUPS, *CLASSIC)):
            name = text_at(resource.body, "name")
            if name:
                declared.setdefault((_SAME.get(resource.type, resource.type), name), []).append(resource)
    left_out: set[str] = set()
    for resource in module.made:
        for other in declared.get((resource.type, resource.name), ()):
            if may_meet(resource.span.path, other.span.path):
                place = resource.span
                message = f"{resource.name} is declared by {other.address}, which is analysed instead"
                problems.append(Problem(place.path, place.line, message, "notice", place.column))
                left_out.add(text_at(resource.body, "arn") or resource.address)
                break
    return tuple(resource for resource in module.made if not _belongs(resource, left_out))


def _belongs(resource: Resource, left_out: set[str]) -> bool:
    """Whether it is left out, or is a listener (or a rule) of a load balancer that is."""
    if resource.type in (*LISTENERS, *LISTENER_RULES):
        # …:listener/app/NAME/ID/LISTENER is of …:loadbalancer/app/NAME/ID.
        own = text_at(resource.body, "arn") or ""
        parts = own.replace(":listener-rule/", ":loadbalancer/").replace(":listener/", ":loadbalancer/").split("/")
        return "/".join(parts[:4]) in left_out
    return (text_at(resource.body, "arn") or resource.address) in left_out
