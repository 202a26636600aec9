"""The Caddyfile: global options, snippets and sites, each with directives.

A directive is an entry whose value is the sequence of its arguments; a block has a mapping as its last item. The
block of global options has an empty key; a site has its first address as its key and the others as arguments. The
place of a quoted argument has its quotes. Grammar: https://caddyserver.com/docs/caddyfile/concepts.
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
_BLANK = pattern(r"(?:[ \t\r]|\\\r?\n)*(?:#[^\n]*)?")
_HEREDOC = pattern(r"<<([A-Za-z0-9_-]+)\r?\n(?:[^\n]*\n){0,100}?[ \t]*\1(?!\w)")
_WORD = pattern(r"\"((?:[^\"\\]|\\.)*)\"|`([^`]*)`|((?![\"`])(?:(?:\\.|[^\s\\])+|\\))", re.DOTALL)
_VARIABLE = pattern(r"\{(?:\$|env\.)\w+")
_JSON = pattern(r"\s*\{\s*\"")
_PORT = pattern(r":(\d{1,5})(?:/|\Z)")
_PROXY = ("reverse_proxy",)


def read(source: Source) -> Reading:
    """The blocks of the file. After a syntax error what stands before it is still read."""
    if _JSON.match(source.text):
        message = "Caddy's configuration in JSON is not read"
        return Reading((), (Problem(source.path, 1, message, "notice"),))
    parser = _Parser(source)
    problems: tuple[Problem, ...] = ()
    try:
        parser.run()
    except _SyntaxError as error:
        line = source.span_of_line(source.line_of(error.at)).line
        problems = (Problem(source.path, line, f"not a valid Caddyfile: {error}"),)
    return Reading((Document(source, "caddyfile", parser.root()),), problems)


class _SyntaxError(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@record(frozen=False)
class _Block:
    start: int
    words: list[Scalar]
    entries: list[Entry] = field(default_factory=list)


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.open = [_Block(0, [])]

    def run(self) -> None:
        text, at = self.source.text, 0
        words: list[Scalar] = []
        while at < len(text):
            blank = _BLANK.match(text, at)
            at = blank.end() if blank else at
            if at >= len(text) or text[at] == "\n":
                # A site's addresses go on behind a comma.
                if words and not (len(self.open) == 1 and words[-1].raw.endswith(",")):
                    self.line(words)
                    words = []
                at += 1
                continue
            match = _HEREDOC.match(text, at) or _WORD.match(text, at)
            if not match:
                raise _SyntaxError("a quote stays open", at)
            word = self.word(at, match)
            at = match.end()
            if word.raw == "{" and not word.quoted and (blank := _BLANK.match(text, at)) and self.ends(blank.end()):
                if len(self.open) > MAX_DEPTH:
                    raise _SyntaxError("nested too deeply", word.span.start)
                self.open.append(_Block(word.span.start, words))
                words = []
            elif word.raw == "}" and not word.quoted and not words:
                if len(self.open) == 1:
                    raise _SyntaxError('unexpected "}"', word.span.start)
                self.close(at)
            else:
                words.append(word)
        if words:
            self.line(words)
        if len(self.open) > 1:
            raise _SyntaxError('"}" is missing', self.open[-1].start)

    def root(self) -> Mapping:
        while len(self.open) > 1:
            self.close(len(self.source.text))
        return self.mapping(0, len(self.source.text), self.open[0].entries)

    def word(self, at: int, match: re.Match[str]) -> Scalar:
        quoted = match[0][0] in '"`' or "\n" in match[0]
        written = next((part for part in match.groups() if part is not None), "")
        if match[0][0] == '"':
            written = written.replace('\\"', '"')
        return Scalar(Span(self.source, at, match.end()), written, written, quoted=quoted)

    def ends(self, at: int) -> bool:
        return at >= len(self.source.text) or self.source.text[at] == "\n"

    def line(self, words: list[Scalar]) -> None:
        self.open[-1].entries.append(Entry(words[0], self.arguments(words, None)))

    def close(self, end: int) -> None:
        block = self.open.pop()
        body = self.mapping(block.start, end, block.entries)
        key = block.words[0] if block.words else Scalar(Span(self.source, block.start, block.start + 1), "", "")
        self.open[-1].entries.append(Entry(key, self.arguments(block.words, body)))

    def arguments(self, words: list[Scalar], body: Mapping | None) -> Sequence:
        found: tuple[Node, ...] = (*map(_known, words[1:]), *([body] if body else []))
        last = found[-1].span.end if found else words[0].span.end
        start = found[0].span.start if found else last
        return Sequence(Span(self.source, start, max(start, last)), found)

    def mapping(self, start: int, end: int, found: list[Entry]) -> Mapping:
        imports = next((entry for entry in found if entry.key.value == "import"), None)
        why = f"it imports {imports.value.span.text}" if imports else ""
        return Mapping(Span(self.source, start, end), tuple(found), why)


def _known(word: Scalar) -> Node:
    variable = _VARIABLE.search(word.raw)
    return Unresolved(word.span, f"{variable[0]}}} is known only when Caddy runs") if variable else word


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What a directive that holds for requests on ``port`` is set to; None means any port.

    ``global/NAME`` is a global option; ``servers/NAME`` and ``timeouts/NAME`` stand in the global ``servers`` of the
    port or, where there are none, of all ports. ``proxy/NAME`` stands in the sites' ``reverse_proxy``, and
    ``transport/NAME`` in its transport. The value is the first argument, or True where there is none. Where the
    proxies that may be meant do not agree, the value is unresolved.
    """
    if not isinstance(root, Mapping):
        return (root,) if isinstance(root, Unresolved) else ()
    where, _, name = key.partition("/")
    options = _body(root.get(""))
    if where == "global":
        return _values(options, name)
    if where in ("servers", "timeouts"):
        return _of_servers(options, where, name, port)
    sites = [entry for entry in root.entries if entry.key.value != "" and not entry.key.raw.startswith("(")]
    # A file of a single site may leave out its braces.
    braces = not sites or any(isinstance(item, Mapping) for item in items(sites[0].value))
    bound = [site for site in (sites if braces else sites[:1]) if port is None or _binds(site, port)]
    if sites and not bound:
        return (Unresolved(root.span, f"no site here has port {port}"),)
    bodies = [_body(site.value) for site in bound] if braces else [tuple(sites[1:])]
    proxies = [proxy for body in bodies for proxy in _proxies(body)]
    blocks = proxies if where == "proxy" else [_transport(proxy) for proxy in proxies]
    return _agreed([_values(block, name) for block in blocks], name, root.span)


