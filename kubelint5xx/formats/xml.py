"""XML as Jetty and Tomcat configure by it. No entity is declared or fetched: a file that tries is a problem.

An element is a mapping: an attribute's key is ``@name``, a child's its tag (which repeats), and ``#text`` is the
text between, without blanks around it. The root has one entry, the outermost element. The place of an attribute
is that of its value between the quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pyexpat import ExpatError, ParserCreate
from pyexpat.errors import messages

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.byte_offsets import code_points

MAX_DEPTH = 200
_ATTRIBUTE = pattern(r"\s+([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_TAG_END = pattern(r"\s*/?>")
_NAME = pattern(r"[^\s/>]+")
_STEP = pattern(r"([^/\[\]]+)(?:\[([^=\]]+)=([^\]]*)\])?(?:/|\Z)")
_PROPERTIES = ("Property", "SystemProperty", "Env")
_VARIABLE = pattern(r"\$\{[^}]*\}")


def read(source: Source) -> Reading:
    """The elements of the file. What is not well-formed, or declares entities, is a problem and gives no document."""
    builder = _Builder(source)
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.specified_attributes = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(tag, attributes, parser.CurrentByteIndex)
    parser.EndElementHandler = lambda tag: builder.end(parser.CurrentByteIndex)
    parser.CharacterDataHandler = builder.text
    parser.EntityDeclHandler = lambda *_: _refuse("it declares entities, which are not read")
    try:
        parser.Parse(source.text.encode("utf-8", "surrogatepass"), True)
    except ExpatError as error:
        message = f"not well-formed XML: {messages.get(error.code, str(error))}"
        line = source.span_of_line(error.lineno).line
        return Reading(problems=(Problem(source.path, line, message, column=error.offset + 1),))
    except _RefusedError as refused:
        line = source.span_of_line(parser.CurrentLineNumber).line
        problem = Problem(source.path, line, f"not analysed: {refused}")
        return Reading(problems=(problem,))
    root = Mapping(Span(source, 0, len(source.text)), tuple(builder.root))
    return Reading((Document(source, "xml", root),))


class _RefusedError(Exception):
    pass


def _refuse(reason: str) -> None:
    raise _RefusedError(reason)


@record(frozen=False)
class _Element:
    key: Scalar
    start: int
    content: int
    entries: list[Entry]
    text: list[str] = field(default_factory=list)
    children: int = 0


class _Builder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: list[Entry] = []
        self.open: list[_Element] = []
        self._code_point = code_points(source.text)

    def start(self, tag: str, attributes: list[str], at_byte: int) -> None:
        if len(self.open) >= MAX_DEPTH:
            _refuse("nested too deeply")
        start = self._code_point(at_byte)
        if self.open:
            self.open[-1].children += 1
        key = Scalar(Span(self.source, start + 1, start + 1 + len(tag)), tag, tag)
        values = dict(zip(attributes[::2], attributes[1::2], strict=True))
        entries: list[Entry] = []
        at = key.span.end
        while found := _ATTRIBUTE.match(self.source.text, at):
            at = found.end()
            group = 2 if found[2] is not None else 3
            name = "@" + found[1]
            value = values.get(found[1], found[group])
            place = Span(self.source, found.start(group), found.end(group))
            entries.append(Entry(Scalar(Span(self.source, *found.span(1)), name, name), Scalar(place, value, value)))
        end = _TAG_END.match(self.source.text, at)
        self.open.append(_Element(key, start, end.end() if end else at, entries))

    def end(self, at_byte: int) -> None:
        element = self.open.pop()
        close = self._code_point(at_byte)
        end = self.source.text.find(">", max(close, element.content - 1)) + 1 or len(self.source.text)
        written = "".join(element.text).strip()
        if written:
            place = Span(self.source, element.start, end)
            if not element.children:
                inner = self.source.text[element.content : close]
                start = element.content + len(inner) - len(inner.lstrip())
                place = Span(self.source, start, start + len(inner.strip()))
            key = Scalar(element.key.span, "#text", "#text")
            element.entries.append(Entry(key, Scalar(place, written, written)))
        node = Mapping(Span(self.source, element.start, end), tuple(element.entries))
        (self.open[-1].entries if self.open else self.root).append(Entry(element.key, node))

    def text(self, data: str) -> None:
        if self.open:
            self.open[-1].text.append(data)


@record
class _Step:
    tag: str
    attribute: str = ""
    value: str = ""

    def takes(self, entry: Entry) -> bool:
        if entry.key.value != self.tag or not isinstance(entry.value, Mapping):
            return False
        return not self.attribute or text(entry.value.get(f"@{self.attribute}")) == self.value


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What the elements or attributes at a path hold, in the order of the file.

    A path is steps divided by ``/``: ``Tag`` or ``Tag[attribute=value]``, and ``@attribute`` as its last one.
    Each step is found at any depth below the one before, but not inside another element of that one's tag. With
    a ``port``, elements that have another one (as ``port`` attribute or as ``<Set name="port">``) are left out.

    An element gives its text. One that a property may override (Jetty's ``<Property>``, ``<SystemProperty>``,
    ``<Env>``, or ``property=`` of a ``<Set>``) gives a mapping of ``property`` (its name), ``default`` and
    ``deprecated`` (an older name), each where it is written. Other content is unresolved.
    """
    if isinstance(root, Unresolved):
        return (root,)
    path, _, attribute = key.partition("@")
    found: list[Entry] = [Entry(Scalar(root.span, ""), root)]
    for step in _steps(path):
        found = [below for entry in found for below in _below(entry, step) if _has_port(below.value, port)]
    if not attribute:
        return tuple(value for entry in found if (value := _content(entry.value)))
    values = (entry.value.get(f"@{attribute}") for entry in found if isinstance(entry.value, Mapping))
    return tuple(_substituted(value) for value in values if value)


