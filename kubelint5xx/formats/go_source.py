"""Go sources, by tree-sitter: how they make and start HTTP servers. See ``code`` for the shape of a document.

Makers are the types ``http.Server``, ``fasthttp.Server`` and ``fiber.Config``, ``grpc.Server``, and
``keepalive.ServerParameters``, which says how long connections of gRPC last; functions that start a server of their
own (``http.ListenAndServe``) make one of which nothing is set. Durations have their unit. Facts: ``listens``;
``listens_bare``, where such a function does it; ``signals``, where SIGTERM is caught; ``shuts_down``, where a server is
told to end by its ``Shutdown``; ``stops_gracefully``, where one of gRPC is by its ``GracefulStop``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Node, Scalar, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.formats import code
from kubelint5xx.formats.code import Program, arguments, content, lookup, string
from kubelint5xx.formats.literals import imported

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

# The packages in question, by the name that their types have here; a major version may follow.
_PACKAGES = {
    "net/http": "http",
    "github.com/valyala/fasthttp": "fasthttp",
    "github.com/gofiber/fiber": "fiber",
    "github.com/gin-gonic/gin": "gin",
    "google.golang.org/grpc": "grpc",
    "google.golang.org/grpc/keepalive": "keepalive",
    "os/signal": "signal",
    "os": "os",
}
_VERSION = pattern(r"/v\d+$")
_OF_SERVERS = ("IdleTimeout", "ReadTimeout", "ReadHeaderTimeout", "WriteTimeout", "DisableKeepalive")
_SETTINGS = (*_OF_SERVERS, "MaxConnectionIdle", "MaxConnectionAge", "MaxConnectionAgeGrace")
_SERVERS = ("http.Server", "fasthttp.Server")
# What is set for a server that something else makes.
_CONFIGURATIONS = ("fiber.Config", "keepalive.ServerParameters")
_STARTS = {
    **dict.fromkeys(("http.ListenAndServe", "http.ListenAndServeTLS", "http.Serve", "http.ServeTLS"), "http.Server"),
    **dict.fromkeys(("fasthttp.ListenAndServe", "fasthttp.ListenAndServeTLS", "fasthttp.Serve"), "fasthttp.Server"),
}
_ROUTERS = ("gin.Default", "gin.New")
_RUNS = (".Run", ".RunTLS")
_TERM = ("syscall.SIGTERM", "unix.SIGTERM")
_CALLED_SERVER = pattern(r"(?:.*\.)?\w*(?:[sS]erver|[sS]rv|[aA]pp)\w*")
_GRAMMAR = code.Grammar(
    title="Go",
    package="tree_sitter_go",
    query="""
(import_spec) @import
(const_spec) @const
(var_spec) @var
(composite_literal) @literal
(short_var_declaration) @declaration
(assignment_statement) @assignment
(call_expression) @call
""",
    words=pattern(
        r"\bServer\b|ListenAndServe|IdleTimeout|ReadTimeout|fiber\.|gin\.|http\.Serve|signal\.|\bShutdown\("
        r"|\bNewServer\(|ServerParameters|\bGracefulStop\("
    ),
)
_DIALECT = code.Dialect(
    branches=(
        "if_statement", "for_statement", "expression_case", "type_case", "default_case", "communication_case",
    ),
    numbers=("int_literal", "float_literal"),
    strings=("interpreted_string_literal", "raw_string_literal"),
    units=(
        ("time.Nanosecond", 1e-9), ("time.Microsecond", 1e-6), ("time.Millisecond", 1e-3), ("time.Second", 1.0),
        ("time.Minute", 60.0), ("time.Hour", 3600.0),
    ),
)  # fmt: skip


def read(source: Source) -> Reading:
    """The servers that the file makes and starts."""
    return code.read(source, "go_source", _GRAMMAR, _DIALECT, _entries, _special, _of_the_package)


def modules(path: str, module: str) -> tuple[str, ...]:
    """The files of the same package, or of one that is imported."""
    if module:
        end = "/".join(module.split("/")[-2:])
        return (f"{end}/*.go", f"*/{end}/*.go")
    folder = path.rpartition("/")[0]
    return (f"{folder}/*.go" if folder else "*.go",)


def constant(source: Source, name: str) -> Node | None:
    """The package's constant ``name``, where this file declares it."""
    if name not in source.text:
        return None
    program = code.parsed(source, _GRAMMAR, _DIALECT, _special)
    if isinstance(program, Problem):
        return None
    _constants(program)
    held = program.constants.get(name)
    return program.value(held) if held else None


