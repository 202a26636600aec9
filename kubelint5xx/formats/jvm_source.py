"""What Java and Kotlin sources have in common: the servers' classes, their setters, and durations.

Makers are the simple names of classes (``ServerConnector``); a setter, a property, or a builder's method sets what it
is named after (``idleTimeout``). ``setProperty`` and ``setServerOption`` set what their first argument names. What is
set on an object of unknown class is unresolved, under the maker ``?``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.formats import code
from kubelint5xx.formats.code import Program, content, string
from kubelint5xx.formats.literals import arithmetic, computed, duration, number, otherwise, variable

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

WORDS = pattern(
    r"\bServerConnector\b|\bHttpConfiguration\b|jetty\.server|\bUndertow|setKeepAliveTimeout|keepAliveTimeout"
    r"|\bHttpServerOptions\b|\bHttpServer\b|embeddedServer|StatisticsHandler|GracefulHandler|idleTimeout|setIdleTimeout"
)
# What these methods of Spring's factories hand to a lambda.
CUSTOMIZED = {
    "addConnectorCustomizers": "Connector",
    "addProtocolHandlerCustomizers": "AbstractProtocol",
    "addServerCustomizers": "HttpServer",
    "addBuilderCustomizers": "Undertow",
}
# Stands for the class of an object that is not known.
UNKNOWN = "?"
_SETTINGS = (
    "idleTimeout", "idleTimeoutUnit", "keepAliveTimeout", "connectionTimeout", "stopTimeout", "maxKeepAliveRequests",
    "connectionIdleTimeoutSeconds", "shutdownTimeout", "NO_REQUEST_TIMEOUT", "IDLE_TIMEOUT",
)  # fmt: skip
_BY_NAME = ("setProperty", "setAttribute", "setServerOption", "setSocketOption")
_FACTS = {"StatisticsHandler": "statistics_handler", "GracefulHandler": "graceful_handler"}
_MAKERS = ("ServerConnector", "HttpServerOptions")
_SECONDS = {
    "ofNanos": 1e-9, "ofMillis": 1e-3, "ofSeconds": 1.0, "ofMinutes": 60.0, "ofHours": 3600.0,
    "NANOSECONDS": 1e-9, "MICROSECONDS": 1e-6, "MILLISECONDS": 1e-3, "SECONDS": 1.0, "MINUTES": 60.0, "HOURS": 3600.0,
}  # fmt: skip
_COUNTED = {"toMillis": 1e-3, "toSeconds": 1.0, "getSeconds": 1.0, "toMinutes": 60.0, "toNanos": 1e-9}
_PARSED = ("parseInt", "parseLong", "valueOf", "toInt", "toLong", "intValue", "longValue")
_SIMPLE = pattern(r"(?:[\w.]*\.)?(\w+)(?:<.*>)?\??")


@record
class Call:
    """A call of a method on ``object``, or of a function."""

    object: Syntax | None
    name: str
    arguments: list[Syntax]
    place: Syntax


@record(frozen=False)
class Servers:
    """Collects what is set on objects. ``key`` tells one object from others: its variable, or where it is made."""

    program: Program
    held: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    places: dict[tuple[str, str], Syntax] = field(default_factory=dict)
    facts: list[Entry] = field(default_factory=list)

    def make(self, kind: str, key: str, place: Syntax) -> None:
        if kind in _FACTS:
            self.facts.append(self.program.fact(_FACTS[kind], place))
        if kind in _MAKERS:
            self.places.setdefault((kind, key), place)
            self.held.setdefault((kind, key), [])

    def set(self, kind: str, key: str, setting: str, place: Syntax, value: Syntax) -> None:
        if setting in _SETTINGS:
            entry = self.program.setting(setting, place, place, value)
            if not kind:
                kind, key = UNKNOWN, ""
                entry = Entry(entry.key, Unresolved(self.program.span(value), "whose class sets this is not followed"))
            if setting == "idleTimeoutUnit":
                name = Scalar(entry.key.span, "unit", "unit")
                unit = content(value).rpartition(".")[2]
                entry = Entry(name, Scalar(self.program.span(value), unit, unit))
            self.places.setdefault((kind, key), place)
            self.held.setdefault((kind, key), []).append(entry)

    def entries(self) -> Iterator[Entry]:
        yield from self.facts
        for (kind, key), settings in self.held.items():
            unit = next((text(entry.value) for entry in settings if entry.key.value == "unit"), None)
            yield code.made(self.program, kind, self.places[kind, key], [_with_unit(entry, unit) for entry in settings])


def setting_of(program: Program, call: Call) -> tuple[str, Syntax] | None:
    """What a call sets, and to which value."""
    given = call.arguments
    if call.name in _BY_NAME and len(given) == 2:
        named = string(given[0]) if given[0].type in program.dialect.strings else content(given[0])
        name, value = named.rpartition(".")[2], given[1]
    elif len(given) == 1:
        name, value = call.name, given[0]
        if name.startswith("set") and len(name) > 3:
            name = name[3].lower() + name[4:]
    else:
        return None
    return (name, value) if name in _SETTINGS else None


def simple(written: str) -> str:
    """The class's own name, without package and parameters."""
    found = _SIMPLE.fullmatch(" ".join(written.split()))
    return found[1] if found else ""


