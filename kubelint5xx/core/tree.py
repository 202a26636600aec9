"""A set of named files: the one input of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Span


class Tree(Protocol):
    """Files by path, relative, with forward slashes. Immutable during a check."""

    def paths(self) -> Iterable[str]:
        """All paths, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of ``path``. Raises OSError with a reason fit for the user."""
        ...


@runtime_checkable
class Rendered(Tree, Protocol):
    """A tree in which a tool's output stands for files, with the way back from it."""

    problems: tuple[Problem, ...]

    def hidden(self) -> Iterable[str]:
        """The files that the output stands for."""
        ...

    def locate(self, span: Span, sure: bool = True) -> Span:
        """Where a person would change what stands at ``span``; the span itself where it is in a file.

        Unless ``sure``, the likeliest line of a template will do: knowing costs time.
        """
        ...

    def explain(self, problem: Problem) -> Problem:
        """The problem, told of a file that exists."""
        ...


def listed(tree: Tree, directory: str) -> Iterable[str]:
    """The files in ``directory`` itself, sorted: also those that ``paths`` leaves out, where the tree knows them."""
    own = getattr(tree, "listed", None)
    if own is not None:
        found: Iterable[str] = own(directory)
        return found
    return [path for path in tree.paths() if path.rpartition("/")[0] == directory]


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
