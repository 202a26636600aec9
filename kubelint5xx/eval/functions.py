"""Terraform's functions over nodes, as far as they are pure and common.

A function takes the call's span, its arguments and the budget. It hands written nodes on where it only chooses
among them, so that their spans survive. It raises Unknown or Failure as ``operand`` defines them; a wrong number of
arguments may surface as IndexError or TypeError, which the caller turns into a Failure.

Semantics: https://developer.hashicorp.com/terraform/language/functions
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.source import Span
from kubelint5xx.eval.collection_functions import COLLECTION
from kubelint5xx.eval.operand import (
    Budget,
    Failure,
    Function,
    Unknown,
    boolean,
    is_null,
    known,
    made,
    number,
    string,
)
from kubelint5xx.eval.text_functions import TEXT


def _convert(to: Callable[[Node], str | int | float | bool]) -> Function:
    def convert(span: Span, arguments: list[Node], budget: Budget) -> Node:
        (value,) = arguments
        return value if is_null(value) else made(span, to(value), value)

    return convert


def _rounded(to: Callable[[float], int | float]) -> Function:
    def rounded(span: Span, arguments: list[Node], budget: Budget) -> Node:
        (value,) = arguments
        return made(span, to(number(value)))

    return rounded


def _extreme(sign: int) -> Function:
    def extreme(span: Span, arguments: list[Node], budget: Budget) -> Node:
        found = max(arguments, key=lambda node: sign * number(node))
        return made(span, number(found), found)

    return extreme


def _coalesce(span: Span, arguments: list[Node], budget: Budget) -> Node:
    for argument in arguments:
        if isinstance(argument, Unresolved) and argument.text:
            # A text of which a part is known is one with a value.
            return argument
        value = known(argument)
        if not (isinstance(value, Scalar) and value.value in (None, "")):
            return value
    raise Failure(span, "coalesce() has no argument with a value")


def _sensitive(span: Span, arguments: list[Node], budget: Budget) -> Node:
    raise Unknown("marked sensitive")


def _same(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    return argument


FUNCTIONS: dict[str, Function] = {
    **TEXT,
    **COLLECTION,
    "abs": _rounded(abs),
    "ceil": _rounded(math.ceil),
    "coalesce": _coalesce,
    "floor": _rounded(math.floor),
    "max": _extreme(1),
    "min": _extreme(-1),
    "nonsensitive": _same,
    "sensitive": _sensitive,
    "tobool": _convert(boolean),
    "tonumber": _convert(number),
    "tostring": _convert(string),
}
