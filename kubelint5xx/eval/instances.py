"""Blocks evaluated: how many instances ``count`` and ``for_each`` make, and what each instance's body says."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.expression import Evaluator
from kubelint5xx.eval.operand import Failure, Unknown, is_null, made, ordered, string, whole, why_unknown
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl import Attribute, Block, Body

_MAX_INSTANCES = 500
_MAX_DYNAMIC = 10
_NAMING = ("ignore_changes", "replace_triggered_by")


@record
class Instance:
    """One instance: its key, the names that its body sees, and, where the number is unknown, why."""

    key: int | str | None = None
    bound: dict[str, Node] = field(default_factory=dict)
    unknown: str = ""

    def suffix(self) -> str:
        if self.key is None:
            return ""
        return f"[{self.key}]" if isinstance(self.key, int) else f'["{self.key}"]'


def instances(block: Block, evaluator: Evaluator) -> tuple[Instance, ...]:
    """The instances of a resource, data or module block. Of an unknown number there is one, without a key."""
    count, for_each = block.attribute("count"), block.attribute("for_each")
    if count:
        node = evaluator.value(count.expression)
        try:
            number = whole(node)
            if number > _MAX_INSTANCES:
                raise Unknown(f"count is more than {_MAX_INSTANCES}")
        except (Unknown, Failure) as error:
            index = Unresolved(count.span, f"the number of instances is not known: {error.reason}")
            return (Instance(None, {"count": _object(count.span, index=index)}, index.reason),)
        indexes = range(max(0, number))
        return tuple(Instance(i, {"count": _object(count.span, index=made(count.span, i))}) for i in indexes)
    if for_each:
        pairs, unknown = each(evaluator.value(for_each.expression))
        found = [Instance(string(key), {"each": _object(for_each.span, key=key, value=value)}) for key, value in pairs]
        if unknown or len(found) > _MAX_INSTANCES:
            reason = f"the instances are not known: {unknown or 'there are too many'}"
            node = Unresolved(for_each.span, reason)
            found = found[:_MAX_INSTANCES]
            found.append(Instance(None, {"each": _object(for_each.span, key=node, value=node)}, reason))
        return tuple(found)
    return (Instance(),)


def each(collection: Node) -> tuple[list[tuple[Scalar, Node]], str]:
    """The keys and values that ``for_each`` goes over, and why there may be more."""
    reason = why_unknown(collection)
    if reason:
        return [], reason
    if isinstance(collection, Mapping):
        entries = collection.entries if collection.open else ordered(collection)
        return [(entry.key, entry.value) for entry in entries], collection.open
    if not isinstance(collection, Sequence):
        return [], "" if is_null(collection) else "for_each is given something that is not a map or a set"
    pairs: list[tuple[Scalar, Node]] = []
    for item in collection.items:
        if isinstance(item, Scalar) and item.value is not None:
            pairs.append((made(item.span, string(item), item), item))
        else:
            reason = why_unknown(item) or "for_each is given something that is not a map or a set"
    return pairs, reason


def evaluated(span: Span, body: Body, evaluator: Evaluator, skip: tuple[str, ...] = (), depth: int = 0) -> Mapping:
    """A body as a mapping. Nested blocks repeat their type as the key; attributes that are null are left out.

    An attribute's key has the span of its name, a block's key that of its header.
    """
    return _Evaluated(span, body, evaluator, skip, depth)


class _Evaluated(Mapping):
    """A body whose items are evaluated when they are asked for: of all those in a tree's resources, a quarter is."""

    __slots__ = ("_body", "_depth", "_evaluator", "_found", "_skip", "_span")

    def __init__(self, span: Span, body: Body, evaluator: Evaluator, skip: tuple[str, ...], depth: int) -> None:
        self._span = span
        self._body, self._evaluator, self._skip, self._depth = body, evaluator, skip, depth
        self._found: dict[int, tuple[list[Entry], str]] = {}

    @property
    def span(self) -> Span:
        return self._span

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for at in range(len(self._body.items)) for entry in self._of(at)[0])

    @property
    def open(self) -> str:
        reasons = ["a part of this block could not be read"] if self._body.unread else []
        reasons += [self._of(at)[1] for at, item in enumerate(self._body.items) if _is_dynamic(item)]
        return "; ".join(reason for reason in dict.fromkeys(reasons) if reason)

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in reversed(self._named(key))), None)

    def every(self, key: str) -> Iterator[Node]:
        return (entry.value for entry in self._named(key))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return (self.span, self.entries, self.open) == (other.span, other.entries, other.open)

    def __hash__(self) -> int:
        return hash((self.span, self.entries, self.open))

    def _named(self, key: str) -> list[Entry]:
        places = [at for at, item in enumerate(self._body.items) if _makes(item) == key]
        return [entry for at in places for entry in self._of(at)[0]]

    def _of(self, at: int) -> tuple[list[Entry], str]:
        if at not in self._found:
            self._found[at] = self._made(self._body.items[at])
        return self._found[at]

    def _made(self, item: Attribute | Block) -> tuple[list[Entry], str]:
        """What one item says, and why it may say more."""
        if isinstance(item, Attribute):
            if item.name in self._skip:
                return [], ""
            value = _names(item) if item.name in _NAMING else self._evaluator.value(item.expression)
            return [] if is_null(value) else [Entry(Scalar(item.name_span, item.name, item.name), value)], ""
        if item.type in self._skip:
            return [], ""
        if _is_dynamic(item):
            return _dynamic(item, self._evaluator, self._depth)
        key = Scalar(item.header, item.type, item.type)
        return [Entry(key, _nested(item.span, item.body, self._evaluator, self._depth))], ""


