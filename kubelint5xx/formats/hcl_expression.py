"""HCL expressions as data: what ``formats.hcl`` makes of an expression's syntax, for ``eval`` to compute."""

from __future__ import annotations

from dataclasses import dataclass

from kubelint5xx.core.source import Span


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, boolean, null, or a string without interpolation."""

    span: Span
    value: str | int | float | bool | None
    raw: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A string with interpolations or directives. ``parts`` are literal texts and what stands between them."""

    span: Span
    parts: tuple[str | Expression | TemplateIf | TemplateFor, ...]


@dataclass(frozen=True, slots=True)
class TemplateIf:
    condition: Expression
    then: Template
    otherwise: Template


@dataclass(frozen=True, slots=True)
class TemplateFor:
    key: str
    item: str
    collection: Expression
    body: Template


@dataclass(frozen=True, slots=True)
class Name:
    """A root name: ``var``, ``local``, a resource type, or the variable of a ``for``."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class Attr:
    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    span: Span
    key: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """``[*]`` or ``.*`` with the steps that are taken into every item."""

    span: Span
    steps: tuple[Step, ...]


Step = Attr | Index | Splat


@dataclass(frozen=True, slots=True)
class Traversal:
    span: Span
    root: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """``expand`` tells that the last argument is a list to spread (``f(a, b...)``)."""

    span: Span
    name: str
    arguments: tuple[Expression, ...]
    expand: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    span: Span
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    span: Span
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    span: Span
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class TupleOf:
    span: Span
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    span: Span
    entries: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Unreadable:
    span: Span
    reason: str


Expression = (
    Literal | Template | Name | Traversal | Call | Unary | Binary | Conditional | TupleOf | ObjectOf | For | Unreadable
)
