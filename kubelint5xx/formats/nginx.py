"""nginx configuration: whole files, and fragments of ``conf.d`` that hold servers without ``http`` around them.

A directive is an entry whose value is the sequence of its arguments; a block has a mapping as its last item. The
place of a quoted argument has its quotes. Grammar: nginx's ``ngx_conf_read_token``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span

MAX_DEPTH = 100
_WORD = pattern(r"(?:\\.|\$\{|[^\s;{\\])+", re.DOTALL)
_BLANK = pattern(r"(?:\s+|#[^\n]*)+")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)}
_ESCAPE = pattern(r"\\([\"'\\trn])")
_ESCAPED = {"t": "\t", "r": "\r", "n": "\n"}
_LUA = pattern(r"(?:--)?\[(=*)\[|--[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[{}]", re.DOTALL)
_TEMPLATE = pattern(r"\{\{|\{%|<%")
_VARIABLE = pattern(r"\$\{?[A-Za-z_]\w*\}?")
_PASS = ("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass")
_HTTP_BLOCKS = ("server", "upstream", "map", "location")
_TIME = pattern(r"\s*(\d+)(ms|[smhdwMy]?)")
_UNITS = {"y": 31_536_000.0, "M": 2_592_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0,
          "ms": 0.001, "": 1.0}  # fmt: skip


def read(source: Source) -> Reading:
    """The directives of the file. After a syntax error what stands before it is still read."""
    parser = _Parser(source)
    problems: tuple[Problem, ...] = ()
    try:
        parser.run()
    except _SyntaxError as error:
        place = Span(source, error.at, error.at)
        template = _TEMPLATE.search(source.text)
        kind = "unrendered" if template else "unreadable"
        message = "a template, not nginx configuration yet" if template else f"not valid nginx configuration: {error}"
        problems = (Problem(source.path, place.line, message, kind, place.column),)
    return Reading((Document(source, "nginx", parser.root()),), problems)


def duration(text: str) -> float | None:
    """Seconds of a time such as ``75``, ``75s``, ``1m30s`` or ``500ms``; None where nginx would refuse it."""
    at, total, largest = 0, 0.0, float("inf")
    while match := _TIME.match(text, at):
        unit = _UNITS[match[2]]
        if unit >= largest:
            return None
        total += int(match[1]) * unit if len(match[1]) < 18 else float("inf")
        at, largest = match.end(), unit if match[2] else 0.0
    return total if at and at == len(text.rstrip()) and total != float("inf") else None


class _SyntaxError(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@record(frozen=False)
class _Block:
    start: int
    words: tuple[Scalar, ...]
    entries: list[Entry] = field(default_factory=list)


class _Parser:
    """Reads directives onto a stack of open blocks, so that a broken file still gives what it began with."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.open = [_Block(0, ())]

    def run(self) -> None:
        at, end = self._blank(0), len(self.source.text)
        words: list[Scalar] = []
        while at < end:
            character = self.source.text[at]
            if character == ";":
                if not words:
                    raise _SyntaxError('unexpected ";"', at)
                self._directive(tuple(words), at, None)
                words.clear()
                at += 1
            elif character == "{":
                if not words or len(self.open) > MAX_DEPTH:
                    raise _SyntaxError("nested too deeply" if words else 'unexpected "{"', at)
                if str(words[0].value).endswith("_by_lua_block"):
                    stop = self._lua(at)
                    self._directive(tuple(words), stop, Mapping(Span(self.source, at, stop), (), "Lua code"))
                    at = stop
                else:
                    self.open.append(_Block(at, tuple(words)))
                    at += 1
                words.clear()
            elif character == "}" and not words:
                if len(self.open) == 1:
                    raise _SyntaxError('unexpected "}"', at)
                at += 1
                self._close(at)
            else:
                word = self._word(at)
                words.append(word)
                at = word.span.end
            at = self._blank(at)
        if words:
            raise _SyntaxError('";" is missing after a directive', words[-1].span.end)
        if len(self.open) > 1:
            raise _SyntaxError('"}" is missing', self.open[-1].start)

    def root(self) -> Mapping:
        while len(self.open) > 1:
            self._close(len(self.source.text))
        return Mapping(Span(self.source, 0, len(self.source.text)), tuple(self.open[0].entries))

    def _close(self, end: int) -> None:
        block = self.open.pop()
        self._directive(block.words, end, Mapping(Span(self.source, block.start, end), tuple(block.entries)))

    def _directive(self, words: tuple[Scalar, ...], end: int, block: Mapping | None) -> None:
        name, *arguments = words
        first = arguments[0].span.start if arguments else block.span.start if block else name.span.end
        value = Sequence(Span(self.source, first, max(first, end)), (*arguments, *([block] if block else [])))
        self.open[-1].entries.append(Entry(name, value))

    def _blank(self, at: int) -> int:
        blank = _BLANK.match(self.source.text, at)
        return blank.end() if blank else at

    def _word(self, at: int) -> Scalar:
        quote = _QUOTED.get(self.source.text[at])
        found = quote.match(self.source.text, at) if quote else _WORD.match(self.source.text, at)
        if not found:
            raise _SyntaxError("a quote stays open" if quote else "a backslash at the end", at)
        raw = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), found[1] if quote else found[0])
        return Scalar(Span(self.source, at, found.end()), raw, raw, quoted=bool(quote))

    def _lua(self, at: int) -> int:
        depth, source = 0, self.source.text
        while token := _LUA.search(source, at):
            at = token.end()
            if token[1] is not None:
                long = f"]{token[1]}]"
                at = source.find(long, at) + len(long)
                if at < token.end():
                    break
            depth += (token[0] == "{") - (token[0] == "}")
            if depth == 0:
                return at
        raise _SyntaxError('"}" is missing after Lua code', self.open[-1].start)