def _constants(program: Program) -> None:
    for spec in program.every("const", "var"):
        names, value = spec.children_by_field_name("name"), spec.child_by_field_name("value")
        values = value.named_children if value else []
        for at, name in enumerate(names):
            constant = spec.type == "const_spec" and at < len(values)
            program.declare(content(name), values[at] if constant else None)
    for declaration in program.every("declaration"):
        left = declaration.child_by_field_name("left")
        for name in left.named_children if left else ():
            # A local variable may hide a constant.
            program.declare(content(name), None)


def _entries(program: Program) -> Iterator[Entry]:
    packages = _imports(program)
    _constants(program)
    variables: dict[str, Syntax] = {}
    held: dict[int, list[Entry]] = {}
    servers: list[tuple[str, Syntax]] = []
    for literal in program.every("literal"):
        maker = _qualified(literal.child_by_field_name("type"), packages)
        if maker in (*_SERVERS, *_CONFIGURATIONS):
            servers.append((maker, literal))
            held[literal.id] = list(_fields(program, literal))
            for name in _assigned_to(literal):
                variables[name] = literal
    for spec in program.every("var"):
        maker = _qualified(spec.child_by_field_name("type"), packages)
        if maker in (*_SERVERS, *_CONFIGURATIONS) and spec.child_by_field_name("value") is None:
            servers.append((maker, spec))
            held[spec.id] = []
            variables.update((content(name), spec) for name in spec.children_by_field_name("name"))
    for node in program.every("assignment"):
        yield from _assignment(program, node, variables, held)
    for maker, place in servers:
        yield code.made(program, maker, place, held[place.id])
        if maker in _SERVERS:
            yield program.fact("listens", place)
    yield from _calls(program, packages, variables)


def _calls(program: Program, packages: dict[str, str], variables: dict[str, Syntax]) -> Iterator[Entry]:
    routers = {
        name
        for call in program.every("call")
        if _qualified(call.child_by_field_name("function"), packages) in _ROUTERS
        for name in _assigned_to(call)
    }
    yield from _of_grpc(program, packages)
    for call in program.every("call"):
        function = call.child_by_field_name("function")
        if function is None or function.type != "selector_expression":
            continue
        called = _qualified(function, packages)
        given = arguments(call)
        router = content(function).removesuffix("TLS").removesuffix(".Run")
        if called in _STARTS or (called.endswith(_RUNS) and router in routers):
            port = [program.setting("port", given[0], call, given[0])] if given else []
            yield code.made(program, _STARTS.get(called, "http.Server"), call, port)
            yield program.fact("listens", function)
            yield program.fact("listens_bare", function)
        elif called == "fiber.New":
            yield program.fact("listens", function)
            if not given or given[0].type != "composite_literal":
                elsewhere = "its configuration is made elsewhere" if given else ""
                yield code.made(program, "fiber.Config", call, (), elsewhere)
        elif called.endswith(".GracefulStop"):
            yield program.fact("stops_gracefully", function)
        elif called in ("signal.Notify", "signal.NotifyContext"):
            caught = [content(each) for each in given[1:]]
            if any(each in _TERM for each in caught) or not caught:
                yield program.fact("signals", function)
            elif not all(each.startswith(("os.", "syscall.")) for each in caught):
                place = program.span(call)
                unknown = Unresolved(place, "which signals it catches is not followed")
                yield Entry(Scalar(place, "signals", "signals"), unknown)
        elif called.endswith((".Shutdown", ".ShutdownWithContext", ".ShutdownWithTimeout")):
            owner = content(function).rpartition(".")[0]
            place = program.span(function)
            if owner in variables or _CALLED_SERVER.fullmatch(owner):
                yield program.fact("shuts_down", function)
            else:
                unknown = Unresolved(place, f"whether {owner} is the server is not followed")
                yield Entry(Scalar(place, "shuts_down", "shuts_down"), unknown)


def _of_grpc(program: Program, packages: dict[str, str]) -> Iterator[Entry]:
    """The servers of gRPC, with the ports of the listeners that they are given."""
    named: dict[str, tuple[str, Syntax]] = {}
    for call in program.every("call"):
        called = _qualified(call.child_by_field_name("function"), packages)
        if called in ("grpc.NewServer", "net.Listen"):
            named.update((name, (called, call)) for name in _assigned_to(call))
            if called == "grpc.NewServer":
                yield code.made(program, "grpc.Server", call, ())
                yield program.fact("listens", call)
    for call in program.every("call"):
        owner, _, method = content(call.child_by_field_name("function") or call)[:200].rpartition(".")
        given = [named.get(content(each), ("", each)) for each in arguments(call)]
        if method == "Serve" and named.get(owner, ("",))[0] == "grpc.NewServer" and given:
            kind, listen = given[0]
            address = arguments(listen)[1:2] if kind == "net.Listen" else []
            port = [program.setting("port", each, listen, each) for each in address]
            yield code.made(program, "grpc.Server", call, port)


