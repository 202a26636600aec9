"""JSON, with the exact place of every value."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Items

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 200
MAX_VALUES = 2_000_000

_BLANK = pattern(r"[ \t\r\n]*")
_SIMPLE_STRING = pattern(r'"([^"\\\x00-\x1f]*)"')
_NUMBER = pattern(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = pattern(r"[A-Za-z_]+")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
# int() refuses or takes quadratic time for very long digit strings; readers of JSON use floats there.
_LONGEST_INT = 40
_LONGEST_NAME = 60  # of a key, in a message


def read(source: Source) -> Reading:
    """The one document of ``source``; text that is not JSON is a problem with its place."""
    problems: list[Problem] = []
    try:
        root = _Parser(source, problems).document()
    except _Failure as failure:
        place = Span(source, failure.offset, failure.offset)
        return Reading((), (Problem(source.path, place.line, str(failure), column=place.column),))
    return Reading((Document(source, "json", root),), tuple(problems))


def repeated_keys(entries: Items[Entry]) -> Iterator[Problem]:
    """A notice for each key that stands more than once, at the one that wins."""
    if len({entry.key.value for entry in entries}) == len(entries):
        return
    counts = Counter(entry.key.value for entry in entries)
    for key, entry in {entry.key.value: entry for entry in entries}.items():
        if counts[key] > 1:
            times = "twice" if counts[key] == 2 else f"{counts[key]} times"
            span = entry.key.span
            name = " ".join(str(key).split())
            name = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
            message = f"key {name} is given {times}; the last one wins"
            yield Problem(span.path, span.line, message, "notice", span.column)


class _Failure(Exception):
    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Parser:
    """Iterative, so that depth costs no stack."""

    def __init__(self, source: Source, problems: list[Problem]) -> None:
        self._source = source
        self._problems = problems

    def document(self) -> Node:
        """The root value. Raises _Failure where the text is not JSON."""
        text = self._source.text
        blank = _BLANK.match
        stack: list[tuple[int, list[Node], list[Entry] | None, Scalar | None]] = []
        # The collection being read: where it starts, its items or (for an object) entries, and the pending key.
        start, items = 0, list[Node]()
        entries: list[Entry] | None = None
        key: Scalar | None = None
        at = self._skip(1 if text.startswith("\ufeff") else 0)
        for _ in range(MAX_VALUES):
            opening = text[at : at + 1]
            if opening == "{" or opening == "[":
                if len(stack) >= MAX_DEPTH:
                    raise _Failure(f"nests deeper than {MAX_DEPTH} levels", at)
                stack.append((start, items, entries, key))
                start, items, key = at, [], None
                entries = [] if opening == "{" else None
                at = self._skip(at + 1)
                closed = text.startswith("}" if entries is not None else "]", at)
                if not closed:
                    if entries is not None:
                        key, at = self._key(at)
                    continue
            else:
                node, at = self._scalar(at)
                closed = False
            while True:
                if closed:
                    at += 1
                    span = Span(self._source, start, at)
                    if entries is not None:
                        self._problems.extend(repeated_keys(entries))
                        node = Mapping(span, tuple(entries))
                    else:
                        node = Sequence(span, tuple(items))
                    start, items, entries, key = stack.pop()
                if key is not None and entries is not None:
                    entries.append(Entry(key, node))
                else:
                    items.append(node)
                at = blank(text, at).end()  # type: ignore[union-attr]  # matches the empty text too
                if not stack:
                    if at < len(text):
                        raise _Failure("not valid JSON: more text follows after the value", at)
                    return items[0]
                mark = text[at : at + 1]
                if mark == ",":
                    at = self._skip(at + 1)
                    if entries is not None:
                        key, at = self._key(at)
                    break
                end = "}" if entries is not None else "]"
                if mark != end:
                    raise self._expected(f"',' or '{end}'", at)
                closed = True
        raise _Failure(f"holds more than {MAX_VALUES:,} values", at)

    def _skip(self, at: int) -> int:
        blank = _BLANK.match(self._source.text, at)
        return blank.end() if blank else at

    def _expected(self, what: str, at: int) -> _Failure:
        text = self._source.text
        if at < len(text):
            return _Failure(f"not valid JSON: {what} is expected here, not {text[at]!r}", at)
        return _Failure(f"not valid JSON: {what} is expected, and the text ends", max(0, len(text.rstrip()) - 1))

    def _key(self, at: int) -> tuple[Scalar, int]:
        """The key at ``at`` and where its value starts."""
        if not self._source.text.startswith('"', at):
            raise self._expected("a key in double quotes", at)
        key, at = self._string(at)
        at = self._skip(at)
        if not self._source.text.startswith(":", at):
            raise self._expected("':'", at)
        return key, self._skip(at + 1)

    def _string(self, at: int) -> tuple[Scalar, int]:
        simple = _SIMPLE_STRING.match(self._source.text, at)
        if simple:
            value, end = simple[1], simple.end()
        else:
            # Imported by few runs: texts with escapes are rare.
            from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # public, has no stub

            try:
                value, end = scanstring(self._source.text, at + 1, True)
            except JSONDecodeError as error:
                problem = error.msg.removesuffix(" at").removesuffix(" starting")
                raise _Failure(f"not valid JSON: {problem[:1].lower()}{problem[1:]}", error.pos) from None
        return Scalar(Span(self._source, at, end), value, value, True), end

    def _scalar(self, at: int) -> tuple[Node, int]:
        text = self._source.text
        if text.startswith('"', at):
            return self._string(at)
        number = _NUMBER.match(text, at)
        if number:
            span = Span(self._source, at, number.end())
            whole = not number[1] and not number[2] and len(number[0]) <= _LONGEST_INT
            value = int(number[0]) if whole else float(number[0])
            if math.isinf(value):
                return Unresolved(span, "the number is too large"), span.end
            return Scalar(span, value, number[0]), span.end
        word = _WORD.match(text, at)
        if word and word[0] in _WORDS:
            return Scalar(Span(self._source, at, word.end()), _WORDS[word[0]], word[0]), word.end()
        raise self._expected("a value", at)
