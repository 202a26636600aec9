"""A quantity's value with its origin: where it is written, which default it is, or what it was computed from.

Unknown is a value: ``data`` is None and ``reason`` says why. The confidence of a finding follows from the origins of
the values that decided it, and no rule says anything about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import IntEnum

from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span


class Confidence(IntEnum):
    """How sure a value is. HIGH: written. MEDIUM: a default, and every place that could set it was seen.

    LOW: a place that could set it was not seen, or something was assumed.
    """

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    def __str__(self) -> str:
        return self.name.lower()


class Severity(IntEnum):
    """INFO: worth knowing. WARNING: requests can fail, depending on timing or load. ERROR: requests fail for certain
    in ordinary operation (traffic, a deploy, a scale-in)."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


@record
class Written:
    """The value stands at ``span``; ``setting`` is the key's name as its reader knows it, ``unit`` the unit that the
    text is in (``s``, ``ms``, or empty where the text carries its own). ``via``: places that it came through."""

    span: Span
    setting: str = ""
    unit: str = ""
    via: tuple[Span, ...] = ()


@record
class Default:
    """Nobody set it, so ``product``'s own default holds. ``place`` is the object or block that could set it.

    ``unseen`` lists the places named by the product's table that could set it and were not read; ``setting`` is the
    key that would set it (empty: nothing can, it is the product's nature), ``cite`` the primary source.
    """

    product: str
    setting: str = ""
    cite: str = ""
    place: Span | None = None
    unseen: tuple[str, ...] = ()


@record
class Derived:
    """Computed from ``inputs``; ``how`` says what was computed, for readers of the evidence."""

    how: str
    inputs: tuple[Value, ...] = ()


@record
class Assumed:
    """Taken to hold although no file says so; ``why`` says what was assumed. ``place``: what it was assumed from."""

    why: str
    place: Span | None = None


Origin = Written | Default | Derived | Assumed


@record
class Version:
    """A version number, compared by its numeric parts. Only the parts that are written take part: 1.14 holds every
    1.14.x, so a comparison that depends on a part that is missing is unknown (see ``compare``)."""

    parts: tuple[int, ...]
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """The version in ``text`` (``v1.29.0-eksbuild.1`` is 1.29.0), or None where it holds none."""
        parts: list[int] = []
        for part in text.strip().removeprefix("v").split("."):
            digits = ""
            for character in part:
                if not character.isascii() or not character.isdigit():
                    break
                digits += character
            if not digits:
                break
            parts.append(int(digits[:9]))
            if digits != part:
                break
        return cls(tuple(parts), text.strip()) if parts else None

    def orders(self, other: Version) -> tuple[int, ...]:
        """Every order (-1, 0, 1) towards ``other`` that the parts which are not written here leave possible.

        ``other`` is a rule's bound and stands for all that begins like it: 1.15.3 equals the bound 1.15.
        """
        for mine, theirs in zip(self.parts, other.parts, strict=False):
            if mine != theirs:
                return (-1,) if mine < theirs else (1,)
        missing = other.parts[len(self.parts) :]
        if any(missing):
            return -1, 0, 1
        return (0, 1) if missing else (0,)

    def compare(self, other: Version) -> int | None:
        """-1, 0 or 1; None where the parts that are written do not decide."""
        orders = self.orders(other)
        return orders[0] if len(orders) == 1 else None

    def __str__(self) -> str:
        return self.text.removeprefix("v") or ".".join(map(str, self.parts))


@record
class Members:
    """A set of subjects. ``open`` says why there may be more than are seen; ``assumed`` why it was taken as closed."""

    items: tuple[Subject, ...] = ()
    open: str = ""
    assumed: str = ""


Data = float | bool | str | Version | Members | None


@record
class Value:
    """``data`` in the vocabulary's unit (durations: seconds, unlimited: infinity), or None with a ``reason``.

    ``most``: the largest number that can be set in its place.
    """

    data: Data
    origin: Origin
    reason: str = ""
    most: float = math.inf

    @property
    def known(self) -> bool:
        return self.data is not None

    @classmethod
    def unknown(cls, reason: str, place: Span | None = None) -> Value:
        return cls(None, Written(place) if place else Assumed(reason), reason)

    @property
    def place(self) -> Span | None:
        """Where a person would look: the written text, else the block that could set it."""
        match self.origin:
            case Written(span=span):
                return span
            case Default(place=place) | Assumed(place=place):
                return place
            case Derived(inputs=inputs):
                return next((value.place for value in inputs if value.place), None)

    @property
    def confidence(self) -> Confidence:
        sure = Confidence.HIGH
        match self.origin:
            case Default(unseen=unseen, setting=setting):
                sure = Confidence.LOW if unseen else Confidence.MEDIUM if setting else Confidence.HIGH
            case Assumed():
                sure = Confidence.LOW
            case Derived(inputs=inputs):
                sure = min((value.confidence for value in inputs), default=Confidence.HIGH)
            case Written():
                pass
        if isinstance(self.data, Members) and self.data.assumed:
            sure = Confidence.LOW
        return sure


@record
class Join:
    """Why two things were taken to belong together. ``assumed``: no file says so, it was the only candidate."""

    said: str
    place: Span | None = None
    assumed: bool = False


@record(eq=False)
class Subject:
    """Something that a rule speaks about, with the values of its quantities by their names in the vocabulary.

    ``kind`` is one of the vocabulary's kinds, ``name`` how a message calls it ("the ALB aws_lb.web"), ``place`` the
    key or block that declares it, ``joins`` how it came to stand where it does.
    """

    kind: str
    name: str
    place: Span | None
    values: dict[str, Value]
    joins: tuple[Join, ...] = ()

    def read(self, quantity: str) -> Value:
        """The value of ``quantity``; unknown where nothing was said about it."""
        found = self.values.get(quantity)
        return found if found is not None else Value.unknown(f"{quantity} of {self.name} was not read", self.place)

    @property
    def confidence(self) -> Confidence:
        return Confidence.LOW if any(join.assumed for join in self.joins) else Confidence.HIGH


def doubted(value: Value, joins: Iterable[Join]) -> Value:
    """The value as it is known where it rests on ``joins``: it is no surer than they are."""
    for join in joins:
        if join.assumed:
            assumed = Value(value.data, Assumed(join.said, join.place or value.place), value.reason)
            value = Value(value.data, Derived(join.said, (value, assumed)), value.reason)
    return value


def in_words(data: Data) -> str:
    """A value's data as messages print it. Durations are floats, in seconds; whole versions, texts as they are."""
    match data:
        case None:
            return "unknown"
        case bool():
            return "yes" if data else "no"
        case float():
            if math.isinf(data):
                return "no limit"
            if 0 < abs(data) < 1:
                return f"{data * 1000:g} ms"
            return f"{data:.15g} s"
        case Members():
            return ", ".join(item.name for item in data.items) or "none"
        case _:
            return str(data)