def _imports(program: Program) -> dict[str, str]:
    """The packages in question by the name that they have in this file."""
    found: dict[str, str] = {}
    for spec in program.every("import"):
        path, alias = spec.child_by_field_name("path"), spec.child_by_field_name("name")
        known = _PACKAGES.get(_VERSION.sub("", string(path))) if path else None
        if known:
            found[content(alias) if alias else known] = known
    return found


def _qualified(node: Syntax | None, packages: dict[str, str]) -> str:
    """``http.Server`` for what the file may write ``nethttp.Server``."""
    if node is None or node.end_byte - node.start_byte > 200:
        return ""
    package, dot, name = content(node).partition(".")
    return f"{packages.get(package, package)}.{name}" if dot else ""


def _assigned_to(literal: Syntax) -> list[str]:
    """The variables or fields that hold the server of a literal."""
    value = literal.parent if literal.parent and literal.parent.type == "unary_expression" else literal
    outer = value.parent
    if outer is None or outer.type != "expression_list" or outer.parent is None:
        return []
    statement = outer.parent
    left = statement.child_by_field_name("left")
    names = left.named_children if left else statement.children_by_field_name("name")
    at = outer.named_children.index(value)
    return [content(names[at])] if at < len(names) else []


def _fields(program: Program, literal: Syntax) -> Iterator[Entry]:
    body = literal.child_by_field_name("body")
    for element in body.named_children if body else ():
        key, value = element.child_by_field_name("key"), element.child_by_field_name("value")
        if element.type != "keyed_element" or key is None or value is None:
            continue
        name, held = content(key), value.named_children[0] if value.named_children else value
        if name in _SETTINGS:
            yield _timed(program.setting(name, key, literal, held))
        elif name == "Addr":
            yield program.setting("port", key, literal, held)


def _assignment(
    program: Program, node: Syntax, variables: dict[str, Syntax], held: dict[int, list[Entry]]
) -> Iterator[Entry]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    targets = left.named_children if left else []
    values = right.named_children if right else []
    for target, value in zip(targets, values, strict=False):
        owner, name = target.child_by_field_name("operand"), target.child_by_field_name("field")
        if target.type != "selector_expression" or owner is None or name is None or content(name) not in _SETTINGS:
            continue
        entry = _timed(program.setting(content(name), name, node, value))
        server = variables.get(content(owner))
        if server is not None:
            # It is set after the literal, and wins.
            own = held[server.id]
            own[:] = [other for other in own if other.key.value != entry.key.value] + [entry]
        elif content(name) in _OF_SERVERS and _CALLED_SERVER.fullmatch(content(owner)):
            # Of a field it is not known which type it has.
            doubted = Unresolved(program.span(value), f"whether {content(owner)} is an HTTP server is not followed")
            yield code.made(program, "http.Server", node, [Entry(entry.key, doubted)])


def _timed(entry: Entry) -> Entry:
    """A number without a unit is of nanoseconds."""
    value = entry.value
    if isinstance(value, Scalar) and type(value.value) in (int, float) and value.value:
        written = f"{value.value} ns"
        return Entry(entry.key, Scalar(value.span, written, written, via=value.via))
    return entry


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    if node.type != "call_expression":
        return None
    function, given = node.child_by_field_name("function"), arguments(node)
    called = content(function) if function else ""
    if called in ("time.Duration", "int64", "int", "float64") and len(given) == 1:
        return program.value(given[0], depth + 1)
    return None


def _of_the_package(program: Program, node: Syntax) -> Node | None:
    """A name that another file of the package, or another package of the program, may declare."""
    if node.type == "identifier":
        return imported(program.span(node), "", content(node))
    package, dot, name = content(node).partition(".")
    for spec in program.every("import") if dot and node.type == "selector_expression" else ():
        path, alias = spec.child_by_field_name("path"), spec.child_by_field_name("name")
        written = string(path) if path else ""
        if "/" in written and package == (content(alias) if alias else written.rpartition("/")[2]):
            return imported(program.span(node), written, name)
    return None