def _of_servers(options: tuple[Entry, ...], where: str, name: str, port: int | None) -> tuple[Node, ...]:
    servers = [items(entry.value) for entry in options if entry.key.value == "servers"]
    own = [words for words in servers if _addressed(words, port)] or [words for words in servers if len(words) == 1]
    found: list[tuple[Node, ...]] = []
    for words in own:
        block = entries(words[-1])
        bodies = [block] if where == "servers" else [_body(e.value) for e in block if e.key.value == "timeouts"]
        found += [_values(body, name) for body in bodies]
    return _agreed(found, name, options[0].key.span) if found else ()


def _addressed(words: tuple[Node, ...], port: int | None) -> bool:
    return len(words) > 1 and (port is None or any(_port(word.span.text) == port for word in words[:-1]))


def _binds(site: Entry, port: int) -> bool:
    addresses = [site.key.span.text, *(word.span.text for word in items(site.value) if not isinstance(word, Mapping))]
    return any(_port(address.rstrip(",")) in (port, None) for address in addresses)


def _port(address: str) -> int | None:
    """The port of a site's address; None where it is not known."""
    found = _PORT.search(address.partition("://")[2] or address)
    if found:
        return int(found[1])
    if "{" in address:
        return None
    return 80 if address.startswith("http://") else 443


def _proxies(body: tuple[Entry, ...]) -> Iterator[tuple[Entry, ...]]:
    waiting = list(body)
    while waiting:
        entry = waiting.pop()
        if entry.key.value in _PROXY:
            yield _body(entry.value)
        else:
            waiting.extend(_body(entry.value))


def _transport(proxy: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return next((_body(entry.value) for entry in proxy if entry.key.value == "transport"), ())


def _body(value: Node | None) -> tuple[Entry, ...]:
    return entries(items(value)[-1]) if items(value) else ()


def _values(block: tuple[Entry, ...], name: str) -> tuple[Node, ...]:
    found = [entry for entry in block if entry.key.value == name][-1:]
    return tuple(next(iter(items(entry.value)), Scalar(entry.key.span, True, "true")) for entry in found)


def _agreed(found: list[tuple[Node, ...]], name: str, place: Span) -> tuple[Node, ...]:
    if len({tuple(node.span.text for node in nodes) for nodes in found}) <= 1:
        return found[-1] if found else ()
    places = [node.span for nodes in found for node in nodes]
    return (Unresolved(places[-1] if places else place, f"{name} is not the same for all requests"),)
