"""HCL, the syntax of Terraform's files: blocks, attributes, and expressions left for ``eval`` to compute.

Parsed with tree-sitter, which keeps what is sound around an error; what exactly is wrong is then told by
python-hcl2, which is imported for that only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from itertools import pairwise
from time import process_time
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import byte_pattern, pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl_conversion import MAX_DEPTH, Syntax, expression, string
from kubelint5xx.formats.hcl_expression import Expression

if TYPE_CHECKING:
    from tree_sitter import Node as SyntaxNode
    from tree_sitter import Parser

# python-hcl2 reads some 200 kB a second; beyond that the place of the error has to do.
_EXPLAINED_BYTES = 200_000
_MAX_NESTING = 500


@record(eq=False)
class Attribute:
    """``name = expression``. ``span`` covers all of it, ``name_span`` the name."""

    name: str
    name_span: Span
    span: Span
    _read: Callable[[], Expression]
    _expression: list[Expression] = field(default_factory=list)

    @property
    def expression(self) -> Expression:
        # Converted when first asked for: most attributes of most files never are.
        if not self._expression:
            self._expression.append(self._read())
        return self._expression[0]


@record(eq=False)
class Block:
    """``type "label" … { body }``. ``span`` covers all of it, ``header`` what stands before the brace."""

    type: str
    labels: tuple[str, ...]
    header: Span
    span: Span
    _read: Callable[[], Body]
    _find: Callable[[str], list[Attribute] | None] | None = None
    _body: list[Body] = field(default_factory=list)
    _found: dict[str, list[Attribute] | None] = field(default_factory=dict)

    def with_body(self, body: Body) -> Block:
        return replace(self, _body=[body])

    @property
    def body(self) -> Body:
        if not self._body:
            self._body.append(self._read())
        return self._body[0]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of this name in its body, which may be found without reading the whole of it."""
        if self._body or self._find is None:
            return self.body.attribute(name)
        if name not in self._found:
            self._found[name] = self._find(name)
        found = self._found[name]
        return self.body.attribute(name) if found is None else found[0] if found else None


@record(eq=False)
class Body:
    """Attributes and blocks in the order of the file. ``unread`` names the parts that could not be read."""

    span: Span
    items: tuple[Attribute | Block, ...] = ()
    unread: tuple[Span, ...] = ()

    def attributes(self) -> Iterator[Attribute]:
        return (item for item in self.items if isinstance(item, Attribute))

    def blocks(self, type: str = "") -> Iterator[Block]:
        """The blocks of one type; without a type all blocks."""
        return (item for item in self.items if isinstance(item, Block) and (not type or item.type == type))

    def attribute(self, name: str) -> Attribute | None:
        for item in self.items:
            if isinstance(item, Attribute) and item.name == name:
                return item
        return None


# A module that several roots call is parsed once, and its expressions are converted once.
@lru_cache(maxsize=1024)
def parse(source: Source) -> tuple[Body, tuple[Problem, ...]]:
    """The body of a file, with everything in it that is sound, and a problem for what is not."""
    span = Span(source, 0, len(source.text))
    deep = too_deep(source.text)
    if deep is not None:
        message = f"brackets are nested more than {_MAX_NESTING} levels deep"
        return Body(span, (), (span,)), (_problem(source, deep, message),)
    syntax = Syntax.of(source)
    data = syntax.data
    if source.text.startswith("\ufeff"):
        data = b"   " + data[3:]
    deadline = process_time() + PATIENCE
    root = syntax_tree(data)
    if not root.has_error:
        return Body(span, tuple(items_of(syntax, _body_of(root)))), ()
    # One error can swallow the rest of the file, so each top-level block is read for itself.
    items: list[Attribute | Block] = []
    unread: list[Span] = []
    places: list[int] = []
    cuts = [0, *(match.start() for match in _TOP_LEVEL.finditer(data) if match.start()), len(data)]
    for start, end in pairwise(cuts):
        piece = syntax.at(start)
        part = syntax_tree(data[start:end], max(0.0, deadline - process_time()))
        if part.has_error:
            unread.append(Span(source, piece.offset(0), piece.offset(end - start)))
            places.append(piece.offset(first_error(part)))
        for child in part.children:
            items.extend(items_of(piece, child) if child.type in ("body", "ERROR") else ())
    if not places:
        # Sound piece by piece, unsound as a whole: a bracket that closes nothing stood at a cut.
        places.append(syntax.offset(first_error(root)))
        unread.append(span)
    return Body(span, tuple(items), tuple(unread)), (unreadable(source, places[0]),)


