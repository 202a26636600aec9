"""A finding: which rule failed, about what, on which evidence, at which places."""

from __future__ import annotations

from collections.abc import Iterable

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Confidence, Severity, Value


@record
class Cited:
    """A part of a message that stands for a value: ``text`` is printed, ``label`` says which quantity of what."""

    text: str
    label: str
    value: Value


# A message is text with cited values in between, so that every reader can link each number to its place.
Message = tuple[str | Cited, ...]


@record
class Step:
    """One thing that a request passes on its way: a hop, or what stands between hops (listener, Service, node)."""

    label: str
    place: Span | None


@record
class Advice:
    """What to change. ``title`` is a sentence with the value in it; ``place`` where it would be written.

    ``replacement`` is the text that would stand at ``place`` instead, where that is known, else empty.
    """

    title: str
    place: Span | None = None
    replacement: str = ""
    safe: bool = False


@record
class Finding:
    """``place`` is where a person would change something; the file and line of the finding.

    ``evidence`` holds every value that decided, the primary one first. ``bites``: always, idle, load, deploy or
    scale. ``status``: the HTTP status that users see, where the sender's table tells. ``key`` identifies the finding
    across changes of lines: rule, path and quantity. ``also``: how many more subjects the same deciding value fails.
    """

    rule: str
    title: str
    severity: Severity
    confidence: Confidence
    bites: str
    status: int | None
    message: Message
    place: Span
    evidence: tuple[Cited, ...]
    route: tuple[Step, ...] = ()
    assumptions: tuple[str, ...] = ()
    advice: Advice | None = None
    key: str = ""
    also: int = 0
    environments: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The message without its links."""
        return "".join(part if isinstance(part, str) else part.text for part in self.message)


@record
class Suppressed:
    """A finding that the user chose to ignore, with where and why."""

    finding: Finding
    place: Span
    reason: str


@record
class Unknown:
    """A question that a rule asked and the files do not answer. ``rule`` is empty where no rule got to ask."""

    rule: str
    about: str
    reason: str
    place: Span | None = None


@record
class Coverage:
    """What was looked at, so that silence is not taken for health.

    A hop is *proved* where every rule about it that applies was decided and none failed, *failing* where one failed,
    else *undecided*. ``files`` were analysed; ``unreadable`` files were not, ``unrendered`` are templates that need
    another tool first.
    """

    files: int = 0
    objects: int = 0
    hops: int = 0
    proved: int = 0
    failing: int = 0
    undecided: int = 0
    unreadable: int = 0
    unrendered: int = 0


@record
class RuleInfo:
    """What reports say of a rule. ``why`` and ``references`` are its documentation; Markdown."""

    slug: str
    group: str
    title: str
    severity: Severity
    why: str
    references: tuple[str, ...] = ()


@record
class Report:
    """All that one check found, in a stable order: by file, line and rule."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    problems: tuple[Problem, ...]
    unknowns: tuple[Unknown, ...]
    coverage: Coverage
    rules: Iterable[RuleInfo]
