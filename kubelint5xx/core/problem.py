"""What went wrong with the user's files, as one clear line each."""

from __future__ import annotations

from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span


@record
class Problem:
    """One thing that could not be read or is plainly wrong, with its place.

    ``kind`` tells what it means for the run: ``unreadable`` (the file, or the named part of it, was not analysed),
    ``unrendered`` (a template that needs another tool first) or ``notice`` (analysed, but worth saying).
    """

    path: str
    line: int
    message: str
    kind: str = "unreadable"
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class InputError(Exception):
    """The user's file cannot be read. Carries the problem; the run goes on without the file."""

    def __init__(self, message: str, path: str = "", line: int = 0, column: int = 1) -> None:
        super().__init__(message)
        self.problem = Problem(path, line, message, "unreadable", column)

    @classmethod
    def at(cls, span: Span, message: str) -> InputError:
        return cls(message, span.path, span.line, span.column)


class RuleError(Exception):
    """A rule, a hop table or the vocabulary contradicts itself. Found at load, before any input is read.

    ``about`` is the text in the file that is wrong (an expression, a key), where there is one.
    """

    def __init__(self, message: str, about: str = "") -> None:
        super().__init__(message)
        self.about = about