def read(source: Source) -> Reading:
    """The file as a mapping. Labels become keys (``resource`` → ``aws_lb`` → ``web``); constants are values.

    Whatever needs its module to be evaluated is ``Unresolved`` here; ``eval.terraform`` computes it.
    """
    body, problems = parse(source)
    return Reading((Document(source, "hcl", _mapping(body, 0)),), problems)


def constant(found: Expression) -> Node:
    """The node of a literal, or of a list or object of literals; other expressions are unresolved."""
    match found:
        case ast.Literal(span, value, raw, quoted):
            return Scalar(span, value, raw, quoted)
        case ast.TupleOf(span, items):
            return Sequence(span, tuple(constant(item) for item in items))
        case ast.ObjectOf(span, pairs) if all(isinstance(key, ast.Literal) for key, _ in pairs):
            entries = [(constant(key), constant(value)) for key, value in pairs]
            return Mapping(span, tuple(Entry(key, value) for key, value in entries if isinstance(key, Scalar)))
        case ast.Unreadable(span, reason):
            return Unresolved(span, reason)
    return Unresolved(found.span, "an expression, whose value depends on its module")


def _mapping(body: Body, depth: int) -> Mapping:
    entries: list[Entry] = []
    for item in body.items:
        if isinstance(item, Attribute):
            entries.append(Entry(Scalar(item.name_span, item.name, item.name), constant(item.expression)))
            continue
        node: Node = Unresolved(item.span, "nested too deeply to be read")
        if depth < MAX_DEPTH:
            node = _mapping(item.body, depth + 1)
        for label in reversed(item.labels):
            node = Mapping(item.span, (Entry(Scalar(item.header, label, label, quoted=True), node),))
        entries.append(Entry(Scalar(item.header, item.type, item.type), node))
    return Mapping(body.span, tuple(entries), "a part of the file could not be read" if body.unread else "")


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_hcl

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))


# Seconds of the processor for one file; a megabyte takes a third of one.
PATIENCE = 2.0
# Possessive: a long word without a brace behind it would be tried in all its divisions.
_TOP_LEVEL = byte_pattern(rb'^[A-Za-z_][\w-]*+[ \t]*+(?:"[^"\n]*+"[ \t]*+|[\w-]++[ \t]*+)*+\{', re.MULTILINE)
# The grammar knows exponents only behind a fraction: for the tree, such a number is as many digits.
_EXPONENT = byte_pattern(rb"(?<![\w.])(?<!\w-)\d+[eE][+-]?\d+(?![\w.])")
_BRACKET = pattern(r"[\[\](){}]")


def too_deep(text: str) -> int | None:
    """The offset at which brackets, counted without regard to strings, nest too deeply."""
    if text.count("{") + text.count("[") + text.count("(") < _MAX_NESTING:
        return None
    depth = 0
    for match in _BRACKET.finditer(text):
        if match.group() in "[({":
            depth += 1
            if depth > _MAX_NESTING:
                return match.start()
        else:
            depth = max(0, depth - 1)
    return None


def syntax_tree(data: bytes, seconds: float | None = None) -> SyntaxNode:
    """The tree of a text, or of a part. Where the parser's recovery from errors takes absurdly long, the whole text is
    one error: it grows with the square of the text, and some kilobytes of ``a = a =`` would take minutes."""
    parser = _parser()
    deadline = process_time() + (PATIENCE if seconds is None else seconds)
    try:
        tree = parser.parse(lambda offset, _: data[offset:], progress_callback=lambda *_: process_time() > deadline)
    except ValueError:
        parser.reset()
        tree = parser.parse(b"}")
    if tree.root_node.has_error and _EXPONENT.search(data):
        return syntax_tree(_EXPONENT.sub(lambda found: b"0" * len(found[0]), data), seconds)
    return tree.root_node


