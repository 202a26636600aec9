"""Apache httpd's configuration.

A directive is an entry whose value is the sequence of its arguments; a section (``<VirtualHost *:80>``) has a mapping
as its last item. Names are in lower case. The place of a quoted argument has its quotes. Grammar:
https://httpd.apache.org/docs/2.4/configuring.html#syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, entries, items
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_LINE = pattern(r"(?:[^\n\\]|\\\r?\n|\\.)*(?:\\(?=\Z))?", re.DOTALL)
_BLANK = pattern(r"(?:\s|\\\r?\n)+")
_WORD = pattern(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|((?![\"'])(?:[^\s\\]|\\(?!\r?\n).|\\\Z)+)", re.DOTALL)
_OPEN = pattern(r"<([A-Za-z][\w]*)")
_CLOSE = pattern(r"</([A-Za-z]\w*)\s*>\s*\Z")
_VARIABLE = pattern(r"\$\{\w+\}")
_PORT = pattern(r":(\d{1,5}|\*)\Z")
# What stands in these holds only where something else is so that the files do not tell.
_CONDITIONS = ("ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection", "if", "elseif", "else")
_PLACES = ("location", "locationmatch", "proxy", "proxymatch", "directory", "files")
_PROXY = ("proxypass", "proxypassmatch", "balancermember")


def read(source: Source) -> Reading:
    """The directives and sections of the file. After a syntax error what stands before it is still read."""
    parser = _Parser(source)
    problems: tuple[Problem, ...] = ()
    try:
        parser.run()
    except _SyntaxError as error:
        line = source.span_of_line(source.line_of(error.at)).line
        problems = (Problem(source.path, line, f"not valid httpd configuration: {error}"),)
    return Reading((Document(source, "apache", parser.root()),), problems)


class _SyntaxError(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@record(frozen=False)
class _Section:
    name: str
    key: Scalar
    arguments: tuple[Node, ...]
    entries: list[Entry] = field(default_factory=list)


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        whole = Scalar(Span(source, 0, 0), "", "")
        self.open = [_Section("", whole, ())]

    def run(self) -> None:
        at, text = 0, self.source.text
        while at < len(text):
            match = _LINE.match(text, at)
            end = match.end() if match else len(text)
            self.line(at, end)
            at = end + 1

    def line(self, at: int, end: int) -> None:
        text = self.source.text
        blank = _BLANK.match(text, at, end)
        at = blank.end() if blank else at
        if at >= end or text[at] == "#":
            return
        written = text[at:end]
        if close := _CLOSE.match(written):
            if len(self.open) == 1 or self.open[-1].name != close[1].lower():
                raise _SyntaxError(f"unexpected {written.strip()[:40]}", at)
            self.close()
        elif opening := _OPEN.match(written):
            if len(self.open) > MAX_DEPTH:
                raise _SyntaxError("nested too deeply", at)
            stop = at + len(written.rstrip())
            if text[stop - 1] != ">":
                raise _SyntaxError('">" is missing', at)
            name = self.scalar(at + 1, at + opening.end(), opening[1].lower())
            self.open.append(_Section(opening[1].lower(), name, self.words(at + opening.end(), stop - 1)))
        else:
            first, *rest = self.words(at, end)
            key = self.scalar(first.span.start, first.span.end, first.span.text.lower())
            start, stop = (rest[0].span.start, rest[-1].span.end) if rest else (key.span.end, key.span.end)
            place = Span(self.source, start, stop)
            self.open[-1].entries.append(Entry(key, Sequence(place, tuple(rest))))

    def words(self, at: int, end: int) -> tuple[Node, ...]:
        found: list[Node] = []
        while True:
            blank = _BLANK.match(self.source.text, at, end)
            at = blank.end() if blank else at
            if at >= end:
                return tuple(found)
            match = _WORD.match(self.source.text, at, end)
            if not match:
                raise _SyntaxError("a quote stays open", at)
            written = next(part for part in match.groups() if part is not None)
            place = Span(self.source, at, match.end())
            if variable := _VARIABLE.search(written):
                found.append(Unresolved(place, f"{variable[0]} is known only when httpd starts"))
            else:
                found.append(Scalar(place, written, written, quoted=match[3] is None))
            at = match.end()

    def scalar(self, start: int, end: int, value: str) -> Scalar:
        return Scalar(Span(self.source, start, end), value, self.source.text[start:end])

    def close(self) -> None:
        section = self.open.pop()
        body = Mapping(section.key.span, tuple(section.entries))
        self.open[-1].entries.append(Entry(section.key, Sequence(section.key.span, (*section.arguments, body))))

    def root(self) -> Mapping:
        while len(self.open) > 1:
            self.close()
        return Mapping(Span(self.source, 0, len(self.source.text)), tuple(self.open[0].entries))


def includes(root: Node) -> tuple[Scalar, ...]:
    """The file names of all ``Include`` and ``IncludeOptional`` directives, at any depth."""
    found = [entry for entry, _ in _all(root, ("*",)) if entry.key.value in ("include", "includeoptional")]
    return tuple(item for entry in found for item in items(entry.value)[:1] if isinstance(item, Scalar))


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What a directive that holds for requests on ``port`` is set to; None means any port.

    ``NAME`` is the directive in effect: that of the virtual hosts of the port, else that of the server. ``proxy/NAME``
    is the parameter ``NAME=`` of the directives that name what is proxied to, and ``proxy/`` their number, as text.
    What stands under a condition is unresolved, and so is a value in which virtual hosts do not agree.
    """
    if not isinstance(root, Mapping):
        return (root,) if isinstance(root, Unresolved) else ()
    name = key.lower().removeprefix("proxy/")
    hosts = [entry for entry, _ in _all(root, ()) if entry.key.value == "virtualhost"]
    bound = [host for host in hosts if port is None or _binds(host, port)]
    scopes = [items(host.value)[-1] for host in bound] if bound else [root]
    if key.lower().startswith("proxy/"):
        return _agreed([_parameters((root, *([scope] if bound else [])), name) for scope in scopes], name)
    main = _directive(root, name)
    return _agreed([_directive(scope, name) or main for scope in scopes], name)


