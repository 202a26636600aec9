"""Words as a POSIX shell reads them: quotes, backslashes, variables. The common ground of ``argv`` and ``shell``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span

BLANKS = " \t\r\n"
_MAX_SEARCHED = 20_000
_MAX_FOUND = 200
_MAX_VIA = 16
_BRACED = pattern(r"\$\{([A-Za-z_]\w*)(?:(:?[-=?+])(.*))?\}\Z", re.DOTALL)
_PLAIN = pattern(r"\$([A-Za-z_]\w*|[0-9@*#?$!-])")
_KUBERNETES = pattern(r"\$\(([A-Za-z_][\w.-]*)\)")
_BACKTICKS = pattern(r"`(?:\\.|[^`\\])*`", re.DOTALL)
_CLOSING = {"(": ")", "{": "}"}

Portions = Callable[[int, int], Span]


def portions(scalar: Scalar) -> Portions:
    """A function from a range of the scalar's decoded text to the place where that part is written.

    Where the text stands verbatim in the source the place is exact. Where it was decoded (escapes, the indentation
    of a block), a part that occurs as often in the text as in the source is found by counting. Else the place is
    that of the whole scalar.
    """
    raw, written, base = text_of(scalar), scalar.span.text, scalar.span.start
    source = scalar.span.source
    shift = written.find(raw) if raw else -1
    if shift >= 0:
        return lambda start, end: Span(source, base + shift + start, base + shift + end)

    def by_count(start: int, end: int) -> Span:
        part = raw[start:end]
        if part and len(raw) <= _MAX_SEARCHED:
            before, here = _occurrences(raw, part), _occurrences(written, part)
            if len(before) == len(here) <= _MAX_FOUND and start in before:
                at = base + here[before.index(start)]
                return Span(source, at, at + len(part))
        return scalar.span

    return by_count


def text_of(scalar: Scalar) -> str:
    """The decoded text of a scalar, whether its reader gave it as raw text or as a value only."""
    if scalar.raw or scalar.value is None:
        return scalar.raw
    return str(scalar.value)


def as_written(word: Node) -> str:
    """The word as its command line has it; of an unknown one, before anything was substituted."""
    if isinstance(word, Scalar):
        return text_of(word)
    via = getattr(word, "via", ())
    return (via[0] if via else word.span).text


def _occurrences(text: str, part: str) -> list[int]:
    found: list[int] = []
    at = text.find(part)
    while at >= 0 and len(found) <= _MAX_FOUND:
        found.append(at)
        at = text.find(part, at + 1)
    return found


@record(frozen=False)
class Word:
    """One word while it is read.

    ``unknown`` is the reason why its text cannot be known, ``origin`` the variable's node that is unknown itself.
    ``split`` tells that an unquoted variable's value goes through the shell's field splitting.
    """

    start: int
    text: list[str] = field(default_factory=list)
    quoted: bool = False
    unknown: str = ""
    origin: Node | None = None
    used: list[Scalar] = field(default_factory=list)
    split: bool = False
    end: int = 0

    def nodes(self, place: Span) -> list[Node]:
        """What the word is: nothing, for an empty unquoted variable, one node, or several."""
        if self.unknown:
            origin = self.origin
            if origin:
                return [Unresolved(origin.span, self.unknown, (place, *getattr(origin, "via", ()))[:_MAX_VIA])]
            return [Unresolved(place, self.unknown)]
        text = "".join(self.text)
        origins = tuple(place for node in self.used for place in (node.span, *node.via))[:_MAX_VIA]
        whole = [node for node in self.used if text_of(node) == text]
        if self.split:
            return self._fields(text, place, whole, origins)
        if whole:
            return [_through(whole[0], place)]
        return [Scalar(place, text, text, self.quoted, origins)]

    def _fields(self, text: str, place: Span, whole: list[Scalar], origins: tuple[Span, ...]) -> list[Node]:
        parts = list(re.finditer(r"\S+", text))
        if whole and len(parts) == 1 and parts[0][0] == text:
            return [_through(whole[0], place)]
        if whole:
            where, via = portions(whole[0]), (place, *whole[0].via)
            return [Scalar(where(part.start(), part.end()), part[0], part[0], False, via) for part in parts]
        return [Scalar(place, part[0], part[0], self.quoted, origins) for part in parts]


def _through(node: Scalar, use: Span) -> Scalar:
    return Scalar(node.span, text_of(node), text_of(node), node.quoted, (use, *node.via)[:_MAX_VIA])


class Lexer:
    """Reads words off a text. ``env`` holds the variables that are known; None means that none is."""

    def __init__(self, scalar: Scalar, env: Mapping[str, Node] | None) -> None:
        self.text = text_of(scalar)
        self.place = portions(scalar)
        self.env: dict[str, Node] = dict(env or {})

    def word(self, at: int, stop: str) -> Word | None:
        """The word that starts at ``at`` and ends before an unquoted character of ``stop``; None: a quote is open."""
        word, text = Word(at), self.text
        while at < len(text) and text[at] not in stop:
            match text[at]:
                case "\\":
                    if text[at + 1 : at + 2] != "\n":
                        word.text.append(text[at + 1 : at + 2])
                        word.quoted = True
                    at += 2
                case "'":
                    end = text.find("'", at + 1)
                    if end < 0:
                        return None
                    word.text.append(text[at + 1 : end])
                    word.quoted = True
                    at = end + 1
                case '"':
                    end_quote = self._double(at + 1, word)
                    if end_quote is None:
                        return None
                    at = end_quote
                case "$" | "`":
                    at = self._expand(at, word, quoted=False)
                case character:
                    word.text.append(character)
                    at += 1
        word.end = min(at, len(text))
        return word

    def _double(self, at: int, word: Word) -> int | None:
        text = self.text
        word.quoted = True
        while at < len(text):
            match text[at]:
                case '"':
                    return at + 1
                case "\\":
                    escaped = text[at + 1 : at + 2]
                    if escaped != "\n":
                        word.text.append(escaped if escaped in ("$", "`", '"', "\\") else "\\" + escaped)
                    at += 2
                case "$" | "`":
                    at = self._expand(at, word, quoted=True)
                case character:
                    word.text.append(character)
                    at += 1
        return None

    def _expand(self, at: int, word: Word, *, quoted: bool) -> int:
        """Reads one substitution at ``at`` into the word and gives the offset behind it."""
        text = self.text
        if text[at] == "`":
            inner = _BACKTICKS.match(text, at)
            return self._unknown(at, inner.end() if inner else len(text), word, "the shell runs")
        if (named := _KUBERNETES.match(text, at)) and named[1] in self.env:
            return self._substitute(named[1], at, named.end(), word, quoted=quoted)
        opening = text[at + 1 : at + 2]
        if opening in ("(", "{"):
            end = _closing(text, at + 1, opening)
            if opening == "(":
                verb = "the shell computes" if text.startswith("$((", at) else "the shell runs"
                return self._unknown(at, end, word, verb)
            return self._braced(at, end, word, quoted=quoted)
        if not (plain := _PLAIN.match(text, at)):
            word.text.append("$")
            return at + 1
        if plain[1] in self.env:
            return self._substitute(plain[1], at, plain.end(), word, quoted=quoted)
        return self._unknown(at, plain.end(), word, "the shell substitutes")

    def _braced(self, at: int, end: int, word: Word, *, quoted: bool) -> int:
        braced = _BRACED.match(self.text[at:end])
        known = self.env.get(braced[1]) if braced else None
        if not braced or not known:
            note = f", {braced[3]} where unset" if braced and braced[2] in ("-", ":-", "=", ":=") else ""
            return self._unknown(at, end, word, "the shell substitutes", note)
        if not braced[2] or (braced[2][-1] in "-=?" and isinstance(known, Scalar) and text_of(known)):
            return self._substitute(braced[1], at, end, word, quoted=quoted)
        return self._unknown(at, end, word, "the shell substitutes")

    def _substitute(self, name: str, at: int, end: int, word: Word, *, quoted: bool) -> int:
        node = self.env[name]
        if isinstance(node, Scalar):
            word.text.append(text_of(node))
            word.used.append(node)
            word.quoted = word.quoted or quoted
            word.split = word.split or not quoted
        elif not word.unknown:
            word.unknown = node.reason if isinstance(node, Unresolved) else f"${name} is not known from the files"
            word.origin = node
        return end

    def _unknown(self, at: int, end: int, word: Word, verb: str, note: str = "") -> int:
        if not word.unknown:
            word.unknown = f"{verb} {_shortened(self.text[at:end])}{note}"
        return end


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


def _closing(text: str, at: int, opening: str) -> int:
    """The offset behind the bracket that closes the one at ``at``, quotes and escapes respected."""
    closing, depth, quote = _CLOSING[opening], 0, ""
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)
