"""What a tool made of a chart or an overlay, and a tree that shows it in place of the files it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Document
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Tree, listed

if TYPE_CHECKING:
    from kubelint5xx.render.trace import Trace
    from kubelint5xx.render.written import Written

# Renders again with other texts in some files, and gives what comes out; None where that does not render.
Again = Callable[[Mapping[str, str]], str | None]


@record(eq=False)
class Rendering:
    """One stream of objects that a tool made.

    ``path`` is what the stream is called while it is read (no file of that name exists), ``recipe`` the command that a
    user would give to see it. ``files`` are those it was made from: they are not read by themselves. ``writable`` are
    those among them in which a person would set a value, the likeliest first; ``templates`` those that make the text
    around the values. ``home`` is the file that stands for the whole. ``namespace``: where objects without one are put.
    ``values``: the files among ``writable`` that hold nothing but values. ``written``: the values in those of its files
    that are not YAML. ``documents``: where not all of the stream is known, what is; it is read instead of the text.
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
    written: Mapping[str, tuple[Written, ...]] = field(default_factory=dict)
    documents: tuple[Document, ...] | None = None


@record(frozen=False)
class Made:
    """What came of a tree's charts or overlays. ``failed``: what is in the tree and did not render; ``left``: what
    needs more than the tree. ``documents``: objects of known charts, which need no tool."""

    renderings: list[Rendering] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    left: list[Problem] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)

    def add(self, other: Made) -> None:
        self.renderings += other.renderings
        self.failed += other.failed
        self.left += other.left
        self.documents += other.documents


class RenderedTree:
    """A tree with renderings in place of what they were made from.

    ``locate`` leads from a place in a rendering to the one in a file where a person would change it. ``documents`` are
    in no file. ``failed``: those of the problems that are about what could have been rendered.
    """

    def __init__(
        self,
        tree: Tree,
        renderings: Iterable[Rendering],
        problems: Iterable[Problem] = (),
        failed: Iterable[Problem] = (),
        documents: Iterable[Document] = (),
    ) -> None:
        self.failed, self.documents = tuple(failed), tuple(documents)
        self.problems = (*problems, *self.failed)
        self._tree = tree
        self._renderings = {rendering.path: rendering for rendering in renderings}
        self._partly = frozenset(path for path, one in self._renderings.items() if one.documents is not None)
        partly = [document for one in self._renderings.values() for document in one.documents or ()]
        self.documents = (*partly, *self.documents)
        self._hidden = frozenset(path for one in self._renderings.values() for path in one.files)
        self._traces: dict[str, Trace] = {}

    def paths(self) -> Iterable[str]:
        """All paths, sorted: those of the renderings, and of all files that went into none."""
        shown = self._renderings.keys() - self._partly
        return sorted({*shown, *(path for path in self._tree.paths() if path not in self._hidden)})

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
