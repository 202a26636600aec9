"""HCL expressions as data: what ``formats.hcl`` makes of an expression's syntax, for ``eval`` to compute."""

from __future__ import annotations

from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span


@record
class Literal:
    """A number, boolean, null, or a string without interpolation."""

    span: Span
    value: str | int | float | bool | None
    raw: str
    quoted: bool = False


@record
class Template:
    """A string with interpolations or directives. ``parts`` are literal texts and what stands between them."""

    span: Span
    parts: tuple[str | Expression | TemplateIf | TemplateFor, ...]


@record
class TemplateIf:
    condition: Expression
    then: Template
    otherwise: Template


@record
class TemplateFor:
    key: str
    item: str
    collection: Expression
    body: Template


@record
class Name:
    """A root name: ``var``, ``local``, a resource type, or the variable of a ``for``."""

    span: Span
    name: str


@record
class Attr:
    span: Span
    name: str


@record
class Index:
    span: Span
    key: Expression


@record
class Splat:
    """``[*]`` or ``.*`` with the steps that are taken into every item."""

    span: Span
    steps: tuple[Step, ...]


Step = Attr | Index | Splat


@record
class Traversal:
    span: Span
    root: Expression
    steps: tuple[Step, ...]


@record
class Call:
    """``expand`` tells that the last argument is a list to spread (``f(a, b...)``)."""

    span: Span
    name: str
    arguments: tuple[Expression, ...]
    expand: bool = False


@record
class Unary:
    span: Span
    operator: str
    operand: Expression


@record
class Binary:
    span: Span
    operator: str
    left: Expression
    right: Expression


@record
class Conditional:
    span: Span
    condition: Expression
    then: Expression
    otherwise: Expression


@record
class TupleOf:
    span: Span
    items: tuple[Expression, ...]


@record
class ObjectOf:
    span: Span
    entries: tuple[tuple[Expression, Expression], ...]


@record
class For:
    """``[for key, item in collection : value if condition]``; with ``result_key`` it makes an object."""

    span: Span
    key: str
    item: str
    collection: Expression
    value: Expression
    result_key: Expression | None = None
    condition: Expression | None = None
    grouping: bool = False


@record
class Unreadable:
    span: Span
    reason: str


Expression = (
    Literal | Template | Name | Traversal | Call | Unary | Binary | Conditional | TupleOf | ObjectOf | For | Unreadable
)
