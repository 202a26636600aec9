"""The tree that every format's reader makes: scalars, sequences and mappings, each with its span.

A reader never fails on what it cannot evaluate: an expression becomes ``Unresolved`` with its reason, and a
pointer to another object becomes ``Reference``. So whoever reads a tree meets the unknown as a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span


@record
class Scalar:
    """A value that is written. ``value`` is what the format's consumer reads; ``raw`` is the decoded text.

    ``via`` lists the places that the value came through on its way here, nearest to the use first: a Terraform
    variable's use, an environment variable's reference. ``span`` is where a person would change it. ``encodes``: of
    what a text was made by encoding it, with the places that the text itself does not have.
    """

    span: Span
    value: str | int | float | bool | None
    raw: str = ""
    quoted: bool = False
    via: tuple[Span, ...] = ()
    encodes: Node | None = None


@record
class Sequence:
    span: Span
    items: tuple[Node, ...] = ()


@record
class Entry:
    """A key and its value. ``span`` of the key is where something *missing* below it is reported."""

    key: Scalar
    value: Node


@record
class Mapping:
    """Entries in the order of the file. A key may repeat: ``get`` gives the last one, ``every`` gives all.

    ``open`` tells why more entries may exist than are seen (an unresolved merge, a dynamic block); empty means
    that all of them are here.
    """

    span: Span
    entries: tuple[Entry, ...] = ()
    open: str = ""

    def entry(self, key: str) -> Entry | None:
        for entry in reversed(self.entries):
            if entry.key.value == key:
                return entry
        return None

    def get(self, key: str) -> Node | None:
        found = self.entry(key)
        return found.value if found else None

    def every(self, key: str) -> Iterator[Node]:
        return (entry.value for entry in self.entries if entry.key.value == key)

    def keys(self) -> list[str]:
        return [str(entry.key.value) for entry in self.entries]


@record
class Reference:
    """A pointer to another object that evaluation leaves in place, such as ``aws_lb.web.arn``.

    ``address`` names the object (``aws_lb.web``, ``module.net.aws_lb.web``), ``attribute`` the way into it.
    """

    span: Span
    address: str
    attribute: tuple[str, ...] = ()
    via: tuple[Span, ...] = ()


@record
class Unresolved:
    """Something is written here whose value cannot be known from the files; ``reason`` says why.

    ``text`` is what is known of a text, with ``ATTRIBUTE`` where an attribute of another object stands in it, and
    ``UNKNOWN`` where it may be anything. ``encodes``: what a text in an encoding is made of, known or not.
    """

    span: Span
    reason: str
    via: tuple[Span, ...] = ()
    text: str = ""
    encodes: Node | None = None


# No text of a configuration has these: the object replacement and the replacement character.
ATTRIBUTE, UNKNOWN = "\ufffc", "\ufffd"


Node = Scalar | Sequence | Mapping | Reference | Unresolved


def child(node: Node | None, *path: str | int) -> Node | None:
    """The node at ``path`` below ``node``, or None where a step is missing or of another type.

    A step through an ``Unresolved`` or ``Reference`` gives that node itself: what lies below is unknown, not absent.
    """
    for step in path:
        if isinstance(node, (Unresolved, Reference)):
            return node
        if isinstance(node, Mapping) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, Sequence) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def text(node: Node | None) -> str | None:
    """The text of a scalar that has one (numbers and booleans in their written form), else None."""
    if not isinstance(node, Scalar) or node.value is None:
        return None
    return node.value if isinstance(node.value, str) else node.raw or str(node.value)


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a sequence, else nothing."""
    return node.items if isinstance(node, Sequence) else ()


def entries(node: Node | None) -> tuple[Entry, ...]:
    """The entries of a mapping, else nothing."""
    return node.entries if isinstance(node, Mapping) else ()
