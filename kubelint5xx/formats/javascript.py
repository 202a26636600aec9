"""JavaScript and TypeScript sources of Node servers, by tree-sitter: what they set on the server, never run.

The root maps, in the order of the file: the name of each setting (``keepAliveTimeout``, …) to its value;
``listens`` to ``True`` where the file starts a server; ``sigterm`` to ``True`` where it handles the signal; and
``imports`` to the packages that it imports. Numbers keep the unit of the program, mostly milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import join, normpath
from typing import TYPE_CHECKING

from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import code
from kubelint5xx.formats.code import Program, arguments, content, lookup, string
from kubelint5xx.formats.literals import computed, imported, number, otherwise, shortened, through, variable

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["constant", "lookup", "modules", "read"]

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
# Whose only argument is its options.
_OPTIONS_ONLY = pattern(r"(?:.*\.)?(?:[Ff]astify|FastifyAdapter)", re.DOTALL)
_HANDLES = pattern(r"process\s*\.\s*(?:on|once|addListener|prependListener)")
_ENVIRONMENT = pattern(r"(?:process\.env|Bun\.env|import\.meta\.env)(?:\.(\w+)|\[\s*[\"'`](\w+)[\"'`]\s*\])\Z")
_ASKED = pattern(r"\(?\s*(\S+?)\s*(!==?\s*(?:undefined|null|void 0)\s*)?\)?\Z")
_NUMBERS = ("Number", "parseInt", "parseFloat", "Number.parseInt", "Number.parseFloat", "String")
_PACKAGE = pattern(r"(?:node:)?((?:@[^/]+/)?[^/]+)")
_EXTENSIONS = ("ts", "js", "mts", "mjs", "cts", "cjs", "tsx", "jsx")
_QUERY = """
(assignment_expression) @assignment
(augmented_assignment_expression) @assignment
(call_expression) @call
(new_expression) @call
(import_statement) @import
(lexical_declaration) @const
(string) @string
"""
_JAVASCRIPT = code.Grammar(
    title="JavaScript",
    package="tree_sitter_javascript",
    query=_QUERY,
    words=pattern(
        r"keepAliveTimeout|headersTimeout|requestTimeout|createServer|\.listen\b|\.serve\b|\.timeout\b|SIGTERM"
        r"|[Ff]astify|[\"'](?:express|koa|next|@nestjs/core|@hapi/hapi)[\"']"
    ),
)
_TYPESCRIPT = replace(_JAVASCRIPT, package="tree_sitter_typescript", function="language_typescript")
_GRAMMARS = {
    **dict.fromkeys(("ts", "mts", "cts"), _TYPESCRIPT),
    "tsx": replace(_TYPESCRIPT, function="language_tsx"),
}
_DIALECT = code.Dialect(
    branches=(
        "if_statement", "else_clause", "ternary_expression", "switch_case", "switch_default", "for_statement",
        "for_in_statement", "while_statement", "do_statement", "catch_clause",
    ),
    numbers=("number",),
    strings=("string",),
    names=("identifier", "shorthand_property_identifier"),
    wrappers=("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"),
    empty_is_false=True,
)  # fmt: skip


def read(source: Source) -> Reading:
    """What the file sets. One that has none of the words in question is not parsed and gives an empty mapping."""
    return code.read(source, "javascript", _grammar(source), _DIALECT, _entries, _special, _from_elsewhere)


def modules(path: str, module: str) -> tuple[str, ...]:
    """The files that a relative import may mean. One that is imported as ``.js`` may be TypeScript."""
    found = normpath(join(path.rpartition("/")[0], module))
    stem, _, extension = found.rpartition(".")
    bare = stem if extension in _EXTENSIONS else found
    return (found, *(f"{bare}.{end}" for end in _EXTENSIONS), *(f"{found}/index.{end}" for end in _EXTENSIONS))


def constant(source: Source, name: str) -> Node | None:
    """What the constant ``name`` of a module is, as far as its file alone tells; None where it has none."""
    program = code.parsed(source, _grammar(source), _DIALECT, _special, _from_elsewhere)
    if isinstance(program, Problem):
        return None
    _declarations(program)
    for node in program.every("assignment"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left and right and content(left) in (f"exports.{name}", f"module.exports.{name}"):
            program.declare(name, right)
        elif left and right and content(left) == "module.exports":
            for key, value in _pairs(right):
                if key != value and _key(key) == name:
                    program.declare(name, value)
    held = program.constants.get(name)
    return program.value(held) if held else None


def _grammar(source: Source) -> code.Grammar:
    return _GRAMMARS.get(source.path.rpartition(".")[2], _JAVASCRIPT)


def _entries(program: Program) -> Iterator[Entry]:
    servers = _declarations(program)
    for node in program.every("assignment"):
        yield from _assignment(program, node, servers)
    handled = False
    for node in program.every("call"):
        callee = _callee(node)
        function = node.child_by_field_name("function")
        if function and _STARTS.fullmatch(callee):
            yield program.fact("listens", function)
        if _TAKES_OPTIONS.fullmatch(callee):
            yield from _options(program, node, bool(_OPTIONS_ONLY.fullmatch(callee)))
        if function and callee.endswith(".setTimeout") and _is_server(callee.rpartition(".")[0], servers):
            given = arguments(node)
            if given:
                yield program.setting("timeout", function, node, given[0])
        if _HANDLES.fullmatch(callee):
            first = next(iter(arguments(node)), None)
            if first and first.type == "string" and string(first) == "SIGTERM":
                handled = True
                place = Span(program.source, program.span(node).start, program.span(first).end)
                yield Entry(Scalar(place, "sigterm", "sigterm"), Scalar(place, True, "true"))
    if not handled:
        for node in program.every("string"):
            if string(node) == "SIGTERM":
                place = program.span(node)
                unknown = Unresolved(place, "SIGTERM is named here; whether it is handled is not followed")
                yield Entry(Scalar(place, "sigterm", "sigterm"), unknown)
    if packages := tuple(_packages(program)):
        whole = Span(program.source, 0, len(program.source.text))
        yield Entry(Scalar(packages[0].span, "imports"), Sequence(whole, packages))


def _declarations(program: Program) -> set[str]:
    """Takes the constants, and gives the names that hold servers."""
    servers: set[str] = set()
    for declaration in program.every("const"):
        constant = declaration.children[0].type == "const"
        for each in declaration.named_children:
            name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
            if name is None or name.type != "identifier":
                continue
            written = content(name)
            program.declare(written, value if constant else None)
            called = program.unwrapped(value) if value else None
            if called and called.type == "await_expression" and called.named_children:
                called = called.named_children[0]
            if called and called.type == "call_expression" and _STARTS.fullmatch(_callee(called)):
                servers.add(written)
    return servers


def _assignment(program: Program, node: Syntax, servers: set[str]) -> Iterator[Entry]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or left.type not in ("member_expression", "subscript_expression"):
        return
    owner = left.child_by_field_name("object")
    name = left.child_by_field_name("property" if left.type == "member_expression" else "index")
    if owner is None or name is None or _key(name) not in _SETTINGS:
        return
    if left.type == "subscript_expression" and name.type != "string":
        return
    holder, setting = content(owner), _key(name)
    if _CLIENT.search(holder) or (setting in _AMBIGUOUS and not _is_server(holder, servers)):
        return
    if node.type == "assignment_expression":
        yield program.setting(setting, name, node, right)
    else:
        value = Unresolved(program.span(right), f"computed when the server starts: {shortened(content(node))}")
        yield Entry(Scalar(program.span(name), setting, setting), value)


def _options(program: Program, call: Syntax, only: bool) -> Iterator[Entry]:
    for given in arguments(call):
        options = (program.constants.get(content(given)) if given.type == "identifier" else None) or given
        found = False
        for key, value in _pairs(options):
            if (name := _key(key)) in _SETTINGS:
                found = found or name == "keepAliveTimeout"
                yield program.setting(name, key, call, value)
        spread = next((each for each in options.named_children if each.type == "spread_element"), None)
        unseen = spread if options.type == "object" else options if only else None
        if unseen and not found:
            place = program.span(unseen)
            yield Entry(Scalar(place, "keepAliveTimeout", "keepAliveTimeout"), computed(place))


def _pairs(options: Syntax) -> Iterator[tuple[Syntax, Syntax]]:
    for pair in options.named_children if options.type == "object" else ():
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if pair.type == "shorthand_property_identifier":
            key = value = pair
        if key and value:
            yield key, value


def _key(key: Syntax) -> str:
    return string(key) if key.type == "string" else content(key)


def _is_server(holder: str, servers: set[str]) -> bool:
    return holder in servers or (bool(_SERVER.search(holder)) and not _CLIENT.search(holder))


def _packages(program: Program) -> Iterator[Scalar]:
    sources = [node.child_by_field_name("source") for node in program.every("import")]
    for node in program.every("call"):
        if _callee(node) in ("require", "import"):
            sources.extend(arguments(node)[:1])
    for source in sources:
        written = string(source) if source and source.type == "string" else ""
        package = _PACKAGE.match(written)
        if source and package and not written.startswith((".", "/")):
            yield Scalar(program.span(source), package[1], package[1], quoted=True)


def _chosen(program: Program, node: Syntax, depth: int) -> Node | None:
    """``process.env.X ? Number(process.env.X) : 65``."""
    condition, held, other = (node.child_by_field_name(name) for name in ("condition", "consequence", "alternative"))
    if condition is None or held is None or other is None:
        return None
    asked = _ASKED.match(content(condition))
    if not asked or not (read := _ENVIRONMENT.match(asked[1])):
        return None
    first = program.value(held, depth + 1)
    if not isinstance(first, Mapping) or text(first.get("env")) != (read[1] or read[2]):
        return None
    return otherwise(program.span(node), first, program.value(other, depth + 1), empty=not asked[2])


def _special(program: Program, node: Syntax, depth: int) -> Node | None:
    place = program.span(node)
    if node.type in ("member_expression", "subscript_expression") and (read := _ENVIRONMENT.match(content(node))):
        return variable(place, read[1] or read[2])
    if node.type == "ternary_expression":
        return _chosen(program, node, depth)
    if node.type != "call_expression" or _callee(node) not in _NUMBERS:
        return None
    given = arguments(node)
    inner = program.value(given[0], depth + 1) if given else computed(place)
    match inner:
        case Scalar(value=str() | int() | float() as value) if not isinstance(value, bool):
            return number(inner.span, str(value).strip(), inner.via)
        case Unresolved():
            return Unresolved(place, inner.reason, inner.via)
        case Mapping():
            return through(inner, place)
    return computed(place)


def _from_elsewhere(program: Program, node: Syntax) -> Node | None:
    """A name that is imported from another file of the program."""
    if node.type not in _DIALECT.names:
        return None
    wanted = content(node)
    for statement in program.every("import"):
        source = statement.child_by_field_name("source")
        for each in _below(statement, "import_specifier"):
            name, alias = each.child_by_field_name("name"), each.child_by_field_name("alias")
            if source and name and content(alias or name) == wanted and string(source).startswith("."):
                return imported(program.span(node), string(source), content(name))
    for declaration in program.every("const"):
        for each in declaration.named_children:
            names, value = each.child_by_field_name("name"), each.child_by_field_name("value")
            if names is None or value is None or names.type != "object_pattern" or _callee(value) != "require":
                continue
            given = arguments(value)
            local = [content(name) for name in names.named_children if name.type.startswith("shorthand_property")]
            if wanted in local and given and string(given[0]).startswith("."):
                return imported(program.span(node), string(given[0]), wanted)
    return None


def _below(statement: Syntax, kind: str) -> Iterator[Syntax]:
    waiting = list(statement.named_children)
    while waiting:
        node = waiting.pop()
        if node.type == kind:
            yield node
        waiting.extend(node.named_children)


def _callee(call: Syntax) -> str:
    function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    # A call on a long chain of calls is none of those in question.
    return content(function) if function and function.end_byte - function.start_byte <= 200 else ""