def _is_dynamic(item: Attribute | Block) -> bool:
    return isinstance(item, Block) and item.type == "dynamic" and len(item.labels) == 1


def _makes(item: Attribute | Block) -> str:
    """The key of the entries that an item makes."""
    if isinstance(item, Block):
        return item.labels[0] if _is_dynamic(item) else item.type
    return item.name


def _nested(span: Span, body: Body, evaluator: Evaluator, depth: int) -> Node:
    if depth >= _MAX_DYNAMIC:
        return Unresolved(span, "blocks are nested too deeply")
    return evaluated(span, body, evaluator, (), depth + 1)


def word(expression: ast.Expression) -> str:
    """What stands where a name is wanted: bare, or in quotes as JSON has it."""
    return expression.raw if isinstance(expression, ast.Literal) else expression.span.text


def _names(attribute: Attribute) -> Node:
    """The attributes that a lifecycle block names: words of the configuration, not values."""
    match attribute.expression:
        case ast.TupleOf(span, items):
            return Sequence(span, tuple(Scalar(item.span, word(item), word(item)) for item in items))
        case expression:
            return Scalar(expression.span, word(expression), word(expression))


def _dynamic(block: Block, evaluator: Evaluator, depth: int) -> tuple[list[Entry], str]:
    name = block.labels[0]
    for_each, content = block.body.attribute("for_each"), next(block.body.blocks("content"), None)
    iterator = block.body.attribute("iterator")
    variable = word(iterator.expression) if iterator else name
    if for_each is None or content is None:
        return [], f'the dynamic block "{name}" has no for_each or no content'
    collection = evaluator.value(for_each.expression)
    pairs: list[tuple[Node, Node]] = []
    unknown = why_unknown(collection)
    if isinstance(collection, Sequence):
        # A block's iterator may go over a list of anything; its key is then the index.
        pairs = [(made(for_each.span, index), item) for index, item in enumerate(collection.items)]
    elif not unknown:
        known, unknown = each(collection)
        pairs.extend(known)
    if len(pairs) > _MAX_INSTANCES:
        pairs, unknown = pairs[:_MAX_INSTANCES], "there are too many"
    key_of_block = Scalar(block.header, name, name)
    entries: list[Entry] = []
    for key, value in pairs:
        inner = evaluator.bind({variable: _object(for_each.span, key=key, value=value)})
        entries.append(Entry(key_of_block, _nested(content.span, content.body, inner, depth)))
    return entries, f'the dynamic block "{name}" depends on a value that is not known: {unknown}' if unknown else ""


def _object(span: Span, **values: Node) -> Mapping:
    return Mapping(span, tuple(Entry(Scalar(span, name, name), value) for name, value in values.items()))
