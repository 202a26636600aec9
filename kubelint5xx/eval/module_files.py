"""The files of the modules that a root calls: local ones, and those that were installed for it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Node
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Embedding, Source, Span
from kubelint5xx.eval.declarations import Declarations, Files, declarations
from kubelint5xx.eval.installed import Installed
from kubelint5xx.eval.operand import Budget
from kubelint5xx.formats.hcl import Block

if TYPE_CHECKING:
    from kubelint5xx.eval.known_modules import Sketch


@record
class Place:
    """Where a module's files are: in ``directory`` (a local module), or wherever ``source`` leads.

    ``key`` holds the names of the calls on the way to it. ``header`` is the call in the user's own files that brings
    in a module which others wrote: what stands in that module has its place there, where a person would change it.
    """

    directory: str
    key: tuple[str, ...] = ()
    source: str = ""
    header: Span | None = None

    def called(self, block: Block, source: str) -> Place:
        """The place of a module that this one calls."""
        key = (*self.key, *block.labels)
        if source.startswith(("./", "../")):
            directory = posixpath.normpath(posixpath.join(self.directory, source))
            return Place("" if directory == "." else directory, key, "", self.header)
        return Place("", key, source, self.header or block.header)

    @property
    def missing(self) -> str:
        if self.source:
            return f"the module {self.source} is not in the files"
        return f"the directory {self.directory or '.'} is not in the files"


@record(frozen=False)
class ModuleFiles:
    """What the modules of one root share: the files, parsed once a directory, and the budget.

    ``text`` reads any other file of the tree; ``root`` is the directory of the root module, from which paths count.
    """

    child_modules: Callable[[str], Files | None] | None
    root: str = ""
    text: Callable[[str], Source | None] | None = None
    installed: Mapping[str, Installed] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    modules: int = 0
    _declared: dict[Place, Declarations | None] = field(default_factory=dict)
    _sketches: dict[int, tuple[Block, Node | None, Sketch | None]] = field(default_factory=dict)

    def file(self, path: str, header: Span | None) -> Source | None:
        """The file at a path that an expression gives; ``header`` as in ``Place``."""
        full = posixpath.normpath(posixpath.join(self.root, path))
        if self.text is None or path.startswith("/") or full == ".." or full.startswith("../"):
            return None
        inside = f"/{full}".partition("/.terraform/")[1]
        if inside and not any(full.startswith(f"{one.directory}/") for one in self.installed.values()):
            return None
        source = self.text(full)
        return _standing_at(header, {full: source})[full] if source is not None else None

    def path_of(self, place: Place) -> str:
        """``path.module`` as Terraform gives it."""
        return posixpath.relpath(f"/{place.directory}", f"/{self.root}")

    def known(self, place: Place, block: Block, version: Node | None) -> Sketch | None:
        """What is known of a module that is not in the files."""
        if not place.source or place.header is None:
            return None
        from kubelint5xx.eval.known_modules import sketch_of

        # The instances of one call are of one version.
        made = self._sketches.get(id(block))
        if made is None or made[0] is not block or made[1] != version:
            made = block, version, sketch_of(place.source, version, block, place.header)
            self._sketches[id(block)] = made
        return made[2]

    def find(self, place: Place) -> tuple[Place, Declarations] | None:
        """What a module declares, with the directory that it turned out to be in; None where it is not in the files."""
        if place.source:
            found = self.installed.get(".".join(place.key))
            if found is None or not found.serves(place.source):
                return None
            place = replace(place, directory=found.directory, source="")
        # Local modules are the same for all of their callers.
        same = place if place.header else Place(place.directory)
        if same not in self._declared:
            files = self.child_modules(place.directory) if self.child_modules else None
            self._declared[same] = declarations(_standing_at(place.header, files)) if files else None
        declared = self._declared[same]
        return None if declared is None else (place, declared)


def _standing_at(header: Span | None, files: Files) -> Files:
    """The files with all their places at ``header``."""
    if header is None:
        return files
    return {name: Source(header.path, source.text, inside=Embedding(header)) for name, source in files.items()}
