"""Python programs that start a server by a call. Parsed with ``ast``, never executed. See ``code`` for the shape.

Makers are ``uvicorn.run``, ``uvicorn.Config``, ``hypercorn.Config``, ``waitress.serve``, ``grpc.server``, and
``gunicorn`` for the options of an application of its own. What is set on them are the arguments, or attributes. Numbers
are seconds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.code import IN_A_BRANCH, lookup
from kubelint5xx.formats.literals import arithmetic, computed, imported, number, otherwise, through, variable
from kubelint5xx.formats.python_assign import Places, parse

__all__ = ["constant", "lookup", "modules", "read"]

_WORDS = pattern(r"\b(?:uvicorn|hypercorn|waitress|gunicorn|grpc)\b")
_MAKERS = {
    "uvicorn.run": "uvicorn.run",
    "uvicorn.Config": "uvicorn.Config",
    "uvicorn.config.Config": "uvicorn.Config",
    "hypercorn.Config": "hypercorn.Config",
    "hypercorn.config.Config": "hypercorn.Config",
    "waitress.serve": "waitress.serve",
    "grpc.server": "grpc.server",
    "grpc.aio.server": "grpc.server",
}
_GUNICORN = "gunicorn.app.base"
_PORTS = ("add_insecure_port", "add_secure_port")
_OPTIONS = ("keepalive", "timeout", "graceful_timeout", "worker_class", "threads", "bind", "workers")
_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.ExceptHandler)
_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_MAX_DEPTH = 50


def read(source: Source) -> Reading:
    """The servers that the file starts. A file that names none of them is not parsed."""
    whole = Span(source, 0, len(source.text))
    if not _WORDS.search(source.text):
        return Reading((Document(source, "python_source", Mapping(whole)),))
    program = _program(source)
    if isinstance(program, Problem):
        return Reading(problems=(program,))
    try:
        entries = tuple(_entries(program))
    except RecursionError:
        return Reading(problems=(Problem(source.path, 1, "nested too deeply to be read"),))
    return Reading((Document(source, "python_source", Mapping(whole, entries)),))


def modules(path: str, module: str) -> tuple[str, ...]:
    """The file of a module, relative to the file at ``path`` where it starts with dots, else anywhere."""
    bare = module.lstrip(".")
    wanted = f"{bare.replace('.', '/')}.py" if bare else "__init__.py"
    above = len(module) - len(bare)
    if not above:
        return (wanted, f"*/{wanted}")
    folder = path.split("/")[:-above]
    return ("/".join([*folder, wanted]),)


def constant(source: Source, name: str) -> Node | None:
    """What the module's ``name`` is, where it is assigned once."""
    program = _program(source) if name in source.text else None
    held = program.constants.get(name) if isinstance(program, _Program) else None
    try:
        return program.value(held) if isinstance(program, _Program) and held is not None else None
    except RecursionError:
        return None


