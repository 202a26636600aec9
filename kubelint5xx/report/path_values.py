"""Values, with their origins and places, in the JSON of request paths.

The lines that places stand in are told as well, but of each only what is a value of the vocabulary, the name of
something, or a key before it: the rest of a line may hold anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping as MappingNode
from kubelint5xx.core.node import Node, Reference, Scalar, Unresolved
from kubelint5xx.core.node import Sequence as SequenceNode
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import (
    Assumed,
    Data,
    Default,
    Derived,
    Join,
    Members,
    Subject,
    Value,
    Version,
    Written,
    in_words,
)
from kubelint5xx.link.attributes import why_unknown
from kubelint5xx.model.topology import Hop

UNLIMITED, HIDDEN = "unlimited", "·"
_WORD = pattern(r"[\"']?[\w.:/@%+-]{1,120}[\"']?")
_HEADER = pattern(r"(?:resource|data|module)(?:[ \t]+\"?[\w.-]+\"?)+(?:[ \t]*\{)?")
_KEY = pattern(r"[ \t]*(?:- )*[\"']?[\w./@-]*[\"']?[ \t]*[:=]?[ \t]*[\"']?")

Json = dict[str, Any]
Where = Callable[[Span, bool], Span]


def _in_file(span: Span, _: bool) -> Span:
    return span.in_file()


@record(frozen=False)
class Writer:
    """Writes what is told of one environment. ``hops`` and ``pods`` are told once, and named by their numbers.

    ``where`` gives the place where a person would change what stands at a place, for sure or likely.
    """

    where: Where = _in_file
    hops: list[Json] = field(default_factory=list)
    pods: list[Json] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)
    _kept: list[object] = field(default_factory=list)
    _lines: dict[str, dict[int, str]] = field(default_factory=dict)
    _placed: dict[tuple[Span, bool], Span] = field(default_factory=dict)

    def place(self, span: Span | None, shown: bool = False, sure: bool = False) -> Json | None:
        """Where something is, for ``sure`` or likely. ``shown``: what stands there may be told, if it is a word or a
        block's header."""
        if span is None:
            return None
        if (span, sure) not in self._placed:
            self._placed[span, sure] = self.where(span, sure)
        here = self._placed[span, sure].first_line()
        start = here.column
        end = start + len(here.text)
        self._line(here, shown and bool(_WORD.fullmatch(here.text) or _HEADER.fullmatch(here.text)))
        return {"file": here.path, "line": here.line, "column": start, "end": end}

    def lines(self) -> Json:
        """The lines of all places, by file and number."""
        return {path: {str(at): lines[at] for at in sorted(lines)} for path, lines in sorted(self._lines.items())}

    def value(self, value: Value) -> Json:
        found: Json = {
            "data": self._data(value.data),
            "type": _type(value.data),
            "text": in_words(value.data),
            "confidence": str(value.confidence),
        }
        if value.reason:
            found["reason"] = value.reason
        if not math.isinf(value.most):
            found["most"] = value.most
        match value.origin:
            case Written(span=span, setting=setting, unit=unit, via=via):
                known = value.known and not isinstance(value.data, Members)
                # To be sure costs time where a tool renders the files, so it is done for what people change.
                number = isinstance(value.data, (int, float)) and not isinstance(value.data, bool)
                place = self.place(span, known, number)
                found |= {"origin": "written", "place": place, "setting": setting, "unit": unit}
                found |= {"via": [self.place(one) for one in via]} if via else {}
            case Default(product=product, setting=setting, cite=cite, unseen=unseen):
                of = {"product": product, "setting": setting, "cite": cite, "unseen": list(unseen)}
                found |= {"origin": "default", "place": self.place(value.origin.place, True), **of}
            case Derived(how=how, inputs=inputs):
                found |= {"origin": "derived", "how": how, "inputs": [self.value(one) for one in inputs]}
            case Assumed(why=why):
                found |= {"origin": "assumed", "place": self.place(value.origin.place, True), "why": why}
        return {name: part for name, part in found.items() if part not in ("", None, []) or name in ("data", "text")}

    def values(self, values: Mapping[str, Value]) -> Json:
        return {name: self.value(value) for name, value in values.items()}

    def subject(self, subject: Subject) -> Json:
        return self._named(subject) | {"values": self.values(subject.values)}

    def hop(self, hop: Hop) -> int:
        """The number of the hop."""
        if id(hop) not in self._numbers:
            self._kept.append(hop)
            self._numbers[id(hop)] = len(self.hops)
            self.hops.append({})
            self.hops[self._numbers[id(hop)]] = {
                "called": hop.name,
                "place": self.place(hop.place, True),
                "product": hop.product,
                "role": hop.role,
                "inbound": self.values(hop.inbound.values),
                "outbound": self.values(hop.outbound.values),
            }
        return self._numbers[id(hop)]

    def pod(self, pod: Subject) -> int:
        """The number of the pod."""
        if id(pod) not in self._numbers:
            self._kept.append(pod)
            self._numbers[id(pod)] = len(self.pods)
            self.pods.append(self.subject(pod))
        return self._numbers[id(pod)]

    def joins(self, joins: Iterable[Join]) -> list[Json]:
        return [{"said": one.said, "place": self.place(one.place), "assumed": one.assumed} for one in joins]

    def steps(self, steps: Iterable[Step]) -> list[Json]:
        return [{"label": step.label, "place": self.place(step.place, True)} for step in steps]

    def node(self, node: Node) -> Json:
        """What stands in a file. Of what is not known, why."""
        match node:
            case Scalar(span=span, value=value):
                return {"value": value, "place": self.place(span, True)}
            case MappingNode(span=span, entries=entries, open=why):
                told = [
                    {"key": str(one.key.value), "place": self.place(one.key.span, True), "is": self.node(one.value)}
                    for one in entries
                ]
                return {"entries": told, "place": self.place(span)} | ({"open": why} if why else {})
            case SequenceNode(span=span, items=items):
                return {"items": [self.node(one) for one in items], "place": self.place(span)}
            case Unresolved(span=span) | Reference(span=span):
                return {"unknown": why_unknown(node), "place": self.place(span)}

    def _named(self, subject: Subject) -> Json:
        found: Json = {"called": subject.name, "place": self.place(subject.place, True)}
        return found | ({"joins": self.joins(subject.joins)} if subject.joins else {})

    def _data(self, data: Data) -> Any:
        match data:
            case Version():
                return str(data)
            case Members():
                items = [{"kind": item.kind, **self.subject(item)} for item in data.items]
                return {"items": items, "open": data.open, "assumed": data.assumed}
            case bool():
                return data
            case float() if math.isinf(data):
                return UNLIMITED
            case float() if data.is_integer():
                return int(data)
        return data

    def _line(self, span: Span, shown: bool) -> None:
        whole = span.source.line_text(span.line)
        lines = self._lines.setdefault(span.path, {})
        start, end = span.column - 1, min(span.column - 1 + len(span.text), len(whole))
        # A line is told as far as something in it is meant.
        known = lines.get(span.line, "").ljust(end, HIDDEN)
        if shown:
            start = 0 if _KEY.fullmatch(whole, 0, start) else start
            known = known[:start] + whole[start:end] + known[end:]
        lines[span.line] = known


def _type(data: Data) -> str | None:
    match data:
        case None:
            return None
        case bool():
            return "bool"
        case int():
            return "number"
        case float():
            return "duration"
        case Version():
            return "version"
        case Members():
            return "set"
    return "text"