def special(program: Program, node: Syntax, depth: int, called: Callable[[Syntax], Call | None]) -> Node | None:
    """Durations, and what the environment gives."""
    call = called(node)
    if call is None:
        return None
    place, given = program.span(node), call.arguments
    owner = content(call.object) if call.object and call.object.end_byte - call.object.start_byte <= 200 else ""
    if call.name in _SECONDS and simple(owner) == "Duration" and len(given) == 1:
        return _in_seconds(program.value(given[0], depth + 1), _SECONDS[call.name])
    unit = _SECONDS.get(owner.rpartition(".")[2])
    if call.name in _COUNTED and unit and len(given) == 1:
        return _count(_in_seconds(program.value(given[0], depth + 1), unit), _COUNTED[call.name])
    if call.name in _COUNTED and call.object and not given:
        return _count(program.value(call.object, depth + 1), _COUNTED[call.name])
    if owner == "System" and call.name == "getenv" and len(given) == 1 and given[0].type in program.dialect.strings:
        return variable(place, string(given[0]))
    if owner in ("System.getenv()", "System.getenv") and call.name in ("getOrDefault", "get") and given:
        read = variable(place, string(given[0])) if given[0].type in program.dialect.strings else computed(place)
        return otherwise(place, read, program.value(given[1], depth + 1)) if len(given) > 1 else read
    if call.name in (*_PARSED, "toIntOrNull", "toLongOrNull"):
        inner = given[0] if given else call.object
        return _parsed(program.value(inner, depth + 1)) if inner else None
    return None


def _in_seconds(value: Node, factor: float) -> Node:
    if isinstance(value, Scalar) and isinstance(value.value, (int, float)):
        return duration(value.span, value.value * factor, value.via)
    if isinstance(value, Mapping):
        return arithmetic(value.span, "*", value, duration(value.span, factor))
    return value if isinstance(value, Unresolved) else computed(value.span)


def _count(value: Node, unit: float) -> Node:
    written = (text(value) or "").removesuffix(" s")
    found = number(value.span, written, value.via) if isinstance(value, Scalar) else None
    if isinstance(found, Scalar) and isinstance(found.value, (int, float)):
        counted = round(found.value / unit, 6)
        return number(found.span, str(counted), found.via)
    return value if isinstance(value, Unresolved) else computed(value.span)


def _parsed(value: Node) -> Node:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return number(value.span, value.value.strip(), value.via)
    return value


def _with_unit(entry: Entry, unit: str | None) -> Entry:
    value = entry.value
    if unit and entry.key.value == "idleTimeout":
        factor = _SECONDS.get(unit)
        return Entry(entry.key, _in_seconds(value, factor) if factor else computed(value.span))
    return entry