@record(frozen=False)
class _Program:
    places: Places
    module: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    constants: dict[str, ast.expr | None] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)

    def nodes(self) -> Iterator[ast.AST]:
        return iter(self.parents)

    def prepare(self) -> None:
        waiting: list[ast.AST] = [self.module]
        while waiting:
            node = waiting.pop()
            children = list(ast.iter_child_nodes(node))
            self.parents.update((child, node) for child in children)
            waiting.extend(reversed(children))
        for node in self.nodes():
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                    parent = self.parents[node]
                    plain = isinstance(parent, (ast.Assign, ast.AnnAssign)) and self.parents[parent] is self.module
                    value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) and plain else None
                    self.constants[name] = None if name in self.constants else value
                case ast.Import(names=aliases):
                    for alias in aliases:
                        self.imports[alias.asname or alias.name.partition(".")[0]] = (
                            (alias.name, "") if alias.asname else (alias.name.partition(".")[0], "")
                        )
                case ast.ImportFrom(names=aliases):
                    for alias in aliases:
                        self.imports[alias.asname or alias.name] = ("." * node.level + (node.module or ""), alias.name)

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression names, through the imports."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        module, name = self.imports.get(node.id, (node.id, ""))
        return ".".join(part for part in (module, name, *reversed(parts)) if part)

    def conditional(self, node: ast.AST) -> bool:
        while (outer := self.parents.get(node)) is not None:
            if isinstance(outer, _BRANCHES) and not _is_main(outer) and getattr(outer, "test", None) is not node:
                return True
            node = outer
        return False

    def setting(self, name: str, key: Span, statement: ast.AST, value: ast.expr) -> Entry:
        held = Unresolved(self.places.span(value), IN_A_BRANCH) if self.conditional(statement) else self.value(value)
        return Entry(Scalar(key, name, name), held)

    def value(self, node: ast.expr, depth: int = 0) -> Node:
        place = self.places.span(node)
        if depth > _MAX_DEPTH:
            return Unresolved(place, "nested too deeply")
        match node:
            case ast.Constant(value=str() as written):
                return Scalar(place, written, written, quoted=True)
            case ast.Constant(value=bool() | None as word):
                return Scalar(place, word, str(word).lower())
            case ast.Constant(value=int() | float()):
                return number(place, place.text)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return arithmetic(place, "*", Scalar(place, -1), self.value(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                sign = _OPERATORS[type(op)]
                return arithmetic(place, sign, self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.BoolOp(op=ast.Or(), values=[first, second]):
                return otherwise(place, self.value(first, depth + 1), self.value(second, depth + 1), empty=True)
            case ast.Call(func=ast.Name(id="int" | "float" | "str"), args=[inner]):
                return _converted(self.value(inner, depth + 1))
            case ast.Call(func=function, args=[ast.Constant(value=str() as name), *rest]) if self.dotted(function) in (
                "os.environ.get",
                "os.getenv",
            ):
                return variable(place, name, self.value(rest[0], depth + 1) if rest else None)
            case ast.Subscript(value=held, slice=ast.Constant(value=str() as name)) if (
                self.dotted(held) == "os.environ"
            ):
                return variable(place, name)
            case ast.Name(id=name) if name in self.constants:
                known = self.constants[name]
                return through(self.value(known, depth + 1), place) if known is not None else computed(place)
            case ast.Name(id=name) if name in self.imports and self.imports[name][1]:
                return imported(place, *self.imports[name])
        return computed(place)


def _program(source: Source) -> _Program | Problem:
    parsed = parse(source)
    if isinstance(parsed, Problem):
        return parsed
    program = _Program(parsed[1], parsed[0])
    program.prepare()
    return program


def _entries(program: _Program) -> Iterator[Entry]:
    variables: dict[str, list[Entry]] = {}
    made: list[tuple[str, Span, list[Entry], str]] = []
    for node in program.nodes():
        if not isinstance(node, ast.Call) or (maker := _MAKERS.get(program.dotted(node.func))) is None:
            continue
        place = program.places.span(node.func)
        settings: list[Entry] = []
        open_ = ""
        for keyword in node.keywords:
            if keyword.arg is None:
                open_ = "some of its arguments are computed when it starts"
            else:
                key = Span(place.source, program.places.span(keyword).start, program.places.span(keyword.value).start)
                settings.append(program.setting(keyword.arg, key, node, keyword.value))
        made.append((maker, place, settings, open_))
        parent = program.parents[node]
        if isinstance(parent, ast.Assign):
            variables.update((target.id, settings) for target in parent.targets if isinstance(target, ast.Name))
    for node in program.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute) as method, args=[address, *_]):
                if name in variables and attribute in _PORTS:
                    variables[name].append(program.setting("port", program.places.span(method), node, address))
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr=attribute) as target], value=value):
                if name in variables:
                    variables[name].append(program.setting(attribute, program.places.span(target), node, value))
            case ast.Dict() if any(module == _GUNICORN or name for module, name in _gunicorn(program)):
                made += _options(program, node)
    for maker, place, settings, open_ in made:
        yield Entry(Scalar(place, maker, maker), Mapping(place, tuple(settings), open_))
        yield Entry(Scalar(place, "listens", "listens"), Scalar(place, True, "true"))


def _gunicorn(program: _Program) -> Iterator[tuple[str, str]]:
    """How the file imports gunicorn's own application."""
    for module, name in program.imports.values():
        if module == _GUNICORN or (module == "gunicorn" and _GUNICORN in program.places.source.text):
            yield _GUNICORN, name


def _options(program: _Program, node: ast.Dict) -> Iterator[tuple[str, Span, list[Entry], str]]:
    settings = [
        program.setting(str(key.value), program.places.span(key), node, value)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value in _OPTIONS
    ]
    if settings:
        known = all(isinstance(key, ast.Constant) for key in node.keys)
        open_ = "" if known else "some of its options are computed when it starts"
        yield "gunicorn", program.places.span(node), settings, open_


def _converted(value: Node) -> Node:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return number(value.span, value.value.strip(), value.via)
    return value


def _is_main(node: ast.AST) -> bool:
    """Whether it is the guard of what runs only where the file is the program itself."""
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False
