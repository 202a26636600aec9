"""Python files that configure by assignment, such as ``gunicorn.conf.py``. Parsed with ``ast``, never executed.

The root is a mapping of the names that the module assigns, in the order of the file, so that a later assignment
wins. A name that is assigned where it may not run, or from something that only running tells, is unresolved; what a
variable of the environment gives waits for it (see ``literals``).
The span of a string includes its quotes.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.byte_offsets import code_points
from kubelint5xx.formats.literals import arithmetic, otherwise, variable

MAX_LENGTH = 1_000_000
_MAX_NUMBER = 1e18
_MAX_SHOWN = 60
# Of a value that goes through very many names, only the nearest are told.
_MAX_VIA = 16

_Operation = Callable[[int | float, int | float], int | float]
_ARITHMETIC: dict[type[ast.operator], _Operation] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_BRANCHES: dict[type[ast.stmt], str] = {
    ast.If: "an if",
    ast.Try: "a try",
    ast.TryStar: "a try",
    ast.For: "a for loop",
    ast.AsyncFor: "a for loop",
    ast.While: "a while loop",
    ast.With: "a with block",
    ast.AsyncWith: "a with block",
    ast.Match: "a match",
}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def read(source: Source) -> Reading:
    """The names that the module assigns. What is no Python (of the running interpreter's version) is a problem."""
    parsed = parse(source)
    if isinstance(parsed, Problem):
        return Reading(problems=(parsed,))
    try:
        root = _Module(parsed[1]).mapping(parsed[0])
    except RecursionError:
        return Reading(problems=(_unreadable(source, 1, "nested too deeply to be read"),))
    return Reading((Document(source, "python_assign", root),))


def parse(source: Source) -> tuple[ast.Module, Places] | Problem:
    """The syntax of a file, with its places; or why there is none."""
    if len(source.text) > MAX_LENGTH:
        return _unreadable(source, 1, f"too long for a configuration file: over {MAX_LENGTH:,} characters")
    bom = source.text.startswith("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.text[bom:]), Places(source, int(bom))
    except SyntaxError as error:
        return _unreadable(source, error.lineno or 1, f"not valid Python: {error.msg}", error.offset or 1)
    except (RecursionError, MemoryError):
        return _unreadable(source, 1, "nested too deeply to be read")
    except ValueError as error:
        return _unreadable(source, 1, f"not valid Python: {error}")


def _unreadable(source: Source, line: int, message: str, column: int = 1) -> Problem:
    return Problem(source.path, source.span_of_line(line).line, message, column=max(1, column))


class Places:
    """Spans of syntax nodes, whose columns ``ast`` counts in bytes of their line."""

    def __init__(self, source: Source, skip: int) -> None:
        self.source = source
        self.skip = skip
        text = source.text[skip:]
        self._code_point = code_points(text)
        self._lines = [0]
        # Python ends a line at a lone carriage return too.
        position = at = 0
        for break_ in re.finditer(r"\r\n?|\n", text):
            at += len(text[position : break_.end()].encode("utf-8", "surrogatepass"))
            position = break_.end()
            self._lines.append(at)

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return Span(self.source, self._at(node.lineno, node.col_offset), self._at(end_line, end))

    def name(self, node: ast.stmt, name: str) -> Span:
        """The span of ``name`` in a statement that has no node of its own for it."""
        span = self.span(node)
        found = re.search(rf"\b{re.escape(name)}\b", span.text)
        return Span(self.source, span.start + found.start(), span.start + found.end()) if found else span

    def whole(self) -> Span:
        return Span(self.source, 0, len(self.source.text))

    def _at(self, line: int, column: int) -> int:
        return self.skip + self._code_point(self._lines[min(line, len(self._lines)) - 1] + column)


@record(frozen=False)
class _Module:
    """Walks a module's statements in order, keeping what each name holds at that point."""

    places: Places
    names: dict[str, Node] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    open: str = ""

    def mapping(self, module: ast.Module) -> Mapping:
        for statement in module.body:
            self._statement(statement)
        return Mapping(self.places.whole(), tuple(self.entries), self.open)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                place = self.places.span(node)
                self._set(name, self.places.span(target), self._arithmetic(place, self._use(target), op, value))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                place = self.places.name(node, name)
                self._set(name, place, Unresolved(place, "a function or class, no value"))
                self._globals_of(node)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    self._import(node, alias)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        place = self.places.span(target)
                        self._set(target.id, place, Unresolved(place, "deleted"))
            case _:
                self._effects(node, _BRANCHES.get(type(node), "an expression"))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._set(name, self.places.span(target), self.value(value))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
                if len(values) == len(targets) and not any(isinstance(e, ast.Starred) for e in [*values, *targets]):
                    for inner, its in zip(targets, values, strict=True):
                        self._assign(inner, its)
                    return
                for each in _stored(target):
                    self._set(each.id, self.places.span(each), self._computed(value))
            case _:
                self._effects(ast.Expr(target), "an expression")

    def _import(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> None:
        where = node.module or "." * node.level if isinstance(node, ast.ImportFrom) else alias.name
        if alias.name == "*":
            self.open = f"from {where} import * may set more names"
            return
        name = alias.asname or alias.name.partition(".")[0]
        place = self.places.name(node, name)
        self._set(name, place, Unresolved(place, f"imported from {where}"))

    def _effects(self, node: ast.AST, inside: str) -> None:
        """Names that ``node`` may assign without our knowing whether, or what."""
        for each in _walk(node):
            match each:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    place = self.places.span(each)
                    self._set(name, place, Unresolved(place, f"assigned inside {inside}"))
                case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                    for alias in aliases:
                        self._import(each, alias)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._globals_of(each)
                case ast.Call(func=ast.Name(id="exec" | "globals" | "vars" | "locals" as function)):
                    self.open = f"{function}() may set more names"

    def _globals_of(self, function: ast.stmt) -> None:
        for each in ast.walk(function):
            if isinstance(each, ast.Global):
                for name in each.names:
                    place = self.places.name(each, name)
                    self._set(name, place, Unresolved(place, "assigned inside a function"))

    def _set(self, name: str, place: Span, value: Node) -> None:
        self.names[name] = value
        self.entries.append(Entry(Scalar(place, name, name), value))

    def value(self, node: ast.expr) -> Node:
        """What the expression is, as far as the file alone tells."""
        place = self.places.span(node)
        match node:
            case ast.Constant(value=str() as written):
                return Scalar(place, written, written, quoted=True)
            case ast.Constant(value=bool() | int() | float() | None as constant):
                return _number(place, constant)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                match self.value(operand):
                    case Scalar(value=int() | float() as number) if not isinstance(number, bool):
                        return _number(place, -number if isinstance(sign, ast.USub) else number)
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(place, self.value(left), op, right)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                if not any(isinstance(element, ast.Starred) for element in elements):
                    return Sequence(place, tuple(self.value(element) for element in elements))
            case ast.Dict(keys=keys, values=values):
                return self._dict(place, keys, values)
            case ast.Name(id=name) if name in self.names:
                return self._use(node)
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="environ") | ast.Name(id="environ"), attr="get")
                | ast.Attribute(value=ast.Name(id="os"), attr="getenv")
                | ast.Name(id="getenv"),
                args=[ast.Constant(value=str() as variable_name), *rest],
            ):
                given = rest or [keyword.value for keyword in node.keywords if keyword.arg == "default"]
                return variable(place, variable_name, self.value(given[0]) if given else None)
            case ast.Subscript(
                value=ast.Attribute(attr="environ") | ast.Name(id="environ"),
                slice=ast.Constant(value=str() as variable_name),
            ):
                return variable(place, variable_name)
            case ast.Call(func=ast.Name(id="int" | "float" | "str"), args=[inner], keywords=[]):
                held = self.value(inner)
                return held if _is_variable(held) or isinstance(held, Unresolved) else self._computed(node)
            case ast.IfExp(test=test, body=body, orelse=other):
                held = self.value(body)
                if (asked := self._asked(test)) and _is_variable(held) and asked[0] == text(child(held, "env")):
                    return otherwise(place, held, self.value(other), empty=asked[1])
            case ast.BoolOp(op=ast.Or(), values=[first, second]):
                held = self.value(first)
                if _is_variable(held):
                    return otherwise(place, held, self.value(second), empty=True)
        return self._computed(node)

    def _asked(self, test: ast.expr) -> tuple[str, bool] | None:
        """The variable of which a condition asks whether it is set, and whether it must not be empty."""
        match test:
            case ast.Compare(
                left=ast.Constant(value=str() as name),
                ops=[ast.In()],
                comparators=[ast.Attribute(attr="environ") | ast.Name(id="environ")],
            ):
                return name, False
        held = self.value(test)
        return (name, True) if _is_variable(held) and (name := text(child(held, "env")) or "") else None

    def _dict(self, place: Span, keys: list[ast.expr | None], values: list[ast.expr]) -> Mapping:
        entries: list[Entry] = []
        open_ = ""
        for key, value in zip(keys, values, strict=True):
            name = self.value(key) if key else None
            if isinstance(name, Scalar):
                entries.append(Entry(name, self.value(value)))
            else:
                open_ = "a key is computed when the server starts"
        return Mapping(place, tuple(entries), open_)

    def _use(self, node: ast.Name) -> Node:
        known, place = self.names.get(node.id), self.places.span(node)
        match known:
            case Scalar():
                return Scalar(known.span, known.value, known.raw, known.quoted, (place, *known.via)[:_MAX_VIA])
            case Unresolved():
                return Unresolved(known.span, known.reason, (place, *known.via)[:_MAX_VIA])
            case None:
                return self._computed(node)
        return known

    def _arithmetic(self, place: Span, left: Node, op: ast.operator, right_node: ast.expr) -> Node:
        right = self.value(right_node)
        operation = _ARITHMETIC.get(type(op))
        match left, right:
            case (Unresolved(), _):
                return Unresolved(place, left.reason, left.via)
            case (_, Unresolved()):
                return Unresolved(place, right.reason, right.via)
            case (Mapping(), Scalar()) | (Scalar(), Mapping()) if isinstance(op, ast.Mult):
                return arithmetic(place, "*", left, right)
            case (Scalar(value=int() | float() as a), Scalar(value=int() | float() as b)) if operation:
                try:
                    return _number(place, operation(a, b))
                except ArithmeticError as error:
                    return Unresolved(place, f"cannot be computed: {error}")
        return Unresolved(place, _because(place))

    def _computed(self, node: ast.expr) -> Unresolved:
        place = self.places.span(node)
        return Unresolved(place, _because(place))


def _is_variable(node: Node) -> bool:
    return isinstance(node, Mapping) and isinstance(node.get("env"), Scalar)


def _number(place: Span, value: int | float | bool | None) -> Node:
    # Repeated squaring in a hostile file would otherwise take all memory.
    if isinstance(value, (int, float)) and not abs(value) <= _MAX_NUMBER:
        return Unresolved(place, "a number too large to mean anything")
    return Scalar(place, value, str(value))


def _because(place: Span) -> str:
    written = " ".join(place.text[: 4 * _MAX_SHOWN].split())
    shown = written if len(written) <= _MAX_SHOWN else written[:_MAX_SHOWN].rstrip() + "…"
    return f"computed when the server starts: {shown}"


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and all below it in the order of the file, but not into scopes of their own or comprehensions."""
    pending = [node]
    while pending:
        each = pending.pop()
        yield each
        if not isinstance(each, (*_SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            pending.extend(reversed(list(ast.iter_child_nodes(each))))


def _stored(target: ast.expr) -> Iterator[ast.Name]:
    return (n for n in _walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
