from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import code, javascript, lookup
from kubelint5xx.formats.literals import settle

pytest.importorskip("tree_sitter_javascript")
pytest.importorskip("tree_sitter_typescript")


def root(source: str, path: str = "server.js") -> Mapping:
    reading = javascript.read(Source(path, source))
    assert not reading.problems
    node = reading.documents[0].root
    assert isinstance(node, Mapping)
    return node


def setting(expression: str, path: str = "server.js") -> Node:
    node = root(f"const é = '😀';\nserver.keepAliveTimeout = {expression};\n", path).get("keepAliveTimeout")
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("expression", "value", "place"),
    [
        ("65000", 65000, "65000"),
        ("65_000", 65000, "65_000"),
        ("65e3", 65000, "65e3"),
        ("65 * 1000", 65000, "65 * 1000"),
        ("(60000 + 5000)", 65000, "60000 + 5000"),
        ("Number('65000')", 65000, "'65000'"),
        ('parseInt("65000", 10)', 65000, '"65000"'),
        ("0.5", 0.5, "0.5"),
        ("-1", -1, "-1"),
        ("0", 0, "0"),
    ],
)
def test_constant_expressions_have_value_and_place(expression: str, value: object, place: str) -> None:
    node = setting(expression)
    assert isinstance(node, Scalar)
    assert (node.value, node.span.text, node.span.line) == (value, place, 2)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("process.env.KA || 65000", "read from the environment variable KA; 65000 where unset"),
        ("process.env.KA ?? 65000", "read from the environment variable KA; 65000 where unset"),
        ("Number(process.env['KA'] ?? 65000)", "read from the environment variable KA; 65000 where unset"),
        ("parseInt(process.env.KA || '65000', 10)", "read from the environment variable KA; 65000 where unset"),
        ("+process.env.KA", "read from the environment variable KA"),
        ("config.keepAlive", "computed when the server starts: config.keepAlive"),
        ("a ? 1 : 2", "computed when the server starts: a ? 1 : 2"),
        ("1 / 0", "computed when the server starts: 1 / 0"),
    ],
)
def test_what_only_running_tells_is_unresolved(expression: str, reason: str) -> None:
    unknown = Unresolved(Span(Source("web.yaml", ""), 0, 0), "from a Secret")
    node = settle(setting(expression), {"KA": unknown}.get, lambda path, use: unknown)
    assert isinstance(node, Unresolved)
    assert node.reason.replace(" (from a Secret)", "") == reason


@pytest.mark.parametrize(
    ("expression", "given", "value"),
    [
        ("process.env.KA ?? 65000", None, 65000),
        ("process.env.KA ? Number(process.env.KA) : 65000", "", 65000),
        ("process.env.KA ? Number(process.env.KA) : 65000", "70000", "70000"),
        ("process.env.KA !== undefined ? parseInt(process.env.KA) : 65000", None, 65000),
        ("process.env.KA ?? 65000", "70000", "70000"),
        ("process.env.KA || 65000", "", 65000),
        ("Number(process.env.KA || 65) * 1000", None, 65000),
        ("Number(process.env.KA || 65) * 1000", "70", 70000),
        ("1000 * (Number(process.env.KA) || 65)", "70", 70000),
        ("parseInt(process.env.KA ?? '65', 10) * 10 * 100", None, 65000),
    ],
)
def test_a_variable_settles_a_value_once_the_environment_is_known(
    expression: str, given: str | None, value: object
) -> None:
    source = Source("web.yaml", "KA: 70")
    env = {} if given is None else {"KA": Scalar(Span(source, 4, 6), given, given)}
    node = settle(setting(expression), env.get, lambda path, use: use)
    assert isinstance(node, Scalar)
    assert node.value == value
    assert node.span.path == ("web.yaml" if given else "server.js")


def test_a_variable_that_is_not_set_and_has_no_fallback_is_unresolved() -> None:
    node = settle(setting("process.env.KA"), {}.get, lambda path, use: use)
    assert isinstance(node, Unresolved)
    assert node.reason == "the environment variable KA is not set"


def test_a_constant_of_another_file_is_named_and_found_there() -> None:
    other = Source("limits.ts", "export const KA = 65 * 1000")

    def named(path: str, use: Mapping) -> Node:
        module, name = text(use.get("module")), text(use.get("name"))
        assert "src/limits.ts" in javascript.modules("src/server.ts", module or "") and name == "KA"
        return javascript.constant(other, name) or use

    for line in ("import { KA as A } from './limits'", "import { KA as A } from './limits.js'"):
        node = root(f"{line}\nserver.keepAliveTimeout = A").get("keepAliveTimeout")
        assert node is not None
        found = settle(node, {}.get, named)
        assert isinstance(found, Scalar) and (found.value, found.span.path) == (65000, "limits.ts")
    exported = Source("a.js", "exports.A = 1; module.exports = { B: 2 }")
    assert [javascript.constant(exported, name) is not None for name in "ABC"] == [True, True, False]


def test_options_in_a_variable_count_and_options_from_elsewhere_are_unknown() -> None:
    named = root("const options = { keepAliveTimeout: 9 }\nconst app = Fastify(options)").get("keepAliveTimeout")
    assert isinstance(named, Scalar) and named.value == 9
    for source in ("Fastify(config.server)", "fastify({ ...config })", "http.createServer({ ...a }, app)"):
        assert isinstance(root(source).get("keepAliveTimeout"), Unresolved), source
    assert root("http.createServer(app); Fastify({ logger: true })").get("keepAliveTimeout") is None


