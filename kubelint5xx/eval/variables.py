"""Where the variables of a module get their values: a call's arguments, or variable files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelint5xx.core.node import Node, Reference
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.expression import Evaluator, Step
from kubelint5xx.eval.operand import Budget, Failure
from kubelint5xx.formats.hcl import Block, Body

# What stands in a block for Terraform itself, not for the resource or the module.
META = ("count", "for_each")
MODULE_META = (*META, "source", "version", "providers", "depends_on")


@record
class Inputs:
    """The arguments of a module call, evaluated where the call stands."""

    block: Block
    evaluator: Evaluator

    def value(self, name: str) -> Node | None:
        attribute = None if name in MODULE_META else self.block.attribute(name)
        return self.evaluator.value(attribute.expression) if attribute else None


class VariableFiles:
    """The values of a root module's variables, the strongest place first."""

    def __init__(self, bodies: Sequence[Body], given: Mapping[str, Node]) -> None:
        self._given = given
        self._attributes = {attribute.name: attribute for body in bodies for attribute in body.attributes()}
        self._evaluator = Evaluator(_NoScope(), Budget())

    def value(self, name: str) -> Node | None:
        if name in self._given:
            return self._given[name]
        attribute = self._attributes.get(name)
        return self._evaluator.value(attribute.expression) if attribute else None


class _NoScope:
    def resolve(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        raise Failure(span, "a variable file can only hold constants")

    def written(self, reference: Reference, attribute: str) -> Node | None:
        return None
