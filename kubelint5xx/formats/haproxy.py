"""HAProxy configuration: sections, each with one setting a line.

A section is an entry whose value is the sequence of its arguments, with the mapping of its settings as the last item;
a setting is an entry whose value is the sequence of its arguments. The place of a quoted argument has its quotes.
Grammar: sections 2.2, 2.4 and 4 of HAProxy's configuration manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, entries, items
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span

_LINE = pattern(r"[^\r\n]+")
_BLANK = pattern(r"[ \t]*(?:#.*)?")
_PIECE = pattern(
    r"\\(?P<escape>x[0-9A-Fa-f]{2}|.)|\"(?P<weak>(?:[^\"\\]|\\.)*)\"|'(?P<strong>[^']*)'|(?P<plain>[^\s\"'\\#])"
)
_ESCAPE = pattern(r"\\(x[0-9A-Fa-f]{2}|.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_VARIABLE = pattern(r"(?<!\\)(?:\\\\)*\$\{?\w+")
_TEMPLATE = pattern(r"\{\{|\{%|<%")
_PORTS = pattern(r"(\d{1,5})(?:-(\d{1,5}))?\Z")
_PROXIES = ("frontend", "listen", "backend")
_SECTIONS = (
    "global", "defaults", *_PROXIES, "peers", "resolvers", "mailers", "userlist", "cache", "program", "http-errors",
    "ring", "log-forward", "log-profile", "fcgi-app", "crt-store", "traces", "acme", "dynamic-update", "namespace_list",
)  # fmt: skip


def read(source: Source) -> Reading:
    """The sections of the file. What stands under a condition (``.if``) is unresolved. A line that HAProxy would
    refuse is a problem; the rest is read. A template is a problem, and nothing in it is read."""
    if template := next((line for line in _LINE.finditer(source.text) if _TEMPLATE.match(line[0].lstrip())), None):
        message = "a template, not HAProxy configuration yet"
        return Reading((), (Problem(source.path, source.line_of(template.start()), message, "unrendered"),))
    sections: list[_Section] = []
    problems: list[Problem] = []
    conditions = 0
    for line in _LINE.finditer(source.text):
        words, error = _words(source, line)
        if error:
            problems.append(Problem(source.path, source.line_of(line.start()), error))
        if not words:
            continue
        first, arguments = words[0], words[1:]
        name = first.span.text
        if name.startswith("."):
            conditions = max(0, conditions + (name == ".if") - (name == ".endif"))
        elif name in _SECTIONS:
            sections.append(_Section(first.span, _key(first), arguments))
        elif sections:
            values = tuple(map(_conditional, arguments)) if conditions else arguments
            end = arguments[-1].span.end if arguments else first.span.end
            place = Span(source, arguments[0].span.start if arguments else end, end)
            sections[-1].entries.append(Entry(_key(first), Sequence(place, values)))
        else:
            message = f"not HAProxy configuration: {name[:40]!r} stands before any section"
            problems.append(Problem(source.path, first.span.line, message))
            break
    whole = Span(source, 0, len(source.text))
    root = Mapping(whole, tuple(section.entry() for section in sections))
    return Reading((Document(source, "haproxy", root),), tuple(problems))


@record(frozen=False)
class _Section:
    place: Span
    key: Scalar
    arguments: tuple[Node, ...]
    entries: list[Entry] = field(default_factory=list)

    def entry(self) -> Entry:
        body = Mapping(self.place, tuple(self.entries))
        return Entry(self.key, Sequence(self.place, (*self.arguments, body)))


def _words(source: Source, line: re.Match[str]) -> tuple[tuple[Node, ...], str]:
    """The words of a line, and what is wrong with it."""
    words: list[Node] = []
    at, text = 0, line[0]
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if at >= len(text):
            return tuple(words), ""
        start, parts, variable = at, "", ""
        while at < len(text) and (piece := _PIECE.match(text, at)):
            at = piece.end()
            if piece["weak"] is not None and (found := _VARIABLE.search(piece["weak"])):
                variable = found[0].lstrip("\\")
            parts += _decoded(piece)
        if at == start:
            # Other blanks end a word too, where neither a quote nor a backslash stays open.
            if text[at].isspace():
                at += 1
                continue
            return tuple(words), "a quote stays open" if text[at] in "\"'" else "a backslash ends the line"
        place = Span(source, line.start() + start, line.start() + at)
        if variable:
            words.append(Unresolved(place, f"{variable}{'}' * ('{' in variable)} is known only when HAProxy runs"))
        else:
            words.append(Scalar(place, parts, parts, quoted=place.text[0] in "\"'"))


def _decoded(piece: re.Match[str]) -> str:
    if piece["weak"] is not None:
        return _ESCAPE.sub(lambda escape: _character(escape[1]), piece["weak"])
    if piece["escape"] is not None:
        return _character(piece["escape"])
    return piece["strong"] if piece["strong"] is not None else piece["plain"]


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 3 else _ESCAPED.get(escape, escape)


def _key(word: Node) -> Scalar:
    return word if isinstance(word, Scalar) else Scalar(word.span, word.span.text, word.span.text)


def _conditional(word: Node) -> Node:
    return Unresolved(word.span, "it stands under a condition (.if)")


@record
class _Proxy:
    """A section that handles requests. ``settings`` begin with those that it inherits."""

    kind: str
    name: str
    place: Span
    arguments: tuple[Node, ...]
    settings: tuple[Entry, ...]

    def every(self, name: str) -> Iterator[tuple[Node, ...]]:
        return (items(entry.value) for entry in self.settings if entry.key.value == name)

    @property
    def serves(self) -> bool:
        """Whether it sends requests on, unlike a page of statistics."""
        return any(entry.key.value in ("server", "default_backend", "use_backend") for entry in self.settings)


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What a setting that holds for requests on ``port`` is set to; None means any port.

    ``global/NAME`` is a process-wide setting. ``frontend/NAME`` is the one in effect, own or inherited, in the
    frontends and listens that are bound to the port; ``backend/NAME`` in their default backend, or in all backends
    that they use. ``NAME`` is one or more words (``timeout client``); the value is the word behind them, or True where
    there is none, and False behind ``no``. ``NAME *`` gives every word behind, and ``option a|b`` the one of the
    options that was set last. Where the sections that may be meant do not agree, the value is unresolved.
    """
    if isinstance(root, Unresolved):
        return (root,)
    where, _, name = key.partition("/")
    if where == "global":
        every = [entry for section in entries(root) if section.key.value == "global" for entry in _body(section)]
        return _value(_Proxy(where, "", root.span, (), tuple(every)), name)
    proxies = _proxies(root)
    fronts = _bound(proxies, port)
    if not fronts:
        # A file of defaults only, which hold for the files that are read after it.
        defaults = [proxy for proxy in proxies if proxy.kind == "defaults"]
        if len(defaults) == len(proxies):
            return _value(defaults[-1], name) if defaults else ()
        if not any(proxy.kind in ("frontend", "listen") for proxy in proxies):
            return ()
        return (Unresolved(root.span, f"no frontend here is bound to port {port}"),)
    if where == "frontend":
        return _agreed(fronts, name)
    chosen: list[_Proxy] = []
    for front in fronts:
        found = _backends(front, proxies)
        if isinstance(found, Unresolved):
            return (found,)
        chosen += found
    return _agreed(list({proxy.place: proxy for proxy in chosen}.values()), name)


