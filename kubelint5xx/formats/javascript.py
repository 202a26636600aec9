"""JavaScript and TypeScript sources of Node servers, by tree-sitter: what they set on the server, never run.

The root maps, in the order of the file: the name of each setting (``keepAliveTimeout``, …) to its value;
``listens`` to ``True`` where the file starts a server; ``sigterm`` to ``True`` where it handles the signal; and
``imports`` to the packages that it imports. Numbers keep the unit of the program, mostly milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.byte_offsets import code_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Language, Query
    from tree_sitter import Node as Syntax

MAX_LENGTH = 1_000_000
_MAX_SETTINGS = 500
_MAX_DEPTH = 50
_WORDS = pattern(
    r"keepAliveTimeout|headersTimeout|requestTimeout|createServer|\.listen\b|\.serve\b|\.timeout\b|SIGTERM"
    r"|[Ff]astify|[\"'](?:express|koa|next|@nestjs/core|@hapi/hapi)[\"']"
)
_SETTINGS = (
    "keepAliveTimeout", "keepAliveTimeoutBuffer", "headersTimeout", "requestTimeout", "timeout", "connectionTimeout",
    "maxRequestsPerSocket", "idleTimeout",
)  # fmt: skip
# Clients have settings of these names too, so they count on what is known for a server only.
_AMBIGUOUS = ("timeout", "connectionTimeout", "idleTimeout", "requestTimeout")
_SERVER = pattern(r"server|srv|listener", re.IGNORECASE)
_CLIENT = pattern(r"agent|client|pool|axios", re.IGNORECASE)
_STARTS = pattern(r"(?:.*\.)?(?:create(?:Secure)?Server|[Ff]astify|listen)|(?:Bun|Deno)\.serve", re.DOTALL)
_TAKES_OPTIONS = pattern(
    r"(?:.*\.)?(?:create(?:Secure)?Server|[Ff]astify|Server|FastifyAdapter)|Bun\.serve|Object\.assign", re.DOTALL
)
_HANDLES = pattern(r"process\s*\.\s*(?:on|once|addListener|prependListener)")
_ENVIRONMENT = pattern(r"(?:process\.env|Bun\.env|import\.meta\.env)(?:\.(\w+)|\[\s*[\"'`](\w+)[\"'`]\s*\])\Z")
_PACKAGE = pattern(r"(?:node:)?((?:@[^/]+/)?[^/]+)")
_CONDITIONS = (
    "if_statement", "else_clause", "ternary_expression", "switch_case", "switch_default", "for_statement",
    "for_in_statement", "while_statement", "do_statement", "catch_clause",
)  # fmt: skip
_WRAPPERS = ("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression")
_QUERY = """
(assignment_expression) @assignment
(augmented_assignment_expression) @assignment
(call_expression) @call
(new_expression) @call
(import_statement) @import
(lexical_declaration) @const
(string) @string
"""


def read(source: Source) -> Reading:
    """What the file sets. One that has none of the words in question is not parsed and gives an empty mapping."""
    whole = Span(source, 0, len(source.text))
    if not _WORDS.search(source.text):
        return Reading((Document(source, "javascript", Mapping(whole)),))
    if len(source.text) > MAX_LENGTH:
        return Reading(problems=(Problem(source.path, 1, f"not analysed: over {MAX_LENGTH:,} characters"),))
    from tree_sitter import Parser, QueryCursor

    language, query = _grammar(source.path.rpartition(".")[2])
    tree = Parser(language).parse(source.text.encode("utf-8", "surrogatepass"))
    captured = QueryCursor(query).captures(tree.root_node)
    program = _Program(source, code_points(source.text), captured)
    return Reading((Document(source, "javascript", program.root(whole)),))


def _grammar(extension: str) -> tuple[Language, Query]:
    return _compiled({"ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "tsx"}.get(extension, ""))


@cache
def _compiled(dialect: str) -> tuple[Language, Query]:
    from tree_sitter import Language, Query

    if dialect:
        import tree_sitter_typescript as typescript

        language = Language(typescript.language_tsx() if dialect == "tsx" else typescript.language_typescript())
    else:
        import tree_sitter_javascript

        language = Language(tree_sitter_javascript.language())
    return language, Query(language, _QUERY)


@record(frozen=False)
class _Program:
    source: Source
    code_point: Callable[[int], int]
    captured: dict[str, list[Syntax]]
    constants: dict[str, Syntax | None] = field(default_factory=dict)
    servers: set[str] = field(default_factory=set)

    def root(self, whole: Span) -> Mapping:
        self._declarations()
        entries: list[Entry] = []
        open_ = ""
        for entry in self._entries():
            if len(entries) >= _MAX_SETTINGS:
                open_ = "more settings than are read"
                break
            entries.append(entry)
        entries.sort(key=lambda entry: entry.key.span.start)
        if imports := tuple(self._imports()):
            entries.append(Entry(Scalar(imports[0].span, "imports"), Sequence(whole, imports)))
        return Mapping(whole, tuple(entries), open_)

    def _declarations(self) -> None:
        for declaration in self.captured.get("const", ()):
            constant = declaration.children[0].type == "const"
            for each in declaration.named_children:
                name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
                if name is None or name.type != "identifier":
                    continue
                written = _text(name)
                # Two declarations of a name are in two scopes; which one a use means is not followed.
                self.constants[written] = value if constant and written not in self.constants else None
                called = _unwrapped(value) if value else None
                if called and called.type == "await_expression" and called.named_children:
                    called = called.named_children[0]
                if called and called.type == "call_expression" and _STARTS.fullmatch(_callee(called)):
                    self.servers.add(written)

    def _entries(self) -> Iterator[Entry]:
        for node in self.captured.get("assignment", ()):
            yield from self._assignment(node)
        handled = False
        for node in self.captured.get("call", ()):
            callee = _callee(node)
            function = node.child_by_field_name("function")
            if function and _STARTS.fullmatch(callee):
                yield self._fact("listens", self.span(function))
            if _TAKES_OPTIONS.fullmatch(callee):
                yield from self._options(node)
            if function and callee.endswith(".setTimeout") and self._is_server(callee.rpartition(".")[0]):
                arguments = _arguments(node)
                if arguments:
                    yield self._setting("timeout", self.span(function), node, arguments[0])
            if _HANDLES.fullmatch(callee):
                first = next(iter(_arguments(node)), None)
                if first and first.type == "string" and _string(first) == "SIGTERM":
                    handled = True
                    place = Span(self.source, self.span(node).start, self.span(first).end)
                    yield self._fact("sigterm", place)
        if not handled:
            for node in self.captured.get("string", ()):
                if _string(node) == "SIGTERM":
                    place = self.span(node)
                    unknown = Unresolved(place, "SIGTERM is named here; whether it is handled is not followed")
                    yield Entry(Scalar(place, "sigterm", "sigterm"), unknown)

    def _assignment(self, node: Syntax) -> Iterator[Entry]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_expression":
            return
        owner, name = left.child_by_field_name("object"), left.child_by_field_name("property")
        if owner is None or name is None or _text(name) not in _SETTINGS:
            return
        holder = _text(owner)
        if _CLIENT.search(holder) or (_text(name) in _AMBIGUOUS and not self._is_server(holder)):
            return
        if node.type == "assignment_expression":
            yield self._setting(_text(name), self.span(name), node, right)
        else:
            value = Unresolved(self.span(right), f"computed when the server starts: {_shortened(_text(node))}")
            yield Entry(Scalar(self.span(name), _text(name), _text(name)), value)

    def _options(self, call: Syntax) -> Iterator[Entry]:
        for options in _arguments(call):
            for pair in options.named_children if options.type == "object" else ():
                key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
                if pair.type == "shorthand_property_identifier":
                    key = value = pair
                name = (_string(key) if key.type == "string" else _text(key)) if key else ""
                if key and value and name in _SETTINGS:
                    yield self._setting(name, self.span(key), call, value)

    def _is_server(self, holder: str) -> bool:
        return holder in self.servers or (bool(_SERVER.search(holder)) and not _CLIENT.search(holder))

    def _setting(self, name: str, place: Span, statement: Syntax, value: Syntax) -> Entry:
        node: Node
        if _conditional(statement):
            node = Unresolved(self.span(value), "set inside a branch that may not run")
        else:
            node = self.value(value, 0)
        return Entry(Scalar(place, name, name), node)

    def _fact(self, name: str, place: Span) -> Entry:
        return Entry(Scalar(place, name, name), Scalar(place, True, place.text))

    def _imports(self) -> Iterator[Scalar]:
        sources = [node.child_by_field_name("source") for node in self.captured.get("import", ())]
        for node in self.captured.get("call", ()):
            if _callee(node) in ("require", "import"):
                sources.extend(_arguments(node)[:1])
        for source in sources:
            written = _string(source) if source and source.type == "string" else ""
            package = _PACKAGE.match(written)
            if source and package and not written.startswith((".", "/")):
                yield Scalar(self.span(source), package[1], package[1], quoted=True)

    def span(self, node: Syntax) -> Span:
        return Span(self.source, self.code_point(node.start_byte), self.code_point(node.end_byte))

    def value(self, node: Syntax, depth: int) -> Node:
        """What an expression is, as far as the file alone tells."""
        node = _unwrapped(node)
        place = self.span(node)
        if depth > _MAX_DEPTH:
            return Unresolved(place, "nested too deeply")
        match node.type:
            case "number":
                return _numeric(place, _text(node))
            case "string":
                return Scalar(place, _string(node), _string(node), quoted=True)
            case "true" | "false":
                return Scalar(place, node.type == "true", node.type)
            case "null" | "undefined":
                return Scalar(place, None, node.type)
            case "unary_expression" if node.child_by_field_name("argument"):
                return self._unary(node, place, depth)
            case "binary_expression":
                return self._binary(node, place, depth)
            case "identifier" | "shorthand_property_identifier":
                return self._constant(node, place, depth)
            case "call_expression" if _callee(node) in ("Number", "parseInt", "parseFloat", "Number.parseInt"):
                arguments = _arguments(node)
                inner = self.value(arguments[0], depth + 1) if arguments else None
                if isinstance(inner, Unresolved):
                    return Unresolved(place, inner.reason, inner.via)
                if isinstance(inner, Scalar) and inner.value is not None and not isinstance(inner.value, bool):
                    number = _numeric(inner.span, str(inner.value).strip(), inner.via)
                    if isinstance(number, Scalar):
                        return number
        if variable := _ENVIRONMENT.match(_text(node)):
            return Unresolved(place, f"read from the environment variable {variable[1] or variable[2]}")
        return _computed(place)

    def _unary(self, node: Syntax, place: Span, depth: int) -> Node:
        argument = node.child_by_field_name("argument")
        inner = self.value(argument, depth + 1) if argument else None
        sign = node.children[0].type
        if isinstance(inner, Unresolved) and sign == "+":
            return Unresolved(place, inner.reason, inner.via)
        if isinstance(inner, Scalar) and sign in ("+", "-"):
            number = _numeric(inner.span, str(inner.value), inner.via)
            if sign == "+" or not isinstance(number, Scalar):
                return number
            if isinstance(number.value, (int, float)):
                return Scalar(place, -number.value, str(-number.value), via=number.via)
        return _computed(place)

    def _binary(self, node: Syntax, place: Span, depth: int) -> Node:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return _computed(place)
        a, b = self.value(left, depth + 1), self.value(right, depth + 1)
        if operator.type in ("||", "??"):
            if isinstance(a, Unresolved) and a.reason.startswith("read from") and isinstance(b, Scalar):
                return Unresolved(place, f"{a.reason}; {b.value} where unset", a.via)
            return a if isinstance(a, Scalar) and a.value else _computed(place)
        for side in (a, b):
            if isinstance(side, Unresolved):
                return Unresolved(place, side.reason, side.via)
        match a, b:
            case (Scalar(value=int() | float() as x), Scalar(value=int() | float() as y)):
                result = _arithmetic(operator.type, x, y)
                if result is not None:
                    return Scalar(place, result, str(result))
        return _computed(place)

    def _constant(self, node: Syntax, place: Span, depth: int) -> Node:
        value = self.constants.get(_text(node))
        if value is None:
            return _computed(place)
        known = self.value(value, depth + 1)
        if isinstance(known, Scalar):
            return Scalar(known.span, known.value, known.raw, known.quoted, (place, *known.via))
        if isinstance(known, Unresolved):
            return Unresolved(known.span, known.reason, (place, *known.via))
        return known


def _arithmetic(operator: str, a: int | float, b: int | float) -> int | float | None:
    try:
        match operator:
            case "+":
                result = float(a) + b
            case "-":
                result = float(a) - b
            case "*":
                result = float(a) * b
            case "/":
                result = a / b
            case _:
                return None
    except ArithmeticError:
        return None
    return _whole(result)


def _whole(number: float) -> int | float:
    return int(number) if abs(number) < 1e15 and number == int(number) else number


def _numeric(place: Span, written: str, via: tuple[Span, ...] = ()) -> Node:
    plain = written.replace("_", "")
    try:
        number = _whole(float(int(plain, 0))) if re.match(r"0[xXoObB]", plain) else _whole(float(plain))
    except (ValueError, OverflowError):
        return Unresolved(place, f"not a number: {_shortened(written)}", via)
    return Scalar(place, number, written, via=via)


def _computed(place: Span) -> Unresolved:
    return Unresolved(place, f"computed when the server starts: {_shortened(place.text[:400])}")


def _conditional(node: Syntax) -> bool:
    """Whether the node stands in a branch. A function's body does not count: who calls it is not followed."""
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type in _CONDITIONS and inner != outer.child_by_field_name("condition"):
            return True
        if outer.type == "binary_expression" and inner == outer.child_by_field_name("right"):
            return True
        inner, outer = outer, outer.parent
    return False


def _unwrapped(node: Syntax) -> Syntax:
    while node.type in _WRAPPERS and node.named_children:
        node = node.named_children[0]
    return node


def _arguments(call: Syntax) -> list[Syntax]:
    arguments = call.child_by_field_name("arguments")
    return [each for each in arguments.named_children if each.type != "comment"] if arguments else []


def _callee(call: Syntax) -> str:
    function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    # A call on a long chain of calls is none of those in question.
    return _text(function) if function and function.end_byte - function.start_byte <= 200 else ""


def _string(node: Syntax) -> str:
    return _text(node)[1:-1]


def _text(node: Syntax) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _shortened(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 60 else plain[:60].rstrip() + "…"
