"""Terraform's ``helm_release``: which chart it installs, and with which values.

Later ``values`` win over earlier ones; ``set``, ``set_list``, ``set_sensitive`` and ``set_wo`` follow in this order.
They are blocks to version 2 of the provider and lists of objects to version 3. The name of a ``set`` of type
``literal`` is one key, also with dots in it, and its value is YAML.
Sources: https://registry.terraform.io/providers/hashicorp/helm/latest/docs/resources/release, and getValues(),
getWriteOnlyValues() and getValue() in helm/resource_helm_release.go of hashicorp/terraform-provider-helm.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.helm_values import assigned, listed, literal, merged, read_values
from kubelint5xx.eval.resource import Resource

TYPE = "helm_release"
_SECRET = ("set_sensitive", "set_wo")
_SETS = ("set", "set_list", *_SECRET)


@record
class HelmRelease:
    """``values`` are all that the release gives, laid over each other; ``spelled`` names stand for unknown ones."""

    address: str
    chart: Node | None
    repository: str
    version: Node | None
    name: Node
    namespace: Node
    values: Node
    header: Span


def helm_release(resource: Resource) -> HelmRelease:
    """The release that a resource of type ``helm_release`` makes."""
    body, header = resource.body, resource.span
    return HelmRelease(
        resource.address,
        body.get("chart"),
        text(body.get("repository")) or "",
        body.get("version"),
        spelled(body.get("name"), header, resource.name, "{}"),
        spelled(body.get("namespace"), header, "default", "${{{}}}"),
        _values(body, header),
        header,
    )


def spelled(node: Node | None, header: Span, otherwise: str, form: str) -> Node:
    """A name, or what stands for one that is not known: the expression that gives it, so that equal ones are one."""
    if node is None:
        return Scalar(header, otherwise, otherwise, True)
    if not isinstance(node, (Unresolved, Reference)):
        return node
    said = (node.via[0] if node.via else node.span).text.strip('"')
    said = said[2:-1] if said.startswith("${") else said
    return Scalar(node.span, form.format(said), form.format(said), True)


def _values(body: Mapping, header: Span) -> Node:
    values: Node = Mapping(header)
    given = body.get("values")
    if isinstance(given, (Unresolved, Reference)):
        values = given
    for one in given.items if isinstance(given, Sequence) else ():
        values = _over(values, read_values(one))
    for kind in _SETS:
        for block in _blocks(body, kind):
            values = _set(values, kind, block)
    return merged(values, Mapping(header, (), body.open)) if body.open else values


def _over(values: Node, more: Node) -> Node:
    return merged(values, more) if isinstance(more, (Mapping, Unresolved, Reference)) else values


def _blocks(body: Mapping, kind: str) -> Iterator[Node]:
    for node in body.every(kind):
        yield from node.items if isinstance(node, Sequence) else (node,)


def _set(values: Node, kind: str, block: Node) -> Node:
    if not isinstance(block, Mapping):
        return merged(values, Mapping(block.span, (), f"a {kind} of its release is not known"))
    name, given = text(block.get("name")), block.get("value")
    if name is None:
        return merged(values, Mapping(block.span, (), f"the name of a {kind} of its release is not known"))
    place = block.span
    if kind in _SECRET:
        return assigned(values, name, Unresolved(place, f"{name} is given by {kind}, and not read"), place)
    if given is None:
        return values
    if kind == "set_list":
        known = given if isinstance(given, (Unresolved, Reference)) else listed(given, place)
        return assigned(values, name, known, place)
    if (form := text(block.get("type"))) == "literal":
        return literal(values, name, given, place)
    return assigned(values, name, given, place, form == "string")
