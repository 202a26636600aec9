"""Sources of programs, by tree-sitter: what the readers of all languages share. No program is ever run.

The root of a document maps, in the order of the file, facts (``sigterm``) to ``True``, and what makes or starts a
server (``http.Server``, a class, a function) to a mapping of what is set on it. ``port`` in that mapping is the port
that it listens to, where it is written. A value may wait for the environment (see ``literals``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.byte_offsets import code_points
from kubelint5xx.formats.literals import arithmetic, computed, duration, number, otherwise, through

if TYPE_CHECKING:
    import re

    from tree_sitter import Language, Query
    from tree_sitter import Node as Syntax

MAX_LENGTH = 1_000_000
IN_A_BRANCH = "set inside a branch that may not run"
_MAX_SETTINGS = 500
_MAX_DEPTH = 50
# A node's parent is looked for from the root on, so that a long way up takes time by its square.
MAX_STEPS = 300
_PORT = pattern(r".*:(\d{1,5})|(\d{1,5})")


@record
class Grammar:
    """A language's grammar: the package that holds it, the function that gives it, and the query for what matters.

    ``words``: a text without any of them is not parsed.
    """

    title: str
    package: str
    query: str
    words: re.Pattern[str]
    function: str = "language"


@record
class Dialect:
    """What the nodes of a language's syntax tree are called. ``units`` are names of durations, in seconds;
    ``empty_is_false``: behind ``||`` stands what holds where an empty text is given."""

    branches: tuple[str, ...]
    numbers: tuple[str, ...]
    strings: tuple[str, ...]
    names: tuple[str, ...] = ("identifier",)
    wrappers: tuple[str, ...] = ("parenthesized_expression",)
    binary: str = "binary_expression"
    unary: tuple[str, ...] = ("unary_expression",)
    suffixes: str = ""
    empty_is_false: bool = False
    units: tuple[tuple[str, float], ...] = ()


@record(frozen=False)
class Program:
    """One parsed file. ``constants`` are names that stand for one expression; None for those that may change.

    ``special`` gives what an expression is that only this language has; None where it does not know it either.
    """

    source: Source
    dialect: Dialect
    captured: dict[str, list[Syntax]]
    code_point: Callable[[int], int]
    special: Callable[[Program, Syntax, int], Node | None]
    constants: dict[str, Syntax | None] = field(default_factory=dict)
    unknown: Callable[[Program, Syntax], Node | None] | None = None

    def every(self, *kinds: str) -> Iterator[Syntax]:
        """The nodes that the query captured under any of these names, in the order of the file."""
        nodes = [node for kind in kinds for node in self.captured.get(kind, ())]
        return iter(sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte)))

    def span(self, node: Syntax) -> Span:
        return Span(self.source, self.code_point(node.start_byte), self.code_point(node.end_byte))

    def declare(self, name: str, value: Syntax | None) -> None:
        """Two declarations of a name are in two scopes; which one a use means is not followed."""
        self.constants[name] = None if name in self.constants else value

    def fact(self, name: str, node: Syntax) -> Entry:
        place = self.span(node)
        return Entry(Scalar(place, name, name), Scalar(place, True, "true"))

    def setting(self, name: str, key: Syntax, statement: Syntax, value: Syntax) -> Entry:
        """``name`` set to ``value`` by ``statement``, unless that stands in a branch."""
        place = self.span(key)
        if self.conditional(statement):
            return Entry(Scalar(place, name, name), Unresolved(self.span(value), IN_A_BRANCH))
        return Entry(Scalar(place, name, name), self.value(value))

    def value(self, node: Syntax, depth: int = 0) -> Node:
        """What an expression is, as far as the file alone tells."""
        node = self.unwrapped(node)
        place, dialect = self.span(node), self.dialect
        if depth > _MAX_DEPTH:
            return Unresolved(place, "nested too deeply")
        if (special := self.special(self, node, depth)) is not None:
            return special
        written = content(node)
        if node.type in dialect.numbers:
            return number(place, written.rstrip(dialect.suffixes) if not written.startswith("0x") else written)
        if node.type in dialect.strings:
            return Scalar(place, string(node), string(node), quoted=True)
        if written in ("true", "false"):
            return Scalar(place, written == "true", written)
        if written in ("null", "nil", "undefined"):
            return Scalar(place, None, written)
        if node.type == dialect.binary:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            operator = node.child_by_field_name("operator")
            if left and right and operator:
                a, b = self.value(left, depth + 1), self.value(right, depth + 1)
                if operator.type in ("||", "??", "?:"):
                    return otherwise(place, a, b, operator.type == "||" and dialect.empty_is_false)
                return arithmetic(place, operator.type, a, b)
        if node.type in dialect.unary and node.named_children:
            inner = self.value(node.named_children[-1], depth + 1)
            match node.children[0].type:
                case "-":
                    return arithmetic(place, "*", Scalar(place, -1), inner)
                case "+":
                    return number(inner.span, str(inner.value), inner.via) if isinstance(inner, Scalar) else inner
        for name, seconds in dialect.units:
            if written == name:
                return duration(place, seconds)
        if node.type in dialect.names and written in self.constants:
            held = self.constants[written]
            return through(self.value(held, depth + 1), place) if held is not None else computed(place)
        return (self.unknown(self, node) if self.unknown else None) or computed(place)

    def unwrapped(self, node: Syntax) -> Syntax:
        while node.type in self.dialect.wrappers and node.named_children:
            node = node.named_children[0]
        return node

    def conditional(self, node: Syntax) -> bool:
        """Whether the node stands in a branch. A function's body does not count: who calls it is not followed."""
        inner, outer = node, node.parent
        for _ in range(MAX_STEPS):
            if outer is None:
                return False
            if outer.type in self.dialect.branches and inner not in (
                outer.child_by_field_name("condition"),
                outer.child_by_field_name("initializer"),
            ):
                return True
            short_circuit = outer.child_by_field_name("operator") if outer.type == self.dialect.binary else None
            if short_circuit and short_circuit.type in ("&&", "||", "??", "?:") and inner == outer.named_children[-1]:
                return True
            inner, outer = outer, outer.parent
        return True


