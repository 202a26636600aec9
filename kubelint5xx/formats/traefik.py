"""Traefik's static configuration file, in TOML or YAML; which of them is seen from the text, since ConfigMaps and
``--configFile`` may call it by any name."""

from __future__ import annotations

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Node
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source
from kubelint5xx.formats import by_address, by_path, toml, yaml

_TOML = pattern(r"(?:\s+|#[^\n]*\n)*+(?:\[\[?[\w.\" -]+\]\]?\s*(?:\n|#|\Z)|[\w.-]+[ \t]*=)")


def read(source: Source) -> Reading:
    """The documents of the file."""
    reading = toml.read(source) if _TOML.match(source.text) else yaml.read(source)
    documents = tuple(Document(source, "traefik", document.root) for document in reading.documents)
    return Reading(documents, reading.problems)


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """A path of keys joined by dots; ``<address>`` is the entry point that the port belongs to."""
    return by_address.lookup(root, key, port) if by_address.FREE in key else by_path(root, key.split("."))
