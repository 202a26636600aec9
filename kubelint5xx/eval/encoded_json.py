"""JSON that stands as a text in another language, also where parts of the text are not known."""

from __future__ import annotations

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Entry, Mapping, Node, Scalar, Sequence, Unresolved, text

_MARKS = (UNKNOWN, ATTRIBUTE)


def decoded(node: Scalar | Unresolved) -> Node:
    """What a text in JSON says. Texts in it of which parts are not known are unresolved; so is what is no JSON."""
    if isinstance(node, Scalar):
        return _read(node, text(node) or "", "")
    return _read(Scalar(node.span, node.text, node.text, True), node.text, node.reason) if node.text else node


def _read(scalar: Scalar, content: str, reason: str) -> Node:
    from kubelint5xx.formats import json
    from kubelint5xx.formats.embedded import embedded

    source = embedded(scalar) if not reason else embedded(scalar, content)
    reading = json.read(source)
    if not reading.documents:
        return Unresolved(scalar.span, reason or "they are not JSON")
    return _marked(reading.documents[0].root, reason, 0) if reason else reading.documents[0].root


def _marked(node: Node, reason: str, depth: int) -> Node:
    """The node with texts that hold something unknown as such."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and any(mark in node.value for mark in _MARKS):
        return Unresolved(node.span, reason, text=node.value)
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(_marked(item, reason, depth + 1) for item in node.items))
    if isinstance(node, Mapping):
        entries = tuple(Entry(entry.key, _marked(entry.value, reason, depth + 1)) for entry in node.entries)
        return Mapping(node.span, entries, node.open)
    return node