def includes(root: Node) -> tuple[Scalar, ...]:
    """The file names of all ``include`` directives, at any depth."""
    found: list[Scalar] = []
    for entry in _all(_entries(root)):
        if entry.key.value == "include":
            found.extend(item for item in items(entry.value)[:1] if isinstance(item, Scalar))
    return tuple(found)


@record
class _Scope:
    """A block in which a request is handled, with the blocks around it, outermost first, each with its entries."""

    place: Span
    chain: tuple[tuple[Entry, ...], ...]

    def own(self, name: str) -> list[Entry]:
        return [entry for entry in self.chain[-1] if entry.key.value == name]

    def effective(self, name: str) -> list[Entry]:
        """The directives ``name`` of the nearest block that has any: an inner one replaces all of the outer ones."""
        for level in reversed(self.chain):
            if found := [entry for entry in level if entry.key.value == name]:
                return found
        return []


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """Where a directive that holds for requests on ``port`` is set; None means any port.

    ``main/NAME`` and ``http/NAME`` are directives of those blocks. ``server/NAME`` is the one in effect in each
    server that listens on the port, its own or inherited; ``location/NAME`` in each proxying location of these,
    with ``location /`` last; ``upstream/NAME`` in the upstreams that these locations name. Where only some of the
    blocks have a value, the others give an unresolved node. ``NAME[ARG]`` takes, of directives such as
    ``proxy_set_header``, the second argument of the one whose first is ``ARG``; ``NAME[*]`` takes all arguments
    of one. Else a value is the first argument. An argument with a variable is unresolved.
    """
    if isinstance(root, Unresolved):
        return (root,)
    where, _, name = key.partition("/")
    name, _, pick = name.removesuffix("]").partition("[")
    servers = _servers(root, port)
    match where:
        case "main":
            scopes = [_Scope(root.span, (_entries(root),))]
        case "http":
            scopes = [_Scope(root.span, (tuple(_http(root)),))]
        case "server":
            scopes = servers
        case "location":
            scopes = sorted(_locations(servers), key=lambda scope: scope.chain[-1] is _root_location(servers))
        case "upstream":
            return _upstream_values(root, servers, name, pick)
        case _:
            return ()
    return _values(scopes, name, pick)


