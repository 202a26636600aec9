"""TOML with the place of every value. Grammar: https://toml.io/en/v1.0.0.

The standard library's reader has no places, so this one has its own; dates and times are texts here.
"""

from __future__ import annotations

import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_BLANK = pattern(r"[ \t]*")
_LINES = pattern(r"(?:[ \t\r\n]+|#[^\n]*)*+")
_END = pattern(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_BARE = pattern(r"[A-Za-z0-9_-]+")
_LONG = {'"""': pattern(r'"""(?:\r?\n)?((?:[^"\\]|\\.|"(?!""))*"{0,2})"""', re.DOTALL),
         "'''": pattern(r"'''(?:\r?\n)?((?:[^']|'(?!''))*'{0,2})'''", re.DOTALL)}  # fmt: skip
_SHORT = {'"': pattern(r'"((?:[^"\\\n]|\\.)*)"'), "'": pattern(r"'([^'\n]*)'")}
_ESCAPE = pattern(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([ \t]*\r?\n\s*)|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
_PLAIN = pattern(r"[A-Za-z0-9_:.+-]+(?: \d\d:[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?")
_INTEGER = pattern(r"[+-]?\d(?:_?\d)*\Z")
_RADIX = pattern(r"0(?:x[0-9A-Fa-f_]+|o[0-7_]+|b[01_]+)\Z")
_FLOAT = pattern(r"[+-]?\d(?:_?\d)*(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d+)?\Z")


def read(source: Source) -> Reading:
    """The file as one mapping. After a syntax error what stands before it is still read."""
    parser = _Parser(source)
    problems: tuple[Problem, ...] = ()
    try:
        parser.run()
    except _SyntaxError as error:
        place = Span(source, error.at, error.at)
        line = source.span_of_line(place.line).line
        problems = (Problem(source.path, line, f"not valid TOML: {error}", column=place.column),)
    return Reading((Document(source, "toml", parser.root.node()),), problems)


class _SyntaxError(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@record(frozen=False)
class _Table:
    """A table in the making: tables may be continued anywhere in the file."""

    place: Span
    entries: dict[str, tuple[Scalar, _Table | list[_Table] | Node]] = field(default_factory=dict)

    def get(self, key: Scalar) -> _Table | list[_Table] | Node | None:
        found = self.entries.get(str(key.value))
        return found[1] if found else None

    def set(self, key: Scalar, value: _Table | list[_Table] | Node) -> None:
        self.entries[str(key.value)] = (key, value)

    def node(self) -> Mapping:
        return Mapping(self.place, tuple(Entry(key, _finished(value)) for key, value in self.entries.values()))


def _finished(value: _Table | list[_Table] | Node) -> Node:
    if isinstance(value, _Table):
        return value.node()
    if isinstance(value, list):
        return Sequence(value[0].place, tuple(table.node() for table in value))
    return value


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source, self.text, self.at = source, source.text, int(source.text.startswith("\ufeff"))
        self.root = _Table(Span(source, 0, len(source.text)))

    def run(self) -> None:
        table = self.root
        while self.skip(_LINES) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.assignment(table, 0)
            end = _END.match(self.text, self.at)
            if not end:
                raise _SyntaxError("the line goes on behind its value", self.at)
            self.at = end.end()

    def header(self) -> _Table:
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        keys = self.keys()
        self.expect("]]" if repeated else "]")
        holder = self.below(self.root, keys[:-1])
        if not repeated:
            return self.below(holder, keys[-1:])
        found = holder.get(keys[-1])
        table = _Table(keys[-1].span)
        if found is None:
            holder.set(keys[-1], [table])
        elif isinstance(found, list):
            found.append(table)
        else:
            raise _SyntaxError(f"{keys[-1].raw} is no list of tables", keys[-1].span.start)
        return table

    def below(self, table: _Table, keys: list[Scalar]) -> _Table:
        if len(keys) > MAX_DEPTH:
            raise _SyntaxError("nested too deeply", keys[0].span.start)
        for key in keys:
            found = table.get(key)
            if found is None:
                found = _Table(key.span)
                table.set(key, found)
            if isinstance(found, list):
                found = found[-1]
            if not isinstance(found, _Table):
                raise _SyntaxError(f"{key.raw} is no table", key.span.start)
            table = found
        return table

    def assignment(self, table: _Table, depth: int) -> None:
        keys = self.keys()
        self.expect("=")
        holder = self.below(table, keys[:-1])
        if holder.get(keys[-1]) is not None:
            raise _SyntaxError(f"{keys[-1].raw} is set twice", keys[-1].span.start)
        self.skip(_BLANK)
        holder.set(keys[-1], self.value(depth))

    def keys(self) -> list[Scalar]:
        found: list[Scalar] = []
        while True:
            self.skip(_BLANK)
            short = _SHORT.get(self.text[self.at : self.at + 1])
            match = (short or _BARE).match(self.text, self.at)
            if not match:
                raise _SyntaxError("a key is missing", self.at)
            name = _unescaped(match[1], match[0][0]) if short else match[0]
            found.append(Scalar(Span(self.source, self.at, match.end()), name, name, quoted=bool(short)))
            self.at = match.end()
            self.skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return found
            self.at += 1

    def value(self, depth: int) -> Node:
        start = self.at
        if depth > MAX_DEPTH:
            raise _SyntaxError("nested too deeply", start)
        opening = self.text[start : start + 1]
        if opening == "[":
            return self.array(depth)
        if opening == "{":
            return self.inline(depth)
        if opening in ('"', "'") and opening:
            long = _LONG.get(self.text[start : start + 3])
            match = (long or _SHORT[opening]).match(self.text, start)
            if not match:
                raise _SyntaxError("a quote stays open", start)
            self.at = match.end()
            written = _unescaped(match[1], opening)
            return Scalar(Span(self.source, start, self.at), written, written, quoted=True)
        match = _PLAIN.match(self.text, start)
        if not match:
            raise _SyntaxError("a value is missing", start)
        self.at = match.end()
        return Scalar(Span(self.source, start, self.at), _plain(match[0]), match[0])

    def array(self, depth: int) -> Node:
        start = self.at
        found: list[Node] = []
        self.at += 1
        while self.skip(_LINES) < len(self.text) and self.text[self.at] != "]":
            found.append(self.value(depth + 1))
            self.skip(_LINES)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise _SyntaxError('"," or "]" is missing', self.at)
        self.expect("]")
        return Sequence(Span(self.source, start, self.at), tuple(found))

    def inline(self, depth: int) -> Node:
        start = self.at
        self.at += 1
        table = _Table(Span(self.source, start, start))
        while self.skip(_LINES) < len(self.text) and self.text[self.at] != "}":
            self.assignment(table, depth + 1)
            self.skip(_LINES)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("}", self.at):
                raise _SyntaxError('"," or "}" is missing', self.at)
        self.expect("}")
        return Mapping(Span(self.source, start, self.at), table.node().entries)

    def skip(self, blank: re.Pattern[str]) -> int:
        match = blank.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def expect(self, sign: str) -> None:
        self.skip(_BLANK)
        if not self.text.startswith(sign, self.at):
            raise _SyntaxError(f'"{sign}" is missing', self.at)
        self.at += len(sign)


def _unescaped(written: str, quote: str) -> str:
    return _ESCAPE.sub(_character, written) if quote == '"' else written


def _character(escape: re.Match[str]) -> str:
    if code := escape[1] or escape[2]:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    return "" if escape[3] else _ESCAPED.get(escape[4], escape[4])


def _plain(written: str) -> str | int | float | bool:
    if written in ("true", "false"):
        return written == "true"
    if _INTEGER.match(written) and len(written) < 40:
        return int(written.replace("_", ""))
    if _RADIX.match(written) and len(written) < 40:
        return int(written.replace("_", ""), 0)
    return float(written.replace("_", "")) if _FLOAT.match(written) else written
