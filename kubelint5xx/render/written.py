"""What files and renderings say, value by value: each with the keys that lead to it and the object that it is of."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, child, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import yaml
from kubelint5xx.formats.embedded import embedded


@record
class Written:
    """One value. ``keys`` lead to it (the items of a list have none), ``owner`` is the object's kind and name."""

    span: Span
    keys: tuple[str, ...]
    owner: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        return self.keys[-1] if self.keys else ""

    def likeness(self, keys: tuple[str, ...], owner: tuple[str, str]) -> int:
        """How many of the last keys are the same; far more where object and keys are."""
        same = 0
        for a, b in zip(reversed(self.keys), reversed(keys), strict=False):
            if a.lower() != b.lower():
                break
            same += 1
        return same + (100 if owner == self.owner and self.keys == keys else 0)


def written_in(source: Source) -> Iterator[Written]:
    """Every value of a YAML file, in its order; of a patch or a file that stands in a value, the values in it."""
    for document in yaml.read(source).documents:
        yield from written_below(document.root)


def written_below(root: Node, keys: tuple[str, ...] = ()) -> Iterator[Written]:
    """Every value below ``root``, to which ``keys`` lead."""
    yield from _below(root, keys, _owner(root))


def _below(node: Node, keys: tuple[str, ...], owner: tuple[str, str]) -> Iterator[Written]:
    if isinstance(node, Scalar):
        inner = _inner(node)
        for document in inner:
            yield from written_below(document.root)
        if not inner:
            yield Written(node.span.in_file(), keys, owner)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _below(item, keys, owner)
    elif isinstance(node, Mapping):
        for entry in node.entries:
            yield from _below(entry.value, (*keys, str(entry.key.value)), owner)


def _owner(root: Node) -> tuple[str, str]:
    return text(child(root, "kind")) or "", text(child(root, "metadata", "name")) or ""


def _inner(scalar: Scalar) -> tuple[Document, ...]:
    said = text(scalar) or ""
    if "\n" not in said and not said.startswith(("[", "{")):
        return ()
    source = embedded(scalar)
    if source.inside is None or source.inside.indent is None:
        return ()
    return tuple(one for one in yaml.read(source).documents if isinstance(one.root, (Mapping, Sequence)))