def _body_of(node: SyntaxNode) -> SyntaxNode | None:
    return next((child for child in node.named_children if child.type == "body"), None)


def items_of(syntax: Syntax, body: SyntaxNode | None) -> Iterator[Attribute | Block]:
    for node in body.named_children if body else ():
        kind = node.type
        if kind == "block":
            yield _block(syntax, node)
        elif kind == "attribute":
            children = [child for child in node.named_children if child.type != "comment"]
            if len(children) == 2:
                name, value = children
                yield Attribute(
                    syntax.text(name), syntax.span(name), syntax.span(node), partial(expression_of, syntax, value)
                )
        elif kind == "ERROR" and not any(child.type == "ERROR" for child in node.named_children):
            yield from items_of(syntax, node)


def expression_of(syntax: Syntax, node: SyntaxNode) -> Expression:
    """What ``node`` says; what it may be in no known shape of the grammar is ``Unreadable``."""
    try:
        return expression(syntax, node)
    except (IndexError, StopIteration, ValueError):
        return ast.Unreadable(syntax.span(node), "this expression could not be read")


def _block(syntax: Syntax, node: SyntaxNode) -> Block:
    type_, labels, end, body = "", [], node.start_byte, None
    for child in node.named_children:
        kind = child.type
        if kind == "block_start":
            break
        if kind in ("identifier", "string_lit"):
            if type_:
                labels.append(string(syntax, child))
            else:
                type_ = syntax.text(child)
            end = child.end_byte
    body = _body_of(node)
    header = Span(syntax.source, syntax.offset(node.start_byte), syntax.offset(end))
    span = syntax.span(node)
    return Block(type_, tuple(labels), header, span, partial(_body_at, syntax, span, body))


def _body_at(syntax: Syntax, span: Span, node: SyntaxNode | None) -> Body:
    return Body(span, tuple(items_of(syntax, node)))


def first_error(root: SyntaxNode) -> int:
    """The byte at which the first error below ``root`` stands. Iterative: errors may lie arbitrarily deep."""
    node = root
    while True:
        bad = next((child for child in node.children if child.has_error or child.is_missing), None)
        if bad is None or node.type == "ERROR":
            return node.start_byte
        node = bad


def _problem(source: Source, offset: int, message: str) -> Problem:
    span = Span(source, offset, offset)
    return Problem(source.path, span.line, message, "unreadable", span.column)


def unreadable(source: Source, offset: int) -> Problem:
    """What is wrong with a file that does not parse at ``offset``."""
    return _explained(source) or _problem(source, offset, "this part could not be read as HCL")


def _explained(source: Source) -> Problem | None:
    """What python-hcl2 says about a file that does not parse, if it says anything."""
    if len(source.text) > _EXPLAINED_BYTES:
        return None
    try:
        import hcl2
        from lark.exceptions import UnexpectedCharacters, UnexpectedToken
    except ImportError:
        return None
    try:
        hcl2.parses(source.text if source.text.endswith("\n") else source.text + "\n")
    except UnexpectedToken as error:
        if error.token.type == "$END":
            last = source.span_of_line(source.text.rstrip().count("\n") + 1)
            return Problem(source.path, last.line, "the file ends inside an open block or expression")
        line, column, token = error.line, error.column, str(error.token)
    except UnexpectedCharacters as error:
        line, column, token = error.line, error.column, error.char
    except Exception:
        # Its other errors (recursion, its own transformer) name no place.
        return None
    else:
        return None
    shown = "line break" if not token.strip() else repr(token.strip().split("\n")[0][:40])
    return Problem(source.path, max(1, line), f"unexpected {shown}", "unreadable", max(1, column))
