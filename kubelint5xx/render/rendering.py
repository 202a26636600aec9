"""What a tool made of a chart or an overlay, and a tree that shows it in place of the files it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Tree, listed

if TYPE_CHECKING:
    from kubelint5xx.render.trace import Trace

# Renders again with other texts in some files, and gives what comes out; None where that does not render.
Again = Callable[[Mapping[str, str]], str | None]


@record(eq=False)
class Rendering:
    """One stream of objects that a tool made.

    ``path`` is what the stream is called while it is read (no file of that name exists), ``recipe`` the command that a
    user would give to see it. ``files`` are those it was made from: they are not read by themselves. ``writable`` are
    those among them in which a person would set a value, the likeliest first; ``templates`` those that make the text
    around the values. ``home`` is the file that stands for the whole. ``namespace``: where objects without one are put.
    ``values``: the files among ``writable`` that hold nothing but values.
    """

    path: str
    text: str
    recipe: str
    home: str
    files: frozenset[str]
    writable: tuple[str, ...]
    templates: tuple[str, ...]
    again: Again
    namespace: str = ""
    values: frozenset[str] = frozenset()


class RenderedTree:
    """A tree with renderings in place of what they were made from.

    ``locate`` leads from a place in a rendering to the one in a file where a person would change it.
    """

    def __init__(self, tree: Tree, renderings: Iterable[Rendering], problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self._tree = tree
        self._renderings = {rendering.path: rendering for rendering in renderings}
        self._hidden = frozenset(path for one in self._renderings.values() for path in one.files)
        self._traces: dict[str, Trace] = {}

    def paths(self) -> Iterable[str]:
        """All paths, sorted: those of the renderings, and of all files that went into none."""
        return sorted({*self._renderings, *(path for path in self._tree.paths() if path not in self._hidden)})

    def read(self, path: str) -> bytes:
        """The bytes of a file or a rendering. Raises OSError with a reason fit for the user."""
        rendering = self._renderings.get(path)
        return rendering.text.encode() if rendering is not None else self._tree.read(path)

    def hidden(self) -> Iterable[str]:
        """The files that renderings stand for."""
        return sorted(self._hidden)

    def namespace_of(self, path: str) -> str:
        """The namespace of the objects in ``path`` that name none; empty where that is not known."""
        rendering = self._renderings.get(path)
        return rendering.namespace if rendering is not None else ""

    def listed(self, directory: str) -> Iterable[str]:
        """The files in ``directory``, as the tree below lists them."""
        return listed(self._tree, directory)

    def locate(self, span: Span, sure: bool = True) -> Span:
        """Where a person would change what stands at ``span``; the span itself where it is in a file.

        Unless ``sure``, nothing is rendered again, and the likeliest line of a template will do.
        """
        rendering = self._renderings.get(span.path)
        if rendering is None:
            return span
        if rendering.path not in self._traces:
            from kubelint5xx.render.trace import Trace

            self._traces[rendering.path] = Trace(rendering, self._source)
        return self._traces[rendering.path].locate(span, sure)

    def explain(self, problem: Problem) -> Problem:
        """The problem, told of the file that stands for the rendering in which it is."""
        rendering = self._renderings.get(problem.path)
        if rendering is None:
            return problem
        message = f"in line {problem.line} of what `{rendering.recipe}` prints: {problem.message}"
        return replace(problem, path=rendering.home, line=1, column=1, message=message)

    def _source(self, path: str) -> Source | None:
        try:
            return Source(path, self._tree.read(path).decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            return None
