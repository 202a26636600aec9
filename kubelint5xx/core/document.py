"""What a format's reader returns."""

from __future__ import annotations

from kubelint5xx.core.node import Node
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source


@record
class Document:
    """One parsed document: a file, or one part of a file that holds several.

    ``origin`` is what a generator says about where the document came from (Helm's ``# Source:`` comment);
    ``namespace`` where an object that names none is put. ``home`` is the file that it belongs to, where that is not the
    file of its text.
    """

    source: Source
    format: str
    root: Node
    origin: str = ""
    namespace: str = ""
    home: str = ""


@record
class Reading:
    """All documents of one source, and what could not be read in it. The rest of the file is still here."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
