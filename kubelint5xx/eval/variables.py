"""Where the variables of a module get their values: a call's arguments, or variable files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelint5xx.core.node import Node, Reference
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval.expression import Evaluator, Step
from kubelint5xx.eval.operand import Budget, Failure
from kubelint5xx.formats.hcl import Attribute, Block, Body

# What stands in a block for Terraform itself, not for the resource or the module.
META = ("count", "for_each")
MODULE_META = (*META, "source", "version", "providers", "depends_on")


@record
class Inputs:
    """The arguments of a module call, evaluated where the call stands. ``more`` are not written there."""

    block: Block
    evaluator: Evaluator
    more: Mapping[str, Node] = field(default_factory=dict)

    def value(self, name: str) -> Node | None:
        if name in self.more:
            return self.more[name]
        attribute = None if name in MODULE_META else self.block.attribute(name)
        return self.evaluator.value(attribute.expression) if attribute else None


class VariableFiles:
    """The values of a root module's variables: ``given`` ones win over ``planned`` ones, these over ``own`` files.

    ``others`` is the value of all the rest; None: they have that of ``ambient`` ones, or none here.
    Source: https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
    """

    def __init__(
        self,
        own: Sequence[Body],
        files: Sequence[Body],
        given: Mapping[str, Node],
        planned: Mapping[str, Node],
        others: Node | None = None,
        ambient: Mapping[str, Node] | None = None,
    ) -> None:
        self._given, self._planned, self._others, self._ambient = given, planned, others, ambient or {}
        self._own, self._files = _attributes(own), _attributes(files)
        self._evaluator = Evaluator(_NoScope(), Budget())

    def value(self, name: str) -> Node | None:
        if name in self._given:
            return self._given[name]
        attribute = self._files.get(name)
        if attribute is None and name in self._planned:
            return self._planned[name]
        attribute = attribute or self._own.get(name)
        if attribute is not None:
            return self._evaluator.value(attribute.expression)
        return self._others or self._ambient.get(name)


def _attributes(bodies: Sequence[Body]) -> dict[str, Attribute]:
    return {attribute.name: attribute for body in bodies for attribute in body.attributes()}


class _NoScope:
    def resolve(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        raise Failure(span, "a variable file can only hold constants")

    def written(self, reference: Reference, attribute: str) -> Node | None:
        return None

    def file(self, path: str) -> Source | None:
        return None
