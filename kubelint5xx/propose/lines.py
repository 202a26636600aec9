"""Proposed lines of a configuration, and the text that they make: commented out, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from posixpath import relpath
from textwrap import wrap

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.report.snippet import visible

WIDTH = 110
# What YAML 1.1 and 1.2 read as the text that it is, also within braces.
_PLAIN = pattern(r"[A-Za-z_][\w./-]*|\.(?:/[\w./-]*)?")
_WORD = pattern(r"[a-z0-9]+")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


@record
class Proposal:
    """``lines`` of YAML that go together, below their key, and why they may be true. No reason: that is said before."""

    lines: tuple[str, ...]
    reason: str = ""


@record
class Section:
    """One key of the configuration: what it is ``about``, and what is proposed for it. ``end``: what is left to say."""

    key: str
    about: str
    proposals: tuple[Proposal, ...]
    end: str = ""


def scalar(text: str) -> str:
    """``text`` in YAML, in quotes where it would be read as something else without."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def flow(entries: Mapping[str, str]) -> str:
    """A mapping on one line. The values are YAML already."""
    return "{ " + ", ".join(f"{key}: {value}" for key, value in entries.items()) + " }"


def names(entries: Mapping[str, str]) -> str:
    """A mapping of texts on one line."""
    return flow({key: scalar(value) for key, value in entries.items()})


def texts(values: Iterable[str]) -> str:
    """A list of texts on one line."""
    return f"[{', '.join(map(scalar, values))}]"


@record
class Places:
    """How places are named: paths from the directory ``base``, for which the file is meant, and for readers what
    ``located`` makes of a span that stands in a tool's output."""

    base: str = ""
    located: Callable[[Span], Span] = Span.in_file

    def path(self, path: str) -> str:
        return relpath(path or ".", self.base or ".")

    def at(self, place: Span | None) -> str:
        """A place for readers, in parentheses; empty where there is none."""
        if place is None:
            return ""
        found = self.located(place).in_file()
        return f" ({found.path}:{found.line})"


def words(name: str, dull: frozenset[str]) -> set[str]:
    """The words in a name, but for those that tell nothing."""
    return {*_WORD.findall(name.lower())} - dull


def shared(one: str, other: str) -> int:
    """How many leading directories two files have in common."""
    ours, theirs = one.split("/")[:-1], other.split("/")[:-1]
    count = 0
    while count < min(len(ours), len(theirs)) and ours[count] == theirs[count]:
        count += 1
    return count


def writable(proposal: Proposal) -> bool:
    """Whether a file can hold it: names of files need not be text."""
    return all(line.isprintable() and "\ufffd" not in line for line in proposal.lines)


def document(header: str, sections: Iterable[Section], footer: Iterable[str]) -> str:
    """The whole file. A line with a sign and a space explains; one with the sign alone is a setting."""
    blocks = [[*_prose(header)]]
    for section in sections:
        lines = [*_prose(section.about), f"#{section.key}:"]
        for proposal in section.proposals:
            lines += [*_prose(proposal.reason), *(f"#{line}" for line in proposal.lines)]
        blocks.append([*lines, *_prose(section.end)])
    blocks.append([line for text in footer for line in _prose(text)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _prose(text: str) -> Iterator[str]:
    for paragraph in filter(None, text.split("\n")):
        # A name of a file is never torn in two.
        found = wrap(visible(paragraph).strip(), WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"# {line}" for line in found)
