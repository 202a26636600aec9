"""What checked expressions run as: closures in three-valued logic, each with the values that decided its outcome.

Logic is Kleene's: ``unknown and false`` is false, ``unknown or true`` is true, else what is unknown stays unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from kubelint5xx.core.record import record
from kubelint5xx.core.value import Data, Derived, Members, Subject, Value, Version, Written

Bindings = Mapping[str, Subject | Value]


@record
class Read:
    """One value that an expression read; ``name`` is how the expression called it (``receiver.idle_timeout``)."""

    name: str
    value: Value


@record
class Outcome:
    """What an expression came to. ``data`` is None where the files do not decide, with the ``reason``."""

    data: Data
    reads: tuple[Read, ...] = ()
    reason: str = ""

    def as_value(self, text: str) -> Value:
        """The outcome of the expression ``text`` as a value: the one that was read, or one that is derived."""
        if len(self.reads) == 1:
            only = self.reads[0].value
            # By type too: a comparison that came to True is not the number 1 that it read.
            if type(only.data) is type(self.data) and only.data == self.data:
                return only
        return Value(self.data, Derived(text, tuple(read.value for read in self.reads)), self.reason)


Code = Callable[[Bindings], Outcome]


def constant(data: Data) -> Code:
    outcome = Outcome(data)
    return lambda _: outcome


def bound(name: str) -> Code:
    """The value that is bound to ``name``."""

    def run(bindings: Bindings) -> Outcome:
        found = bindings[name]
        if isinstance(found, Subject):
            return Outcome(None, (), f"{name} stands for a whole {found.kind}")
        return Outcome(found.data, (Read(name, found),), found.reason)

    return run


def quantity(name: str, of: str) -> Code:
    """The quantity ``of`` of the subject that is bound to ``name``."""
    path = f"{name}.{of}"

    def run(bindings: Bindings) -> Outcome:
        subject = bindings[name]
        if not isinstance(subject, Subject):
            return Outcome(None, (), f"{name} is not there")
        value = subject.read(of)
        return Outcome(value.data, (Read(path, value),), value.reason)

    return run


def negate(code: Code) -> Code:
    def run(bindings: Bindings) -> Outcome:
        outcome = code(bindings)
        return outcome if outcome.data is None else Outcome(not outcome.data, outcome.reads)

    return run


def junction(parts: list[Code], decisive: bool) -> Code:
    """``or`` where True is decisive, ``and`` where False is: one such part decides, else all of them do."""

    def run(bindings: Bindings) -> Outcome:
        reads: list[Read] = []
        unknown: Outcome | None = None
        for part in parts:
            outcome = part(bindings)
            if outcome.data is decisive:
                return outcome
            if outcome.data is None:
                unknown = unknown or outcome
            reads.extend(outcome.reads)
        return Outcome(None, tuple(reads), unknown.reason) if unknown else Outcome(not decisive, tuple(reads))

    return run


def compare(left: Code, right: Code, test: Callable[[int], bool]) -> Code:
    """``test`` tells whether an order (-1, 0 or 1) is what the comparison asks for."""

    def run(bindings: Bindings) -> Outcome:
        a, b = left(bindings), right(bindings)
        reads = a.reads + b.reads
        if a.data is None or b.data is None:
            return Outcome(None, reads, a.reason if a.data is None else b.reason)
        answers = {test(order) for order in _orders(a.data, b.data)}
        if len(answers) > 1:
            return Outcome(None, reads, f"{a.data} is not exact enough to compare with {b.data}")
        return Outcome(answers.pop(), reads)

    return run


def _orders(a: Data, b: Data) -> tuple[int, ...]:
    if isinstance(a, Version) and isinstance(b, Version):
        return a.orders(b)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return ((a > b) - (a < b),)
    return (0 if a == b else 1,)


def contained(code: Code, options: frozenset[str], wanted: bool) -> Code:
    def run(bindings: Bindings) -> Outcome:
        outcome = code(bindings)
        return outcome if outcome.data is None else Outcome((outcome.data in options) is wanted, outcome.reads)

    return run


def combine(parts: list[Code], apply: Callable[[list[float]], float]) -> Code:
    """A number from numbers."""

    def run(bindings: Bindings) -> Outcome:
        outcomes = [part(bindings) for part in parts]
        reads = tuple(read for outcome in outcomes for read in outcome.reads)
        numbers: list[float] = []
        for outcome in outcomes:
            if not isinstance(outcome.data, (int, float)):
                return Outcome(None, reads, outcome.reason)
            numbers.append(float(outcome.data))
        result = apply(numbers)
        if math.isnan(result):
            return Outcome(None, reads, "nothing can be computed of two that have no limit")
        return Outcome(result, reads)

    return run


def is_written(code: Code) -> Code:
    """Whether all that was read stands in a file."""

    def run(bindings: Bindings) -> Outcome:
        outcome = code(bindings)
        if outcome.data is None:
            return outcome
        return Outcome(all(_written(read.value) for read in outcome.reads), outcome.reads)

    return run


def _written(value: Value) -> bool:
    match value.origin:
        case Written():
            return True
        case Derived(inputs=inputs):
            return bool(inputs) and all(_written(part) for part in inputs)
    return False


def quantify(members: Code, test: Code, item: str, decisive: bool, negated: bool) -> Code:
    """Over all members of a set: one that tests true decides `any` and `none`, one that tests false decides `all`.

    Where none does, the set has to be closed for an answer.
    """

    def run(bindings: Bindings) -> Outcome:
        found = members(bindings)
        if not isinstance(found.data, Members):
            return found
        reads, unknown = list(found.reads), ""
        for member in found.data.items:
            outcome = test({**bindings, item: member})
            if outcome.data is decisive:
                return Outcome(decisive is not negated, outcome.reads)
            if outcome.data is None:
                unknown = unknown or outcome.reason
            reads.extend(outcome.reads)
        if unknown or found.data.open:
            return Outcome(None, tuple(reads), unknown or found.data.open)
        return Outcome(decisive is negated, tuple(reads))

    return run
