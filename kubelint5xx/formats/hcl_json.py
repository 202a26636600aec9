"""The JSON syntax of HCL, as Terraform's files use it (``.tf.json``, ``.tofu.json``, ``.tfvars.json``).

Strings are templates. What an object stands for depends on a provider's schema, which is not known here: an array of
objects is read as blocks of one type, any other value as an attribute; whoever looks for blocks finds both.
Syntax: https://developer.hashicorp.com/terraform/language/syntax/json
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats import json
from kubelint5xx.formats.hcl import Attribute, Block, Body
from kubelint5xx.formats.hcl_expression import Expression
from kubelint5xx.formats.hcl_template import Places, read_expression, read_template

# How many labels the blocks have that Terraform evaluates.
_LABELS = {"resource": 2, "data": 2, "module": 1, "variable": 1, "output": 1, "locals": 0}
_MAX_DEPTH = 100
_Reading = Callable[[Node], Expression]


# A module that several roots call is read once.
@lru_cache(maxsize=256)
def parse(source: Source) -> tuple[Body, tuple[Problem, ...]]:
    """The blocks of a configuration, and what is wrong with the text. Each is read when it is asked for."""
    root, problems = _root(source)
    if not isinstance(root, Mapping):
        return Body(Span(source, 0, len(source.text)), (), (Span(source, 0, 0),)), problems
    blocks = [
        block
        for entry in root.entries
        if (kind := str(entry.key.value)) in _LABELS
        for block in _labelled(kind, (), entry.key, entry.value, _LABELS[kind])
    ]
    return Body(root.span, tuple(blocks)), problems


def parse_variables(source: Source) -> tuple[Body, tuple[Problem, ...]]:
    """The values in a variable file. Its strings are taken as they stand."""
    root, problems = _root(source)
    entries = root.entries if isinstance(root, Mapping) else ()
    return Body(Span(source, 0, len(source.text)), tuple(_attribute(entry, _constant) for entry in entries)), problems


def _root(source: Source) -> tuple[Node | None, tuple[Problem, ...]]:
    reading = json.read(source)
    # A repeated key is one more block here, not a mistake.
    problems = [problem for problem in reading.problems if problem.kind != "notice"]
    root = reading.documents[0].root if reading.documents else None
    if root is not None and not isinstance(root, Mapping):
        problems.append(Problem(source.path, root.span.line, "a configuration in JSON is an object"))
    return root, tuple(problems)


def _labelled(kind: str, labels: tuple[str, ...], key: Scalar, value: Node, left: int) -> Iterator[Block]:
    """The blocks below a label. At each level an array may stand for several objects."""
    if isinstance(value, Sequence):
        for item in value.items:
            if isinstance(item, Mapping):
                yield from _labelled(kind, labels, key, item, left)
    elif isinstance(value, Mapping):
        if not left:
            yield Block(kind, labels, key.span, value.span, partial(_body, kind, value))
            return
        for entry in _meant(value):
            yield from _labelled(kind, (*labels, str(entry.key.value)), entry.key, entry.value, left - 1)


def _meant(value: Mapping) -> Iterator[Entry]:
    # Terraform's way to write a comment.
    return (entry for entry in value.entries if entry.key.value != "//")


def _body(kind: str, value: Mapping) -> Body:
    if kind == "variable":
        return Body(value.span, tuple(_of_variable(entry) for entry in _meant(value)))
    if kind in ("resource", "data"):
        return _of_resource(value)
    return Body(value.span, tuple(_attribute(entry, _expression) for entry in _meant(value)))


def _of_variable(entry: Entry) -> Attribute:
    value = entry.value
    if entry.key.value == "type" and isinstance(value, Scalar) and isinstance(value.value, str):
        text, span = value.value, Span(value.span.source, value.span.start + 1, value.span.end - 1)
        read = partial(read_expression, text, span, _places(value))
        return Attribute("type", entry.key.span, _both(entry), read)
    return _attribute(entry, _constant)


def _of_resource(value: Mapping) -> Body:
    items: list[Attribute | Block] = []
    for entry in _meant(value):
        inner, name = entry.value, str(entry.key.value)
        if name == "dynamic":
            items.extend(_dynamic(entry.key, inner))
        elif isinstance(inner, Sequence) and inner.items and all(isinstance(item, Mapping) for item in inner.items):
            items.extend(_block(name, entry.key, item) for item in inner.items if isinstance(item, Mapping))
        elif isinstance(inner, Mapping) and (name == "lifecycle" or _holds_dynamic(inner)):
            items.append(_block(name, entry.key, inner))
        else:
            items.append(_attribute(entry, _expression))
    return Body(value.span, tuple(items))


def _block(name: str, key: Scalar, value: Mapping) -> Block:
    return Block(name, (), key.span, value.span, partial(_of_resource, value))


def _dynamic(key: Scalar, value: Node) -> Iterator[Block]:
    """``"dynamic": {"TYPE": {"for_each": …, "content": {…}}}``; arrays may stand at both levels."""
    for outer in value.items if isinstance(value, Sequence) else (value,):
        for entry in _meant(outer) if isinstance(outer, Mapping) else ():
            for one in entry.value.items if isinstance(entry.value, Sequence) else (entry.value,):
                if isinstance(one, Mapping):
                    read = partial(_of_dynamic, one)
                    yield Block("dynamic", (str(entry.key.value),), entry.key.span, one.span, read)


def _of_dynamic(value: Mapping) -> Body:
    items: list[Attribute | Block] = []
    for entry in _meant(value):
        inner = entry.value
        content = inner.items[0] if isinstance(inner, Sequence) and len(inner.items) == 1 else inner
        if entry.key.value == "content" and isinstance(content, Mapping):
            items.append(_block("content", entry.key, content))
        else:
            items.append(_attribute(entry, _expression))
    return Body(value.span, tuple(items))


def _holds_dynamic(value: Node) -> bool:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Sequence):
            waiting.extend(node.items)
        elif isinstance(node, Mapping):
            if isinstance(node.get("dynamic"), (Mapping, Sequence)):
                return True
            waiting.extend(entry.value for entry in node.entries)
    return False


def _attribute(entry: Entry, read: _Reading) -> Attribute:
    name = str(entry.key.value)
    return Attribute(name, entry.key.span, _both(entry), partial(read, entry.value))


def _both(entry: Entry) -> Span:
    return Span(entry.key.span.source, entry.key.span.start, entry.value.span.end)


def _constant(node: Node, depth: int = 0) -> Expression:
    return _expression(node, depth, constant=True)


def _expression(node: Node, depth: int = 0, constant: bool = False) -> Expression:
    if depth > _MAX_DEPTH:
        return ast.Unreadable(node.span, "this expression is nested too deeply to be read")
    match node:
        case Scalar(span, str() as value):
            if constant:
                return ast.Literal(span, value, value, quoted=True)
            return read_template(value, span, _places(node))
        case Scalar(span, value, raw):
            return ast.Literal(span, value, raw or "null")
        case Sequence(span, items):
            return ast.TupleOf(span, tuple(_expression(item, depth + 1, constant) for item in items))
        case Mapping(span, entries):
            pairs = [
                (_expression(entry.key, depth + 1, constant), _expression(entry.value, depth + 1, constant))
                for entry in entries
            ]
            return ast.ObjectOf(span, tuple(pairs))
        case Unresolved(span, reason):
            return ast.Unreadable(span, reason)
    return ast.Unreadable(node.span, "this expression could not be read")


def _places(scalar: Scalar) -> Places:
    """Where each code point of a string's value stands in the file: escapes take more of it than one."""
    span = scalar.span
    first = span.start + 1
    if "\\" not in span.text:
        return lambda at: first + at
    text, starts, at = span.text, list[int](), 1
    while at < len(text) - 1:
        starts.append(span.start + at)
        if text[at] != "\\":
            at += 1
        elif text[at + 1] != "u":
            at += 2
        else:
            # A pair of surrogates is one code point.
            high = 0xD800 <= int(text[at + 2 : at + 6], 16) < 0xDC00 and text[at + 6 : at + 8] == "\\u"
            at += 12 if high and 0xDC00 <= int(text[at + 8 : at + 12], 16) < 0xE000 else 6
    starts.append(span.end - 1)
    return lambda at: starts[min(at, len(starts) - 1)]