def read(
    source: Source,
    form: str,
    grammar: Grammar,
    dialect: Dialect,
    entries: Callable[[Program], Iterable[Entry]],
    special: Callable[[Program, Syntax, int], Node | None],
    unknown: Callable[[Program, Syntax], Node | None] | None = None,
) -> Reading:
    """What the file sets. One that has none of the words in question is not parsed and gives an empty mapping.

    Where the language's grammar is not installed there is no document, and a notice says what is missing.
    """
    whole = Span(source, 0, len(source.text))
    if not grammar.words.search(source.text):
        return Reading((Document(source, form, Mapping(whole)),))
    program = parsed(source, grammar, dialect, special, unknown)
    if isinstance(program, Problem):
        return Reading(problems=(program,))
    found: list[Entry] = []
    open_ = ""
    try:
        for entry in entries(program):
            if len(found) >= _MAX_SETTINGS:
                open_ = "more settings than are read"
                break
            found.append(entry)
    except RecursionError:
        return Reading(problems=(Problem(source.path, 1, "nested too deeply to be read"),))
    found.sort(key=lambda entry: entry.key.span.start)
    return Reading((Document(source, form, Mapping(whole, tuple(found), open_)),))


def parsed(
    source: Source,
    grammar: Grammar,
    dialect: Dialect,
    special: Callable[[Program, Syntax, int], Node | None],
    unknown: Callable[[Program, Syntax], Node | None] | None = None,
) -> Program | Problem:
    """The syntax of a file, or why it is not known."""
    if len(source.text) > MAX_LENGTH:
        return Problem(source.path, 1, f"not analysed: over {MAX_LENGTH:,} characters")
    try:
        language, query = _compiled(grammar.package, grammar.function, grammar.query)
    except ImportError:
        return Problem(source.path, 1, f"reading {grammar.title} needs the extra kubelint5xx[code]", "notice")
    from tree_sitter import Parser, QueryCursor

    tree = Parser(language).parse(source.text.encode("utf-8", "surrogatepass"))
    captured = QueryCursor(query).captures(tree.root_node)
    return Program(source, dialect, captured, code_points(source.text), special, unknown=unknown)