def _values(scopes: Iterable[_Scope], name: str, pick: str) -> tuple[Node, ...]:
    found = [(_value(scope.effective(name), pick), scope.place) for scope in scopes]
    if not any(value for value, _ in found):
        return ()
    missing = f"{name} is not set in this block, but in others"
    return tuple(dict.fromkeys(value or Unresolved(place, missing) for value, place in found))


def _value(directives: list[Entry], pick: str) -> Node | None:
    for entry in reversed(directives):
        arguments = tuple(item for item in items(entry.value) if isinstance(item, Scalar))
        if pick == "*":
            return Sequence(entry.value.span, tuple(map(_known, arguments)))
        if not pick and arguments:
            return _known(arguments[0])
        if pick and len(arguments) > 1 and arguments[0].raw.lower() == pick.lower():
            return _known(arguments[1])
    return None


def _known(argument: Scalar) -> Node:
    variable = _VARIABLE.search(argument.raw)
    return Unresolved(argument.span, f"{variable[0]} is known only when nginx runs") if variable else argument


def _http(root: Node) -> Iterator[Entry]:
    """The entries of all ``http`` blocks, or the whole file where it is a fragment of one."""
    blocks = [entry for entry in _entries(root) if entry.key.value == "http"]
    for block in blocks:
        yield from _body(block)
    if not blocks or any(entry.key.value in _HTTP_BLOCKS for entry in _entries(root)):
        yield from (entry for entry in _entries(root) if entry.key.value not in ("http", "stream", "mail", "events"))


def _servers(root: Node, port: int | None) -> list[_Scope]:
    http = tuple(_http(root))
    servers = [_Scope(entry.key.span, (http, _body(entry))) for entry in http if entry.key.value == "server"]
    if not servers and any(entry.key.value == "location" for entry in http):
        # A fragment that some server includes: on which port is not known.
        return [_Scope(root.span, (http,))]
    return [server for server in servers if port is None or _listens(server, port)]


def _listens(server: _Scope, port: int) -> bool:
    listens = [text(items(entry.value)[0]) or "" for entry in server.own("listen") if items(entry.value)]
    return any(_port(address) in (port, None) for address in listens) if listens else port == 80


def _port(address: str) -> int | None:
    """The port of a ``listen`` address; -1 for a socket in the file system, None where a variable hides it."""
    if _VARIABLE.search(address):
        return None
    if address.startswith("unix:"):
        return -1
    last = address.rpartition(":")[2] if not address.endswith("]") else ""
    if ":" not in address and not address.isdecimal():
        return 80
    return int(last) if last.isdecimal() and len(last) < 6 else 80


def _locations(servers: list[_Scope]) -> Iterator[_Scope]:
    """The locations that proxy, with the conditions inside them that do."""
    pending = [(server, entry) for server in reversed(servers) for entry in reversed(server.chain[-1])]
    while pending:
        scope, entry = pending.pop()
        if entry.key.value not in ("location", "if", "limit_except"):
            continue
        inner = _Scope(entry.key.span, (*scope.chain, _body(entry)))
        if any(inner.own(name) for name in _PASS):
            yield inner
        pending.extend((inner, below) for below in reversed(inner.chain[-1]))


def _root_location(servers: list[_Scope]) -> tuple[Entry, ...] | None:
    for server in servers:
        for entry in server.own("location"):
            if [text(item) for item in items(entry.value)[:-1]] == ["/"]:
                return _body(entry)
    return None


