"""Blocks evaluated: how many instances ``count`` and ``for_each`` make, and what each instance's body says."""

from __future__ import annotations

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
    entries: list[Entry] = []
    open_ = "a part of this block could not be read" if body.unread else ""
    for item in body.items:
        if isinstance(item, Attribute):
            if item.name in skip:
                continue
            value = _names(item) if item.name in _NAMING else evaluator.value(item.expression)
            if not is_null(value):
                entries.append(Entry(Scalar(item.name_span, item.name, item.name), value))
        elif item.type in skip:
            continue
        elif item.type == "dynamic" and len(item.labels) == 1:
            found, unknown = _dynamic(item, evaluator, depth)
            entries.extend(found)
            open_ = unknown or open_
        else:
            key = Scalar(item.header, item.type, item.type)
            entries.append(Entry(key, _nested(item.span, item.body, evaluator, depth)))
    return Mapping(span, tuple(entries), open_)


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
