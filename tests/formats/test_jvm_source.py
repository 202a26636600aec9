from __future__ import annotations

import pytest

from kubelint5xx.core.source import Source
from kubelint5xx.formats import java_source, kotlin_source
from tests.formats.trees import UNKNOWN, plain, tree

pytest.importorskip("tree_sitter_java")
pytest.importorskip("tree_sitter_kotlin")


def java(body: str) -> object:
    return plain(
        tree(
            "java_source",
            f"class A {{ static final int IDLE = 60_000;\nvoid f(ServerConnector c, int n) {{\n{body}\n}} }}",
        )
    )


def kotlin(body: str) -> object:
    return plain(tree("kotlin_source", f"const val IDLE = 60_000L\nfun f() {{\n{body}\n}}"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("75_000", 75000),
        ("75000L", 75000),
        ("IDLE + 15 * 1000", 75000),
        ("Duration.ofSeconds(75).toMillis()", 75000),
        ("(int) Duration.ofMinutes(1).toMillis()", 60000),
        ("TimeUnit.SECONDS.toMillis(75)", 75000),
        ("Duration.ofSeconds(75)", "75 s"),
        ("n", UNKNOWN),
        ("config.idle()", UNKNOWN),
        ("x ? 1 : 2", UNKNOWN),
        ('Integer.parseInt("75")', 75),
        ('Integer.parseInt(System.getenv("K"))', {"env": "K"}),
        (
            'Long.parseLong(System.getenv().getOrDefault("K", "75")) * 1000',
            {"env": "K", "default": 75000, "times": 1000},
        ),
    ],
)
def test_values_of_java(written: str, value: object) -> None:
    assert java(f"c.setIdleTimeout({written});") == {"ServerConnector": {"idleTimeout": value}}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("var o = new ServerConnector(s); o.setIdleTimeout(1);", {"ServerConnector": {"idleTimeout": 1}}),
        ("((AbstractProtocol<?>) h).setKeepAliveTimeout(1);", {"AbstractProtocol": {"keepAliveTimeout": 1}}),
        (
            'f.addConnectorCustomizers(k -> k.setProperty("keepAliveTimeout", "1"));',
            {"Connector": {"keepAliveTimeout": "1"}},
        ),
        ("f.addServerCustomizers(s -> s.idleTimeout(Duration.ofHours(1)));", {"HttpServer": {"idleTimeout": "3600 s"}}),
        (
            "Undertow.builder().setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, 1);",
            {"Undertow": {"NO_REQUEST_TIMEOUT": 1}},
        ),
        (
            "new HttpServerOptions().setIdleTimeout(2).setIdleTimeoutUnit(TimeUnit.MINUTES);",
            {"HttpServerOptions": {"unit": "MINUTES", "idleTimeout": "120 s"}},
        ),
        ("server.setHandler(new StatisticsHandler());", {"statistics_handler": True}),
        ("pool().setIdleTimeout(1);", {"?": {"idleTimeout": UNKNOWN}}),
        ("if (n > 1) c.setIdleTimeout(1);", {"ServerConnector": {"idleTimeout": UNKNOWN}}),
        ("c.setPort(1);", {}),
        ("HikariConfig h = x; h.setIdleTimeout(1);", {"HikariConfig": {"idleTimeout": 1}}),
    ],
)
def test_setters_belong_to_the_class_of_their_object_in_java(body: str, found: object) -> None:
    assert java(body) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("val c = ServerConnector(s)\nc.idleTimeout = IDLE", {"ServerConnector": {"idleTimeout": 60000}}),
        ("ServerConnector(s).apply { idleTimeout = 75 * 1000 }", {"ServerConnector": {"idleTimeout": 75000}}),
        ("(h as AbstractProtocol<*>).keepAliveTimeout = 1", {"AbstractProtocol": {"keepAliveTimeout": 1}}),
        (
            'f.addConnectorCustomizers({ it.setProperty("keepAliveTimeout", "1") })',
            {"Connector": {"keepAliveTimeout": "1"}},
        ),
        (
            "embeddedServer(CIO, configure = { connectionIdleTimeoutSeconds = 1 }) { }",
            {"embeddedServer": {"connectionIdleTimeoutSeconds": 1}},
        ),
        (
            'embeddedServer(CIO, configure = { shutdownTimeout = System.getenv("K")?.toLong() ?: 5 })',
            {"embeddedServer": {"shutdownTimeout": {"env": "K", "default": 5}}},
        ),
        ("HttpServer.create().idleTimeout(Duration.ofSeconds(1)).bindNow()", {"HttpServer": {"idleTimeout": "1 s"}}),
        ("val c = ServerConnector(s)\nif (x) { c.idleTimeout = 1 }", {"ServerConnector": {"idleTimeout": UNKNOWN}}),
        ("val c = ServerConnector(s)\nc.idleTimeout = 75.seconds", {"ServerConnector": {"idleTimeout": "75 s"}}),
        ("other.idleTimeout = 1", {"?": {"idleTimeout": UNKNOWN}}),
    ],
)
def test_settings_belong_to_the_class_of_their_object_in_kotlin(body: str, found: object) -> None:
    assert kotlin(body) == found


def test_constants_are_found_in_their_class() -> None:
    assert plain(java_source.constant(Source("L.java", "class L { static final int A = 2 * 3; int b = 1; }"), "A")) == 6
    assert java_source.constant(Source("L.java", "class L { int b = 1; }"), "b") is None
    assert plain(kotlin_source.constant(Source("L.kt", "const val A = 2 * 3"), "A")) == 6
    assert "*/L.java" in java_source.modules("src/A.java", "L")
