"""Values, with their origins and places, out of the JSON that another repository's paths were printed as.

What the JSON says is taken as it is written there; where it is not of its kind, it is unknown. Nothing raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import (
    Assumed,
    Data,
    Default,
    Derived,
    Join,
    Members,
    Origin,
    Subject,
    Value,
    Version,
    Written,
)
from kubelint5xx.link.attributes import truth, whole
from kubelint5xx.model.knobs import NUMBER, vocabulary
from kubelint5xx.model.topology import Hop

_UNLIMITED = "unlimited"
_LINE = pattern(r"(.+):(\d{1,7})")
_MAX_LINES = 2_000_000  # Of all files together: what stands between the lines that are told takes memory.
_MAX_DEPTH = 40
_NOT_TOLD = "the other repository does not tell"


def texts(node: Node | None) -> tuple[str, ...]:
    return tuple(filter(None, map(text, items(node))))


def mappings(node: Node | None) -> Iterator[Mapping]:
    return (item for item in items(node) if isinstance(item, Mapping))


@record(frozen=False)
class Reader:
    """Reads what is told of one environment. ``root`` is the document's part about it."""

    root: Mapping
    _files: dict[str, Source] = field(default_factory=dict)
    _hops: dict[int, Hop] = field(default_factory=dict)
    _pods: dict[int, Subject] = field(default_factory=dict)
    _lines: int = 0

    @property
    def document(self) -> str:
        """How the configuration calls the document."""
        return self.root.span.path

    def own(self, name: str) -> str:
        """A path or an address of the other repository, apart from those of this one."""
        return f"{self.document}:{name}"

    def place(self, node: Node | None) -> Span | None:
        """A place in the other repository; None where none is told."""
        if isinstance(node, Mapping):
            path, line = text(node.get("file")), whole(node.get("line")) or 0
            start, end = whole(node.get("column")) or 1, whole(node.get("end")) or 1
        else:
            match = _LINE.fullmatch(text(node) or "")
            path, line, start, end = (match[1], int(match[2]), 1, 1) if match else ("", 0, 1, 1)
        if not path or line < 1:
            return None
        source = self._file(path)
        try:
            begin, length = source.line_start(line), len(source.line_text(line))
        except IndexError:
            source, begin, length = self._unseen(path, line), line - 1, 0
        low = min(max(start - 1, 0), length)
        return Span(source, begin + low, begin + min(max(end - 1, low), length))

    def certainly(self, node: Node | None) -> Span:
        """The place in the other repository, or else that in the document."""
        return self.place(node) or self.root.span.first_line()

    def value(self, node: Node | None, kind: str = "", depth: int = 0) -> Value:
        """A value of the vocabulary's type ``kind``; of its own type where none is asked for."""
        if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
            return Value.unknown(_NOT_TOLD, self.root.span.first_line())
        data = self._data(node.get("data"), kind or text(node.get("type")) or "", depth)
        reason = "" if data is not None else text(node.get("reason")) or _NOT_TOLD
        most = _number(node.get("most"))
        return Value(data, self._origin(node, depth), reason, math.inf if most is None else float(most))

    def values(self, node: Node | None, kind: str, depth: int = 0) -> dict[str, Value]:
        types = vocabulary(kind)
        named = ((str(entry.key.value), entry.value) for entry in entries(node))
        return {name: self.value(value, types[name], depth) for name, value in named if name in types}

    def optional(self, node: Node | None, kind: str = "") -> Value | None:
        return self.value(node, kind) if isinstance(node, Mapping) else None

    def subject(self, kind: str, node: Mapping, key: str = "values", depth: int = 0) -> Subject:
        called = text(node.get("called")) or f"the {kind.replace('_', ' ')}"
        joins = tuple(self.joins(node.get("joins")))
        return Subject(kind, called, self.certainly(node.get("place")), self.values(node.get(key), kind, depth), joins)

    def hop(self, number: Node | None) -> Hop | None:
        """The hop of that number; in old documents the hop itself."""
        if isinstance(number, Mapping):
            return self._hop(number)
        at = whole(number)
        node = child(self.root, "hops", at) if at is not None and at >= 0 else None
        if at is None or not isinstance(node, Mapping):
            return None
        if at not in self._hops:
            self._hops[at] = self._hop(node)
        return self._hops[at]

    def pod(self, number: Node | None) -> Subject | None:
        at = whole(number)
        node = child(self.root, "pods", at) if at is not None and at >= 0 else None
        if at is None or not isinstance(node, Mapping):
            return None
        if at not in self._pods:
            self._pods[at] = self.subject("pod", node)
        return self._pods[at]

    def joins(self, node: Node | None) -> Iterator[Join]:
        yield from map(self.join, mappings(node))

    def join(self, node: Mapping) -> Join:
        said = text(node.get("said")) or "the other repository says so"
        return Join(said, self.place(node.get("place")), truth(node.get("assumed")) is True)

    def steps(self, node: Node | None) -> Iterator[Step]:
        for one in items(node):
            label = text(one) or text(child(one, "label"))
            if label:
                yield Step(label, self.place(child(one, "place")))

    def node(self, node: Node | None, depth: int = 0) -> Node:
        """What stands in a file of the other repository."""
        place = self.certainly(child(node, "place"))
        if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
            return Unresolved(place, _NOT_TOLD)
        if isinstance(found := node.get("entries"), Sequence):
            told = tuple(
                Entry(self._key(one), self.node(one.get("is"), depth + 1))
                for one in mappings(found)
                if text(one.get("key")) is not None
            )
            return Mapping(place, told, text(node.get("open")) or "")
        if isinstance(found := node.get("items"), Sequence):
            return Sequence(place, tuple(self.node(one, depth + 1) for one in found.items))
        value = node.get("value")
        if isinstance(value, Scalar):
            return Scalar(place, value.value, text(value) or "", isinstance(value.value, str))
        return Unresolved(place, text(node.get("unknown")) or _NOT_TOLD)

    def _key(self, node: Mapping) -> Scalar:
        name = text(node.get("key")) or ""
        return Scalar(self.certainly(node.get("place")), name, name)

    def _hop(self, node: Mapping) -> Hop:
        inbound, outbound = self.subject("hop", node, "inbound"), self.subject("hop", node, "outbound")
        product, role = text(node.get("product")) or "", text(node.get("role")) or "balancer"
        return Hop(product, role, inbound.name, inbound.place, inbound, outbound)

    def _data(self, node: Node | None, kind: str, depth: int) -> Data:
        """What the document says in the vocabulary's terms; None where it says nothing that is of ``kind``."""
        if isinstance(node, Mapping):
            return self._members(node, depth) if kind.startswith("set") else None
        written = text(node)
        if written is None or not isinstance(node, Scalar):
            return None
        match kind:
            case "bool":
                return truth(node)
            case "text":
                return written
            case "version":
                return Version.parse(written)
            case "duration" | "number":
                if written == _UNLIMITED:
                    return math.inf
                number = _number(node)
                return number if kind == NUMBER or number is None else float(number)
        return None

    def _members(self, node: Mapping, depth: int) -> Members:
        kinds = ("handler", "hook", "node_group")
        found = [
            self.subject(kind, one, depth=depth + 1)
            for one in mappings(node.get("items"))
            if (kind := text(one.get("kind")) or "") in kinds
        ]
        return Members(tuple(found), text(node.get("open")) or "", text(node.get("assumed")) or "")

    def _origin(self, node: Mapping, depth: int) -> Origin:
        place, setting = self.place(node.get("place")), text(node.get("setting")) or ""
        match text(node.get("origin")):
            case "written":
                via = tuple(filter(None, map(self.place, items(node.get("via")))))
                return Written(place or self.root.span.first_line(), setting, text(node.get("unit")) or "", via)
            case "default":
                product, cite = text(node.get("product")) or "", text(node.get("cite")) or ""
                return Default(product, setting, cite, place, texts(node.get("unseen")))
            case "derived":
                how = text(node.get("how")) or "the other repository derives it"
                inputs = tuple(self.value(one, depth=depth + 1) for one in items(node.get("inputs")))
                return Derived(how, inputs or (self._as_sure_as_told(node, place),))
        return Assumed(text(node.get("why")) or _NOT_TOLD, place)

    def _as_sure_as_told(self, node: Mapping, place: Span | None) -> Value:
        """What stands for the inputs of a derived value where old documents do not tell them."""
        if text(node.get("confidence")) == "high":
            return Value(True, Written(place or self.root.span.first_line()))
        unseen = texts(node.get("unseen")) if text(node.get("confidence")) == "low" else ()
        return Value(True, Default("the other repository", "what it is derived from", "", place, unseen))

    def _unseen(self, path: str, line: int) -> Source:
        """A file of which not even the line that a place is in was told, as by old documents."""
        self._lines += line
        rows = line - 1 if self._lines <= _MAX_LINES else 0
        return Source(self.own(path), "\n" * rows, stated=self.root.span.source.stated)

    def _file(self, path: str) -> Source:
        """A file of the other repository, of which only the lines that were told of are known."""
        if path not in self._files:
            told: dict[int, str] = {}
            for entry in entries(child(self.root, "lines", path)):
                number, line = str(entry.key.value), text(entry.value) or ""
                if number.isascii() and number.isdigit() and len(number) < 8 and int(number) > 0:
                    told[int(number)] = " ".join(line.splitlines())
            last = max(told, default=0)
            self._lines += last
            rows = [told.get(at, "") for at in range(1, last + 1)] if self._lines <= _MAX_LINES else []
            stated = self.root.span.source.stated
            self._files[path] = Source(self.own(path), "\n".join(rows), stated=stated)
        return self._files[path]


def _number(node: Node | None) -> float | int | None:
    """A finite number that the document says, whole where it is."""
    written = text(node)
    if written is None or (isinstance(node, Scalar) and isinstance(node.value, bool)):
        return None
    try:
        number = float(written)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
