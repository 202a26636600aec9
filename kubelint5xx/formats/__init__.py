"""Readers of syntax: text in, nodes with spans out. One module a syntax, found by its name.

A reader module has

* ``read(source: Source) -> Reading``: never raises on bad input; what cannot be read is a problem in the reading;
* optionally ``lookup(root: Node, key: str, port: int | None) -> tuple[Node, ...]``: where a hop table's key is
  set in a document of this syntax, in the order in which later ones win. Without it a key is a path of mapping
  keys joined by dots;
* for programming languages, ``modules`` and ``constant``, by which a name leads into another file (``hops.sources``).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol, cast

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Node, Sequence, Unresolved
from kubelint5xx.core.source import Source


class Reader(Protocol):
    def read(self, source: Source) -> Reading: ...


class Lookup(Protocol):
    def __call__(self, root: Node, key: str, port: int | None) -> tuple[Node, ...]: ...


@cache
def reader(name: str) -> Reader:
    """The reader module of the format ``name``. Raises ModuleNotFoundError for a name that no module has."""
    return cast(Reader, import_module(f"kubelint5xx.formats.{name}"))


def lookup(name: str, root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """Where ``key`` is set in a document of the format ``name``, later ones winning."""
    own = cast("Lookup | None", getattr(reader(name), "lookup", None))
    return own(root, key, port) if own else by_path(root, key.split("."))


def by_path(root: Node, path: list[str]) -> tuple[Node, ...]:
    """Every node at a path of mapping keys; a key may also stand undivided, as properties files write it.

    ``*`` stands for every item of a sequence, and for every key of a mapping.
    """
    if isinstance(root, Unresolved) or not path:
        return (root,)
    if isinstance(root, Sequence) and path[0] == "*":
        return tuple(found for item in root.items for found in by_path(item, path[1:]))
    if not isinstance(root, Mapping):
        return ()
    found: list[Node] = []
    for entry in root.entries:
        key = str(entry.key.value)
        for cut in range(1, len(path) + 1):
            if key == ".".join(path[:cut]) or (path[0] == "*" and cut == 1):
                found.extend(by_path(entry.value, path[cut:]))
    return tuple(found)