def _proxies(root: Node) -> list[_Proxy]:
    proxies: list[_Proxy] = []
    defaults: dict[str, tuple[Entry, ...]] = {}
    latest: tuple[Entry, ...] = ()
    for section in entries(root):
        kind = str(section.key.value)
        if kind != "defaults" and kind not in _PROXIES:
            continue
        arguments = [argument.span.text for argument in items(section.value)[:-1]]
        named = arguments[: arguments.index("from")] if "from" in arguments else arguments
        inherited = () if kind == "defaults" else latest
        if "from" in arguments[:-1]:
            inherited = defaults.get(arguments[arguments.index("from") + 1], ())
        settings = (*inherited, *_body(section))
        name = named[0] if named else ""
        if kind == "defaults":
            latest = defaults[name] = settings
        proxies.append(_Proxy(kind, name, section.key.span, items(section.value)[1 : len(named)], settings))
    return proxies


def _bound(proxies: list[_Proxy], port: int | None) -> list[_Proxy]:
    fronts = [proxy for proxy in proxies if proxy.kind in ("frontend", "listen")]
    if port is None:
        return [front for front in fronts if front.serves] or fronts
    matching = {front.place: _binds(front, port) for front in fronts}
    return [front for front in fronts if matching[front.place]] or [
        front for front in fronts if matching[front.place] is None
    ]


