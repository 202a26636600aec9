"""A set of named files: the one input of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Tree(Protocol):
    """Files by path, relative, with forward slashes. Immutable during a check."""

    def paths(self) -> Iterable[str]:
        """All paths, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of ``path``. Raises OSError with a reason fit for the user."""
        ...


class MemoryTree:
    """Files held in memory: streams, editor buffers, the examples inside rules."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self._files = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}

    def paths(self) -> Iterable[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError(f"no such file: {path}") from None