def _directive(scope: Node, name: str) -> tuple[Node, ...]:
    found: tuple[Node, ...] = ()
    for entry, condition in _all(scope, ()):
        if entry.key.value == name and (words := items(entry.value)):
            found = (Unresolved(words[0].span, f"it holds only under <{condition}>"),) if condition else words[:1]
    return found


def _parameters(scopes: tuple[Node, ...], name: str) -> tuple[Node, ...]:
    """The parameter of all proxied targets; unresolved where it is not the same for all of them."""
    targets = [
        (entry, condition)
        for scope in scopes
        for entry, condition in _all(scope, _PLACES)
        if entry.key.value in _PROXY and not any(item.span.text == "!" for item in items(entry.value))
    ]
    if not name:
        return tuple(Scalar(entry.key.span, "yes", "yes") for entry, _ in targets[:1])
    found: list[tuple[Node, ...]] = []
    for entry, condition in targets:
        words = [word for word in items(entry.value) if word.span.text.lower().startswith(f"{name}=")]
        if condition and words:
            words = [Unresolved(words[0].span, f"it holds only under <{condition}>")]
        found.append(tuple(_value(word, len(name) + 1) for word in words[-1:]))
    return _agreed(found, name)


def _value(word: Node, start: int) -> Node:
    if not isinstance(word, Scalar) or word.quoted:
        return word
    place = Span(word.span.source, word.span.start + start, word.span.end)
    return Scalar(place, word.raw[start:], word.raw[start:])


def _agreed(found: list[tuple[Node, ...]], name: str) -> tuple[Node, ...]:
    if len({tuple(node.span.text for node in nodes) for nodes in found}) <= 1:
        return found[-1] if found else ()
    places = [node.span for nodes in found for node in nodes]
    return (Unresolved(places[-1], f"{name} is not the same for all requests"),)


def _all(root: Node, inside: tuple[str, ...]) -> Iterator[tuple[Entry, str]]:
    """The entries of a scope, with the condition that each stands under. ``inside``: the sections whose entries count
    too (``*``: all)."""
    waiting = [(entry, "") for entry in reversed(entries(root))]
    while waiting:
        entry, condition = waiting.pop()
        yield entry, condition
        body = items(entry.value)[-1:]
        name = str(entry.key.value)
        if body and isinstance(body[0], Mapping) and (name in _CONDITIONS or name in inside or "*" in inside):
            under = entry.key.raw if name in _CONDITIONS else condition
            waiting.extend((below, under) for below in reversed(entries(body[0])))


def _binds(host: Entry, port: int) -> bool:
    addresses = items(host.value)[:-1]
    for address in addresses:
        found = _PORT.search(address.span.text)
        if isinstance(address, Unresolved) or not found or found[1] in ("*", str(port)):
            return True
    return False
