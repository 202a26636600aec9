"""TOML with the place of every value. Grammar: https://toml.io/en/v1.1.0.

The standard library's reader has no places, so this one has its own. Dates, times, infinities and what is no number are
texts here: no setting has them.
"""

from __future__ import annotations

import math
import re

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_BLANK = pattern(r"[ \t]*")
_LINES = pattern(r"(?:[ \t\n]|\r\n|#[^\x00-\x08\n-\x1f\x7f]*(?=\r?\n|\Z))*+")
_END = pattern(r"[ \t]*(?:#[^\x00-\x08\n-\x1f\x7f]*)?(?:\r?\n|\Z)")
_BARE = pattern(r"[A-Za-z0-9_-]+")
_LONG = {'"""': pattern(r'"""(?:\r?\n)?((?:[^"\\\x00-\x08\x0b-\x1f\x7f]|\r\n|\\[^\r]|\\\r\n|"(?!""))*"{0,2})"""'),
         "'''": pattern(r"'''(?:\r?\n)?((?:[^'\x00-\x08\x0b-\x1f\x7f]|\r\n|'(?!''))*'{0,2})'''")}  # fmt: skip
_SHORT = {
    '"': pattern(r'"((?:[^"\\\x00-\x08\n-\x1f\x7f]|\\[^\x00-\x08\n-\x1f\x7f])*)"'),
    "'": pattern(r"'([^'\x00-\x08\n-\x1f\x7f]*)'"),
}
_ESCAPE = pattern(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([ \t]*\r?\n[ \t\r\n]*)|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_PLAIN = pattern(r"[A-Za-z0-9_:.+-]+(?: \d\d:[\d:.]+(?:[Zz]|[+-]\d\d:\d\d)?)?")
_INTEGER = pattern(r"[+-]?(?:0|[1-9](?:_?\d)*)\Z")
_RADIX = pattern(r"0(?:x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|o[0-7](?:_?[0-7])*|b[01](?:_?[01])*)\Z")
_FLOAT = pattern(r"[+-]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?\Z")
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?"
_MOMENT = pattern(
    rf"(\d{{4}})-(\d\d)-(\d\d)(?:[Tt ]{_TIME}(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?\Z|{_TIME}\Z|[+-]?(?:inf|nan)\Z"
)


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
    """A table in the making: tables may be continued anywhere in the file.

    ``section``: the number of the header below which it was defined; None where only its subtables were so far.
    """

    place: Span
    section: int | None = None
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
        self.root = _Table(Span(source, 0, len(source.text)), 0)
        self.section = 0

    def run(self) -> None:
        table = self.root
        while self.skip(_LINES) < len(self.text):
            self.no_comment()
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.assignment(table, 0)
            end = _END.match(self.text, self.at)
            if not end:
                self.skip(_BLANK)
                self.no_comment()
                raise _SyntaxError("the line goes on behind its value", self.at)
            self.at = end.end()

    def no_comment(self) -> None:
        """Where a comment still stands once sound ones were passed, it is not sound."""
        if self.text.startswith("#", self.at):
            raise _SyntaxError("a control character stands in a comment", self.at)

    def header(self) -> _Table:
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        keys = self.keys()
        self.expect("]]" if repeated else "]")
        self.section += 1
        holder, last = self.below(self.root, keys[:-1]), keys[-1]
        found = holder.get(last)
        table = _Table(last.span, self.section)
        if repeated and isinstance(found, list):
            found.append(table)
        elif not repeated and isinstance(found, _Table):
            if found.section is not None:
                raise _SyntaxError(f"the table {last.raw} is defined twice", last.span.start)
            found.section = self.section
            return found
        elif found is None:
            holder.set(last, [table] if repeated else table)
        else:
            raise _SyntaxError(f"{last.raw} is no {'list of tables' if repeated else 'table'}", last.span.start)
        return table

    def below(self, table: _Table, keys: list[Scalar], dotted: bool = False) -> _Table:
        """The table at ``keys``. Those of ``dotted`` keys belong to their section alone."""
        if len(keys) > MAX_DEPTH:
            raise _SyntaxError("nested too deeply", keys[0].span.start)
        for key in keys:
            found = table.get(key)
            if found is None:
                found = _Table(key.span)
                table.set(key, found)
            if isinstance(found, list) and not dotted:
                found = found[-1]
            if not isinstance(found, _Table):
                raise _SyntaxError(f"{key.raw} is no table", key.span.start)
            if dotted:
                if found.section not in (None, self.section):
                    raise _SyntaxError(f"the table {key.raw} is defined twice", key.span.start)
                found.section = self.section
            table = found
        return table

    def assignment(self, table: _Table, depth: int) -> None:
        keys = self.keys()
        self.expect("=")
        holder = self.below(table, keys[:-1], dotted=True)
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
            name = _unescaped(match) if short else match[0]
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
                raise _SyntaxError("a quote stays open, or holds a control character", start)
            self.at = match.end()
            written = _unescaped(match)
            return Scalar(Span(self.source, start, self.at), written, written, quoted=True)
        match = _PLAIN.match(self.text, start)
        if not match:
            raise _SyntaxError("a value is missing", start)
        self.at = match.end()
        value = _plain(match[0])
        if value is None:
            raise _SyntaxError(f"{match[0][:40]} is no value; a text needs quotes", start)
        return Scalar(Span(self.source, start, self.at), value, match[0])

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


def _unescaped(quoted: re.Match[str]) -> str:
    """The text in a pair of quotes."""
    if quoted[0][0] == "'" or "\\" not in quoted[1]:
        return quoted[1]

    def character(escape: re.Match[str]) -> str:
        if code := escape[1] or escape[2] or escape[3]:
            number = int(code, 16)
            if number < 0xD800 or 0xE000 <= number < 0x110000:
                return chr(number)
        elif escape[4]:
            return ""
        elif escape[5] in _ESCAPED:
            return _ESCAPED[escape[5]]
        raise _SyntaxError(f"{escape[0].strip()} is no escape", quoted.start(1) + escape.start())

    return _ESCAPE.sub(character, quoted[1])


def _plain(written: str) -> str | int | float | bool | None:
    """The value of a word without quotes; None where it has none."""
    if written in ("true", "false"):
        return written == "true"
    if len(written) < 40 and (_INTEGER.match(written) or _RADIX.match(written)):
        return int(written.replace("_", ""), 0 if written[:2] in ("0x", "0o", "0b") else 10)
    if _FLOAT.match(written):
        number = float(written.replace("_", ""))
        return written if math.isinf(number) else number
    moment = _MOMENT.match(written)
    if moment is None or (moment[1] and not _in_calendar(int(moment[1]), int(moment[2]), int(moment[3]))):
        return None
    return written


def _in_calendar(year: int, month: int, day: int) -> bool:
    if not 1 <= month <= 12:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
