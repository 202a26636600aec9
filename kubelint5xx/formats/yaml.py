"""YAML as Kubernetes and Helm read it: streams of documents, with the exact place of every value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.json import repeated_keys
from kubelint5xx.formats.yaml_scalar import application_tag, key_text, resolve, resolve_tagged, short_tag

try:
    from yaml._yaml import CParser as _Parser
except ImportError:  # PyYAML without libyaml: the same events, ten times slower
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]

MAX_DEPTH = 200
MAX_EVENTS = 1_000_000  # in one document; 9 MB of manifests have about 270,000
MAX_DOCUMENTS = 50_000
MAX_EXPANDED = 1_000_000  # values that aliases stand for in one document
MAX_MERGED = 100_000  # entries that merge keys may bring into one document

_ORIGIN = pattern(r"^# Source: ([^\r\n]*)", re.MULTILINE)
_TEMPLATE = pattern(r"^[^#\n]*?(\{\{|\{%|%\{)", re.MULTILINE)
_TEMPLATE_ENDS = {"{{": "}}", "{%": "%}", "%{": "}"}
_DIRECTIVE = pattern(r"^%(?:YAML|TAG)[ \t]", re.MULTILINE)
_CONTENT = pattern(r"(?:---)?(?:\s+|#[^\n]*)*+", re.MULTILINE)
_PROPERTIES = pattern(r"(?:[&!]\S*(?:\s+(?:#[^\n]*\n\s*)*|$)){1,2}")
_MERGE_TAG = "tag:yaml.org,2002:merge"


def read(source: Source, wanted: re.Pattern[str] | None = None, functions: bool = False) -> Reading:
    """The documents of ``source``, except empty ones and those in which ``wanted`` finds nothing.

    ``functions``: an application's tag is CloudFormation's short form of a function (``!Sub x`` is ``{Fn::Sub: x}``).
    A broken document is a problem with its place; the others are read all the same.
    """
    text = source.text
    if text.startswith("\ufeff"):
        text = "\n" + text[1:]  # so that patterns see the start of a line, at the same offsets
    if wanted and not wanted.search(text):
        return Reading()
    documents: list[Document] = []
    problems: list[Problem] = []
    composed = 0
    for start, end in _chunks(text):
        if _CONTENT.fullmatch(text, start, end) or (wanted and not wanted.search(text, start, end)):
            continue
        composed += 1
        if composed > MAX_DOCUMENTS:
            message = f"has more than {MAX_DOCUMENTS:,} documents; the rest is not read"
            problems.append(_problem(source, start, message, "unreadable"))
            break
        origin = _ORIGIN.search(text, start, end)
        try:
            # A last line without its end would leave a block of text without one, which go-yaml reads with it.
            chunk = text[start:end] if text.endswith("\n", start, end) else text[start:end] + "\n"
            for root in _Composer(source, chunk, start, problems, functions).documents():
                if not (isinstance(root, Scalar) and root.value is None):
                    documents.append(Document(source, "yaml", root, origin[1].strip() if origin else ""))
        except _Failure as failure:
            template = _TEMPLATE.search(text, start, end)
            if template and failure.syntax:
                expression = f"{template[1]} … {_TEMPLATE_ENDS[template[1]]}"
                message = f"contains template expressions ({expression}); render it first"
                problems.append(_problem(source, template.start(1), message, "unrendered"))
            else:
                problems.append(_problem(source, failure.offset, str(failure), "unreadable"))
    return Reading(tuple(documents), tuple(problems))


class _Failure(Exception):
    """A document cannot be read. ``syntax`` tells whether an unrendered template could be the cause."""

    def __init__(self, message: str, offset: int, syntax: bool = True) -> None:
        super().__init__(message)
        self.offset = offset
        self.syntax = syntax


def _problem(source: Source, offset: int, message: str, kind: str) -> Problem:
    place = Span(source, offset, offset)
    return Problem(source.path, place.line, message, kind, place.column)


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    """The stretches between document separators. A line that starts with ``---`` is one wherever it stands."""
    start = 0
    # A directive belongs to the document after its separator: such rare streams stay in one piece.
    at = -1 if "%" in text and _DIRECTIVE.search(text, start) else text.find("\n---", start)
    while at >= 0:
        if at + 4 == len(text) or text[at + 4] in " \t\r\n":
            yield start, at + 1
            start = at + 1
        at = text.find("\n---", at + 4)
    yield start, len(text)


class _Composer:
    """Makes nodes of the parser's events. Iterative, so depth costs no stack; aliases share their anchor's node."""

    def __init__(self, source: Source, chunk: str, base: int, problems: list[Problem], functions: bool) -> None:
        self._source = source
        self._functions = functions
        self._chunk = chunk
        self._base = base
        self._problems = problems
        self._notices: list[Problem] = []
        self._merged = 0
        self._sizes: dict[int, int] = {}
        self._expanded = 0

    def documents(self) -> Iterator[Node]:
        """The root of every document. Raises _Failure at the first that is broken."""
        try:
            get = _Parser(self._chunk).get_event
            while True:
                event = get()
                if event is None or type(event) is StreamEndEvent:
                    return
                root = self._document(get)
                if root is not None:
                    yield root
        except MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except ReaderError as error:
            before = self._chunk.encode(errors="replace")[: error.position].decode(errors="ignore")
            raise _Failure("holds a control character that YAML forbids", self._base + len(before), False) from None
        except UnicodeEncodeError as error:
            raise _Failure("holds half of a surrogate pair", self._base + error.start, False) from None
        except YAMLError as error:
            raise _Failure(f"not valid YAML: {error}", self._base) from None

    def _syntax_error(self, error: MarkedYAMLError) -> _Failure:
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark else 0
        if self._chunk.startswith("\t", at) and "cannot start any token" in (error.problem or ""):
            return _Failure("not valid YAML: a tab stands where only spaces may indent", self._base + at)
        if at >= len(self._chunk):  # about what the last line lacks, so not on the empty line after it
            at = max(0, len(self._chunk.rstrip()) - 1)
        where = ""
        begins = error.context_mark.index if error.context_mark and mark else at
        if begins < at and error.context and error.context.startswith(("while parsing a ", "while scanning a ")):
            line = self._source.line_of(self._base + begins)
            where = f", in the {error.context.split(' a ', 1)[1]} that starts at line {line}"
        return _Failure(f"not valid YAML: {error.problem or error.context}{where}", self._base + at)

    def _document(self, get: Any) -> Node | None:
        """The next document's root, or None after an event that belongs to none."""
        source, base = self._source, self._base
        text = source.text
        anchors: dict[str, Node] = {}
        stack: list[tuple[list[Node | None], Any, bool]] = []
        items: list[Node | None] = []
        keyed = False  # whether the items are a mapping's: key, value, key, value
        last = base  # where the last token ended: block collections have no mark of their own end
        node: Node
        self._merged, self._notices = 0, []
        self._sizes, self._expanded = {}, 0
        for _ in range(MAX_EVENTS):
            event = get()
            kind = type(event)
            if kind is ScalarEvent:
                start, last, style = base + event.start_mark.index, base + event.end_mark.index, event.style
                value: str = event.value
                tag = event.tag
                anchor = event.anchor
                if anchor is not None or tag is not None:
                    start = self._after_properties(start, last)
                if style == "|" or style == ">":
                    last = min(last, len(text))
                    while text[last - 1].isspace():
                        last -= 1
                span = Span(source, start, last)
                if value == "<<" and keyed and not len(items) & 1 and (tag == _MERGE_TAG or event.implicit[0]):
                    items.append(None)
                    continue
                if tag is not None:
                    node = _tagged(tag, value, span, bool(style))
                    if self._functions and application_tag(tag):
                        node = _call(tag, Scalar(span, value, value, True))
                elif style:
                    node = Scalar(span, value, value, True)
                else:
                    node = Scalar(span, resolve(value), value)
                if anchor is not None:
                    anchors[anchor] = node
                items.append(node)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise _Failure(f"nests deeper than {MAX_DEPTH} levels", base + event.start_mark.index, False)
                stack.append((items, event, keyed))
                items, keyed = [], kind is MappingStartEvent
                if event.anchor is not None:
                    place = Span(source, base + event.start_mark.index, base + event.end_mark.index)
                    anchors[event.anchor] = Unresolved(place, "the alias refers to itself")
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                below, keyed_below = items, keyed
                items, opening, keyed = stack.pop()
                if opening.flow_style:
                    last = base + event.end_mark.index
                start, anchor, tag = base + opening.start_mark.index, opening.anchor, opening.tag
                if anchor is not None or tag is not None:
                    start = self._after_properties(start, last)
                span = Span(source, start, last)
                # Only a mapping's items hold None.
                node = self._mapping(span, below) if keyed_below else Sequence(span, tuple(below))  # type: ignore[arg-type]
                if tag is not None and application_tag(tag):
                    node = _call(tag, node) if self._functions else _elsewhere(tag, span)
                if anchor is not None:
                    anchors[anchor] = node
                    self._sizes[id(node)] = self._size(node)
                items.append(node)
            elif kind is AliasEvent:
                last = base + event.end_mark.index
                node = self._alias(event, anchors)
                # What a merge key brings in, in a list or not, is counted by _merge.
                around = items if keyed or not stack else stack[-1][0]
                if not (around and around[-1] is None):
                    self._expand(self._sizes.get(id(node), 1), last)
                items.append(node)
            elif kind is DocumentEndEvent or event is None or kind is StreamEndEvent:
                self._problems.extend(self._notices)
                return items[0] if items else None
        raise _Failure(f"holds more than {MAX_EVENTS:,} values", last, False)

    def _alias(self, event: Any, anchors: dict[str, Node]) -> Node:
        place = Span(self._source, self._base + event.start_mark.index, self._base + event.end_mark.index)
        node = anchors.get(event.anchor)
        if node is None:
            raise _Failure(f"not valid YAML: the alias *{event.anchor} has no anchor before it", place.start)
        if isinstance(node, Scalar):
            return Scalar(node.span, node.value, node.raw, node.quoted, (place, *node.via))
        return node

    def _expand(self, count: int, offset: int) -> None:
        """Count what an alias stands for: its node is shared, but whoever walks the tree meets it each time."""
        self._expanded += count
        if self._expanded > MAX_EXPANDED:
            raise _Failure(f"its aliases stand for more than {MAX_EXPANDED:,} values", offset, False)

    def _size(self, root: Node) -> int:
        """How many values a walk below ``root`` meets; those of anchors within are known already."""
        count, waiting = 0, [root]
        while waiting:
            node = waiting.pop()
            if id(node) in self._sizes:
                count += self._sizes[id(node)]
                continue
            count += 1
            if isinstance(node, Mapping):
                waiting.extend(entry.value for entry in node.entries)
            elif isinstance(node, Sequence):
                waiting.extend(node.items)
        return count

    def _after_properties(self, start: int, end: int) -> int:
        properties = _PROPERTIES.match(self._source.text, start, end)
        return properties.end() if properties else start

    def _mapping(self, span: Span, items: list[Node | None]) -> Mapping:
        entries: list[Entry] = []
        own: list[Entry] = []
        unknown = ""
        pairs = iter(items)
        for key, value in zip(pairs, pairs, strict=False):
            assert value is not None
            if key is None:
                # Read in place, as go-yaml does: a merge after a key of the same name wins over it.
                unknown = self._merge(value, entries) or unknown
                continue
            if type(key) is not Scalar:
                if self._source.text.startswith("{{", key.span.start - 1):
                    raise _Failure("not valid YAML: a mapping is the key of a mapping", key.span.start - 1)
                unknown = "a key is not a text"
                continue
            if type(key.value) is not str:
                key = Scalar(key.span, key_text(key.raw), key.raw, key.quoted, key.via)
            entry = Entry(key, value)
            entries.append(entry)
            own.append(entry)
        self._notices.extend(repeated_keys(own))
        return Mapping(span, tuple(entries), unknown)

    def _merge(self, value: Node, entries: list[Entry]) -> str:
        """Adds the merged entries, and tells why more may exist. Of several maps the earlier wins."""
        unknown = ""
        for given in reversed(value.items) if isinstance(value, Sequence) else (value,):
            if not isinstance(given, Mapping):
                unknown = given.reason if isinstance(given, Unresolved) else "a merge key holds something not a mapping"
                continue
            self._merged += len(given.entries)
            # The entries themselves are bounded here, what lies below them as for any alias.
            self._expand(self._sizes.get(id(given), 1) - len(given.entries), given.span.start)
            if self._merged > MAX_MERGED:
                return f"merge keys bring in more than {MAX_MERGED:,} entries"
            # One entry a key, so that merges of merges do not multiply.
            entries.extend({entry.key.value: entry for entry in given.entries}.values())
            unknown = given.open or unknown
        return unknown


def _tagged(tag: str, value: str, span: Span, quoted: bool) -> Node:
    try:
        return Scalar(span, resolve_tagged(tag, value), value, quoted)
    except LookupError:
        return _elsewhere(tag, span)
    except ValueError:
        return Unresolved(span, f"the text does not fit its tag {short_tag(tag)}")


def _call(tag: str, argument: Node) -> Mapping:
    """A function's short form as its long one. ``Ref`` and ``Condition`` have no prefix."""
    name = tag.removeprefix("!")
    name = name if name in ("Ref", "Condition") else f"Fn::{name}"
    return Mapping(argument.span, (Entry(Scalar(argument.span, name, name), argument),))


def _elsewhere(tag: str, span: Span) -> Unresolved:
    return Unresolved(span, f"the tag {short_tag(tag)} is resolved elsewhere")
