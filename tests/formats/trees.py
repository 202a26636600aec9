"""Documents of source readers as plain values."""

from __future__ import annotations

from typing import Any

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import reader

UNKNOWN = "unknown"


def tree(form: str, text: str, path: str = "a") -> Mapping:
    reading = reader(form).read(Source(path, text))
    assert not reading.problems
    root = reading.documents[0].root
    assert isinstance(root, Mapping)
    return root


def plain(node: Node | None) -> Any:
    match node:
        case Mapping():
            return {str(entry.key.value): plain(entry.value) for entry in node.entries}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value
        case Unresolved():
            return UNKNOWN
    return None