def _binds(front: _Proxy, port: int) -> bool | None:
    """Whether the frontend is bound to ``port``; None where that is not known."""
    addresses = [*front.arguments, *(words[0] for words in front.every("bind") if words)]
    if any(isinstance(address, Unresolved) for address in addresses):
        return None
    ranges = [_PORTS.search(one) for address in addresses for one in str(getattr(address, "value", "")).split(",")]
    return any(found and int(found[1]) <= port <= int(found[2] or found[1]) for found in ranges)


def _backends(front: _Proxy, proxies: list[_Proxy]) -> list[_Proxy] | Unresolved:
    chosen = [words[0] for words in front.every("default_backend") if words][-1:]
    used = [words[0] for words in front.every("use_backend") if words]
    if front.kind == "listen" and any(front.every("server")):
        return [front]
    known = {proxy.name: proxy for proxy in proxies if proxy.kind in ("backend", "listen")}
    found: list[_Proxy] = []
    for word in chosen or used:
        if not isinstance(word, Scalar) or "%[" in word.raw:
            return Unresolved(word.span, "the backend is chosen for each request")
        if word.raw not in known:
            return Unresolved(word.span, f"there is no backend {word.raw} in this file")
        found.append(known[word.raw])
    return found


def _agreed(proxies: list[_Proxy], name: str) -> tuple[Node, ...]:
    found = [_value(proxy, name) for proxy in proxies]
    if len({tuple(node.span.text for node in nodes) for nodes in found}) <= 1:
        return found[-1] if found else ()
    return (Unresolved(proxies[-1].place, f"{name} is not the same in all sections that may be meant"),)


def _value(proxy: _Proxy, name: str) -> tuple[Node, ...]:
    first, *rest = name.split(" ")
    last = rest[-1] if rest else ""
    every, choice = last == "*", last.split("|") if "|" in last else []
    wanted = rest[:-1] if every or choice else rest
    found: tuple[Node, ...] = ()
    for entry in proxy.settings:
        words, negated = items(entry.value), entry.key.value == "no"
        if negated and words and words[0].span.text == first:
            words = words[1:]
        elif entry.key.value != first:
            continue
        if not _begins(words, wanted):
            continue
        behind = words[len(wanted) :]
        if every:
            found = behind
        elif choice:
            found = _chosen(behind, choice, negated, found)
        elif negated:
            found = (Scalar(entry.key.span, False, "false"),)
        else:
            found = behind[:1] or (_given(words[-1] if words else entry.key),)
    return found


def _begins(words: tuple[Node, ...], wanted: Iterable[str]) -> bool:
    return [word.span.text for word in words[: len(list(wanted))]] == list(wanted)


def _chosen(behind: tuple[Node, ...], choice: list[str], negated: bool, found: tuple[Node, ...]) -> tuple[Node, ...]:
    if not behind or behind[0].span.text not in choice:
        return found
    if not negated:
        return behind[:1]
    return () if found and found[0].span.text == behind[0].span.text else found


def _given(word: Node) -> Node:
    return word if isinstance(word, Unresolved) else Scalar(word.span, True, "true")


def _body(section: Entry) -> tuple[Entry, ...]:
    return entries(items(section.value)[-1])