@cache
def _compiled(package: str, function: str, query: str) -> tuple[Language, Query]:
    from tree_sitter import Language, Query

    language = Language(getattr(import_module(package), function)())
    return language, Query(language, query)


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """Where ``key`` is set: a fact, or ``MAKER.setting``. There is at most one answer, since the order in a program's
    files is not the one in which it runs: servers that are set differently make the setting unresolved.

    With a ``port``, a server that is known to listen to it hides those of which that is not known.
    """
    if not isinstance(root, Mapping):
        return (root,)
    maker, dot, name = key.rpartition(".")
    if not dot:
        return agreed(list(root.every(key)))
    servers = [node for node in root.every(maker) if isinstance(node, Mapping)]
    ports = {id(server): port_of(server) for server in servers}
    if port is not None:
        servers = [server for server in servers if ports[id(server)] in (None, port)]
        servers = [server for server in servers if ports[id(server)] == port] or servers
    held = [(server, list(server.every(name))) for server in servers]
    values = [value for _, own in held for value in own]
    bare = [server for server, own in held if not own]
    if values and bare:
        other = bare[0].span
        return (Unresolved(values[-1].span, f"set here, and not on the {maker} at {other.path}:{other.line}"),)
    return agreed(values)


def agreed(values: list[Node]) -> tuple[Node, ...]:
    """The value that all settings give; unresolved where they differ."""
    if any(isinstance(value, Scalar) and value.value is True for value in values):
        return next((value,) for value in values if isinstance(value, Scalar) and value.value is True)
    for value in values:
        if isinstance(value, Unresolved):
            return (value,)
    known = {str(value.value): value for value in values if isinstance(value, Scalar)}
    if len(known) > 1:
        first, *_, last = known.values()
        return (Unresolved(last.span, f"set to {first.raw or first.value} and to {last.raw or last.value}"),)
    return tuple(values[-1:])


def port_of(server: Node) -> int | None:
    """The port that a server listens to, where it is written; ``server`` is what is set on it."""
    found = _PORT.fullmatch(text(server.get("port")) or "") if isinstance(server, Mapping) else None
    return int(found[1] or found[2]) if found else None


def arguments(call: Syntax) -> list[Syntax]:
    held = call.child_by_field_name("arguments")
    return [each for each in held.named_children if "comment" not in each.type] if held else []


def content(node: Syntax) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def string(node: Syntax) -> str:
    """The text between the quotes."""
    return content(node)[1:-1]


def above(node: Syntax, *kinds: str) -> Syntax | None:
    """The nearest node of one of ``kinds`` that ``node`` stands in."""
    outer = node.parent
    for _ in range(MAX_STEPS):
        if outer is None or outer.type in kinds:
            return outer
        outer = outer.parent
    return None


def made(program: Program, maker: str, place: Syntax, settings: Iterable[Entry], open_: str = "") -> Entry:
    """What makes a server, with what it is given."""
    where = program.span(place)
    return Entry(Scalar(where, maker, maker), Mapping(where, tuple(settings), open_))


def leaves(node: Node, replace: Callable[[Node], Node]) -> Node:
    """A document's tree with every value through ``replace``."""
    if isinstance(node, Mapping) and node.get("env") is None and node.get("module") is None:
        entries = tuple(Entry(entry.key, leaves(entry.value, replace)) for entry in node.entries)
        return Mapping(node.span, entries, node.open)
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(leaves(item, replace) for item in node.items))
    return replace(node)