def _steps(path: str) -> Iterator[_Step]:
    for step in _STEP.finditer(path):
        yield _Step(step[1], step[2] or "", step[3] or "")


def _below(entry: Entry, step: _Step) -> Iterator[Entry]:
    pending = list(_children(entry.value))[::-1]
    while pending:
        child = pending.pop()
        if step.takes(child):
            yield child
        if child.key.value != entry.key.value:
            pending.extend(reversed(list(_children(child.value))))


def _children(node: Node) -> Iterable[Entry]:
    return (e for e in node.entries if isinstance(e.value, Mapping)) if isinstance(node, Mapping) else ()


def _has_port(element: Node, port: int | None) -> bool:
    if port is None or not isinstance(element, Mapping):
        return True
    written = text(element.get("@port"))
    for child in element.every("Set"):
        if isinstance(child, Mapping) and text(child.get("@name")) == "port":
            written = text(child.get("#text"))
    # A port that a property gives may be this one.
    return written is None or not written.isdecimal() or int(written[:9]) == port


def _content(element: Node) -> Node | None:
    if not isinstance(element, Mapping):
        return element
    own = element.get("#text")
    if name := element.get("@property"):
        return _overridable(element.span, name, own, None)
    for kind in _PROPERTIES:
        inner = element.get(kind)
        if isinstance(inner, Mapping):
            return _property(inner)
    if own:
        return _substituted(own)
    if list(_children(element)):
        return Unresolved(element.span, "computed when the server starts")
    return None


def _property(inner: Mapping) -> Node:
    name = inner.get("@name") or _child_text(inner, "Name")
    default = inner.get("@default") or inner.get("Default")
    if isinstance(default, Mapping):
        default = _content(default)
    deprecated = inner.get("@deprecated") or _child_text(inner, "Deprecated")
    return _overridable(inner.span, name, default or inner.get("#text"), deprecated)


def _child_text(element: Mapping, tag: str) -> Node | None:
    child = element.get(tag)
    return child.get("#text") if isinstance(child, Mapping) else None


def _overridable(place: Span, name: Node | None, default: Node | None, deprecated: Node | None) -> Mapping:
    parts = {"property": name, "default": _substituted(default) if default else None, "deprecated": deprecated}
    entries = tuple(Entry(Scalar(node.span, key, key), node) for key, node in parts.items() if node)
    return Mapping(place, entries)


def _substituted(node: Node) -> Node:
    variable = _VARIABLE.search(node.raw) if isinstance(node, Scalar) else None
    return Unresolved(node.span, f"{variable[0]} is substituted when the server starts") if variable else node
