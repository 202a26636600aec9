"""What the readers of all languages share: values that wait, servers that differ, and hostile input."""

from __future__ import annotations

import time

import pytest

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import code, reader
from kubelint5xx.formats.literals import arithmetic, duration, settle, variable
from tests.formats.trees import UNKNOWN, plain

PLACE = Span(Source("a", "1"), 0, 1)
DEEP = 30_000


def number(value: float) -> Scalar:
    return Scalar(PLACE, value, str(value))


def server(**settings: Node) -> Entry:
    entries = tuple(Entry(Scalar(PLACE, key, key), value) for key, value in settings.items())
    return Entry(Scalar(PLACE, "S", "S"), Mapping(PLACE, entries))


def found(*servers: Entry, port: int | None = None) -> list[object]:
    return [plain(node) for node in code.lookup(Mapping(PLACE, servers), "S.idle", port)]


@pytest.mark.parametrize(
    ("left", "sign", "right", "result"),
    [
        (number(2), "*", number(3), 6),
        (number(2), "*", duration(PLACE, 3), "6 s"),
        (duration(PLACE, 2), "*", duration(PLACE, 3), UNKNOWN),
        (duration(PLACE, 6), "/", duration(PLACE, 3), 2),
        (duration(PLACE, 6), "/", number(3), "2 s"),
        (number(6), "/", number(0), UNKNOWN),
        (duration(PLACE, 6), "+", number(3), UNKNOWN),
        (duration(PLACE, 6), "+", duration(PLACE, 0.5), "6.5 s"),
        (number(6), "%", number(3), UNKNOWN),
        (number(1e14), "*", number(1e14), UNKNOWN),
        (Scalar(PLACE, "6"), "*", number(1), UNKNOWN),
        (Scalar(PLACE, True), "*", number(1), UNKNOWN),
    ],
)
def test_durations_and_numbers_do_not_mix(left: Node, sign: str, right: Node, result: object) -> None:
    assert plain(arithmetic(PLACE, sign, left, right)) == result


def test_a_variable_that_is_no_number_is_not_multiplied() -> None:
    waiting = arithmetic(PLACE, "*", variable(PLACE, "K", number(5)), number(1000))
    given = {"K": Scalar(PLACE, "soon", "soon")}
    assert plain(settle(waiting, given.get, lambda path, use: use)) == UNKNOWN
    assert plain(settle(waiting, {}.get, lambda path, use: use)) == 5000


def test_servers_that_are_set_alike_have_one_value() -> None:
    assert found(server(idle=number(5)), server(idle=number(5))) == [5]
    assert found(server(idle=number(5)), server(idle=number(6))) == [UNKNOWN]
    assert found(server(idle=number(5)), server()) == [UNKNOWN]
    assert found(server(idle=number(5)), server(idle=Unresolved(PLACE, "x"))) == [UNKNOWN]
    assert found(server(), server()) == []


def test_the_port_picks_the_server() -> None:
    one, other = server(idle=number(5), port=Scalar(PLACE, "0.0.0.0:80")), server(port=number(90))
    nowhere = server(idle=number(7), port=Unresolved(PLACE, "x"))
    assert found(one, other, nowhere, port=80) == [5]
    assert found(one, other, nowhere, port=90) == []
    assert found(one, other, nowhere, port=70) == [7]
    assert found(one, other, port=70) == []


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("go_source", "var s = http.Server{IdleTimeout: " + "(" * DEEP + "1" + ")" * DEEP + "}"),
        ("go_source", "package main\nconst a = b\nconst b = a\nfunc f() { s := http.Server{IdleTimeout: a} }"),
        ("go_source", "x(" * DEEP + "signal.Notify(c)" + ")" * DEEP),
        ("java_source", "class A { void f() { ServerConnector c; c.setIdleTimeout(" + "1+" * DEEP + "1); } }"),
        ("java_source", "class A { void f() { x" + ".f()" * DEEP + ".setIdleTimeout(1); } }"),
        ("kotlin_source", "val c = ServerConnector(s)" + "()" * DEEP + "\nc.idleTimeout = 1"),
        ("kotlin_source", "fun f() { " + "a.also { it." * 3000 + "idleTimeout = 1" + "}" * 3000 + "}"),
        ("ruby_source", "timeout " + "(" * DEEP + "1" + ")" * DEEP),
        ("csharp_source", "o.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(" + "-" * DEEP + "1);"),
        ("python_source", "import uvicorn\nuvicorn.run(a, b=" + "-" * 3000 + "1)"),
        ("python_source", "import uvicorn\na = b\nb = a\nuvicorn.run(a, b=a)"),
        ("javascript", "server.keepAliveTimeout = " + "f(" * DEEP + "1" + ")" * DEEP),
    ],
)
def test_hostile_sources_take_bounded_time(form: str, text: str) -> None:
    began = time.monotonic()
    reading = reader(form).read(Source("a", text))
    assert reading.documents or reading.problems
    assert time.monotonic() - began < 10