def _upstream_values(root: Node, servers: list[_Scope], name: str, pick: str) -> tuple[Node, ...]:
    upstreams = {
        (text(items(entry.value)[0]) or "").lower(): _Scope(entry.key.span, (_body(entry),))
        for entry in _http(root)
        if entry.key.value == "upstream" and len(items(entry.value)) > 1
    }
    named: dict[Span, _Scope] = {}
    unknown: list[Node] = []
    for location in _locations(servers):
        for passing in (entry for each in _PASS for entry in location.own(each)):
            target = next(iter(items(passing.value)), None)
            host = re.sub(r"^[a-z]+://", "", (text(target) or "").lower()).partition("/")[0]
            found = upstreams.get(host) or upstreams.get(host.rpartition(":")[0])
            if found:
                named[found.place] = found
            elif isinstance(target, Scalar) and _VARIABLE.match(host):
                unknown.append(Unresolved(target.span, f"the upstream {target.raw} is chosen for each request"))
    return (*_values(named.values(), name, pick), *unknown)


@record
class Pass:
    """A directive that passes requests on, to ``address`` (``host`` or ``host:port``). ``place``: where that stands."""

    directive: Scalar
    scheme: str
    address: str
    place: Span


def passes(root: Node, port: int | None = None) -> tuple[Pass, ...]:
    """Where the servers that listen on ``port`` pass requests on to: one for each server of an upstream."""
    found: list[Pass] = []
    upstreams = {
        (text(items(entry.value)[0]) or "").lower(): _body(entry)
        for entry in _http(root)
        if entry.key.value == "upstream" and len(items(entry.value)) > 1
    }
    for location in _locations(_servers(root, port)):
        for passing in (entry for each in _PASS for entry in location.own(each)):
            target = next(iter(items(passing.value)), None)
            if not isinstance(target, Scalar):
                continue
            url = text(_assigned(target, location)) or ""
            scheme, separator, rest = url.partition("://")
            host = (rest if separator else url).partition("/")[0]
            name = str(passing.key.value).removesuffix("_pass")
            protocol = (scheme if separator else "http") if name == "proxy" else name
            servers = upstreams.get(host.lower())
            if servers is None:
                found.append(Pass(passing.key, protocol, host, target.span))
            for entry in servers or ():
                address = next(iter(items(entry.value)), None)
                if entry.key.value == "server" and isinstance(address, Scalar):
                    found.append(Pass(passing.key, protocol, text(address) or "", address.span))
    return tuple(found)


def only_with(root: Node, directives: frozenset[Span]) -> Node:
    """The file without the other directives that pass requests on."""
    if isinstance(root, Sequence):
        return Sequence(root.span, tuple(only_with(item, directives) for item in root.items))
    if not isinstance(root, Mapping):
        return root
    kept = [entry for entry in root.entries if entry.key.value not in _PASS or entry.key.span in directives]
    entries = tuple(Entry(entry.key, only_with(entry.value, directives)) for entry in kept)
    return Mapping(root.span, entries, root.open)


def _assigned(target: Scalar, location: _Scope) -> Scalar:
    """The target with the variable that it begins with replaced by what one ``set`` gives."""
    variable = re.match(r"((?:[a-z]+://)?)\$\{?(\w+)\}?", target.raw)
    if not variable:
        return target
    given = [
        items(entry.value)
        for level in location.chain
        for entry in level
        if entry.key.value == "set" and (text(next(iter(items(entry.value)), None)) or "") == f"${variable[2]}"
    ]
    value = text(given[0][1]) if len(given) == 1 and len(given[0]) == 2 else None
    if value is None or "$" in value:
        return target
    return Scalar(target.span, variable[1] + value + target.raw[variable.end() :], target.raw)


def _entries(node: Node) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def _body(entry: Entry) -> tuple[Entry, ...]:
    block = items(entry.value)[-1:]
    return _entries(block[0]) if block else ()


def _all(entries: Iterable[Entry]) -> Iterator[Entry]:
    pending = list(entries)[::-1]
    while pending:
        entry = pending.pop()
        yield entry
        pending.extend(reversed(_body(entry)))