@pytest.mark.parametrize(
    "statement",
    [
        "app.getHttpServer().keepAliveTimeout = 7",
        "server.listener.keepAliveTimeout = 7",
        "server['keepAliveTimeout'] = 7",
        "const http = app.listen(80)\nhttp.keepAliveTimeout = 7",
        "NestFactory.create(AppModule, new FastifyAdapter({ keepAliveTimeout: 7 }))",
    ],
)
def test_servers_of_frameworks_count(statement: str) -> None:
    node = root(statement).get("keepAliveTimeout")
    assert isinstance(node, Scalar) and node.value == 7


def test_several_values_are_no_value() -> None:
    tree = root("a.keepAliveTimeout = 65000\nb.keepAliveTimeout = 75000")
    (found,) = lookup("javascript", tree, "keepAliveTimeout")
    assert isinstance(found, Unresolved) and found.reason == "set to 65000 and to 75000"


def test_constants_lead_to_their_literals() -> None:
    node = root("const S = 1000\nconst KA = 65 * S\nserver.keepAliveTimeout = KA").get("keepAliveTimeout")
    assert isinstance(node, Scalar)
    assert (node.value, node.span.text, [place.line for place in node.via]) == (65000, "65 * S", [3])
    for shadowed in ("let KA = 1\nserver.keepAliveTimeout = KA", "const KA = KA\nserver.keepAliveTimeout = KA"):
        assert isinstance(root(shadowed).get("keepAliveTimeout"), Unresolved)


def test_typescript_is_read() -> None:
    source = "import express from 'express';\nconst a: number = 1;\n(server as any).keepAliveTimeout = 65000 as number;"
    for path in ("a.ts", "a.mts", "a.tsx"):
        tree = root(source if path != "a.tsx" else source + "\nconst b = <div/>;", path)
        node = tree.get("keepAliveTimeout")
        assert isinstance(node, Scalar)
        assert node.value == 65000


def test_options_of_a_server_count_and_those_of_a_client_do_not() -> None:
    tree = root(
        "const headersTimeout = 7\nhttp.createServer({ keepAliveTimeout: 5, 'requestTimeout': 6, headersTimeout }, f);"
        "new Agent({ keepAliveTimeout: 1 }); axios.get(u, { timeout: 2 }); agent.keepAliveTimeout = 3; xhr.timeout = 4"
    )
    values = {entry.key.value: entry.value.value for entry in tree.entries if isinstance(entry.value, Scalar)}
    assert values == {"keepAliveTimeout": 5, "requestTimeout": 6, "headersTimeout": 7, "listens": True}


def test_timeout_counts_on_a_servers_variable() -> None:
    tree = root("const s = app.listen(80); s.timeout = 9; s.setTimeout(8)")
    assert [node.value for node in tree.every("timeout") if isinstance(node, Scalar)] == [9, 8]


@pytest.mark.parametrize(
    "source",
    [
        "if (a) { server.keepAliveTimeout = 1 }",
        "if (a) b(); else server.keepAliveTimeout = 1",
        "a && (server.keepAliveTimeout = 1)",
        "for (const x of y) { x.keepAliveTimeout = 1 }",
        "try { } catch (e) { server.keepAliveTimeout = 1 }",
        "server.keepAliveTimeout ||= 1",
    ],
)
def test_branches_are_unresolved(source: str) -> None:
    assert isinstance(root(source).get("keepAliveTimeout"), Unresolved)


def test_function_bodies_count() -> None:
    source = "async function f() { try { const s = await app.listen(1); s.keepAliveTimeout = 1 } catch (e) {} } f()"
    assert isinstance(root(source).get("keepAliveTimeout"), Scalar)


def test_facts_of_a_server_file() -> None:
    tree = root(
        "const http = require('node:http'), a = require('./a');\nimport { NestFactory } from \"@nestjs/core/x\";\n"
        "app.listen(80);\nprocess.once('SIGTERM', stop);"
    )
    imports, listens, sigterm = tree.get("imports"), tree.get("listens"), tree.get("sigterm")
    assert isinstance(imports, Sequence)
    assert {item.value for item in imports.items if isinstance(item, Scalar)} == {"http", "@nestjs/core"}
    assert isinstance(listens, Scalar)
    assert (listens.value, listens.span.text) == (True, "app.listen")
    assert isinstance(sigterm, Scalar)
    assert sigterm.span.text == "process.once('SIGTERM'"
    assert isinstance(root("for (const s of ['SIGTERM']) process.on(s, f)").get("sigterm"), Unresolved)


def test_file_without_the_words_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "parsed", None)
    assert root("const a = 1").entries == ()


def test_hostile_input_is_bounded() -> None:
    deep = "server.keepAliveTimeout = " + "(" * 20_000 + "1" + ")" * 20_000
    assert javascript.read(Source("a.js", deep)).documents
    long = "server.keepAliveTimeout = " + "1+" * 20_000 + "1"
    assert isinstance(root(long).get("keepAliveTimeout"), Unresolved)
    assert javascript.read(Source("a.js", "SIGTERM" * 200_000)).problems
