from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, items
from kubelint5xx.core.source import Source
from kubelint5xx.formats import nginx

SITE = r"""
user nginx;  # worker_shutdown_timeout 1s;
worker_shutdown_timeout 30s;
events { worker_connections 1024; }
http {
    include mime.types;
    keepalive_timeout 75s 60s;
    log_format main '$remote_addr "it''s" ;{' "a\"b";
    map $http_upgrade $connection { default upgrade; '' ''; }
    upstream app { server 127.0.0.1:8000; keepalive 16; keepalive_timeout 50s; }
    upstream idle { server 127.0.0.1:9000; }
    server {
        listen 80 default_server;
        listen [::]:80;
        proxy_set_header Connection "";
        proxy_read_timeout 60;
        location / { proxy_pass http://app; proxy_http_version 1.1; }
        location ~ \.php$ { proxy_pass http://app/x; proxy_read_timeout 300; if ($a) { return 403; } }
        location = /favicon.ico { empty_gif; }
        location /${x}/a\ b { return 204; }
    }
    server {
        listen 127.0.0.1:8080;
        keepalive_timeout 5s;
        location / { proxy_pass http://$backend; proxy_set_header Connection $connection; }
    }
    include /etc/nginx/conf.d/*.conf;
}
stream { server { listen 80; proxy_timeout 9; } }
"""


def root(text: str) -> Node:
    reading = nginx.read(Source("nginx.conf", text))
    assert not reading.problems
    return reading.documents[0].root


def values(key: str, port: int | None = None, text: str = SITE) -> list[object]:
    return [node.value if isinstance(node, Scalar) else "?" for node in nginx.lookup(root(text), key, port)]


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        ("main/worker_shutdown_timeout", None, ["30s"]),
        ("http/keepalive_timeout", None, ["75s"]),
        ("server/keepalive_timeout", 80, ["75s"]),
        ("server/keepalive_timeout", 8080, ["5s"]),
        ("server/keepalive_timeout", None, ["75s", "5s"]),
        ("server/keepalive_timeout", 9999, []),
        ("server/client_header_timeout", None, []),
        ("location/proxy_read_timeout", 80, ["300", "60"]),
        ("location/proxy_http_version", 80, ["?", "1.1"]),
        ("location/proxy_set_header[connection]", 80, [""]),
        ("location/proxy_set_header[Connection]", 8080, ["?"]),
        ("location/proxy_set_header[Host]", 80, []),
        ("upstream/keepalive", 80, ["16"]),
        ("upstream/keepalive", 8080, ["?"]),
        ("upstream/keepalive_timeout", None, ["50s", "?"]),
    ],
)
def test_lookup_gives_the_directive_in_effect(key: str, port: int | None, expected: list[object]) -> None:
    assert values(key, port) == expected


def test_value_has_its_place() -> None:
    (node,) = nginx.lookup(root(SITE), "server/keepalive_timeout", 8080)
    assert (node.span.text, node.span.line) == ("5s", 24)


def test_all_arguments_are_given_on_request() -> None:
    tree = root("server { proxy_next_upstream error http_502; }")
    (node,) = nginx.lookup(tree, "server/proxy_next_upstream[*]", None)
    assert isinstance(node, Sequence)
    assert [item.span.text for item in node.items] == ["error", "http_502"]


def test_fragment_is_read_as_if_inside_http() -> None:
    text = "keepalive_timeout 9; upstream a { keepalive 2; } server { location / { proxy_pass http://a; } }"
    assert values("server/keepalive_timeout", 80, text) == ["9"]
    assert values("server/keepalive_timeout", 8080, text) == []
    assert values("upstream/keepalive", 80, text) == ["2"]
    assert values("location/keepalive_timeout", 81, "keepalive_timeout 9; location / { proxy_pass http://a; }") == ["9"]


def test_port_from_a_variable_may_be_any() -> None:
    assert values("server/keepalive_timeout", 8080, "server { listen ${PORT}; keepalive_timeout ${KA}; }") == ["?"]


def test_includes_are_listed() -> None:
    assert [scalar.value for scalar in nginx.includes(root(SITE))] == ["mime.types", "/etc/nginx/conf.d/*.conf"]


def test_lua_is_skipped_by_its_braces() -> None:
    text = "server { content_by_lua_block { local a = {'}', [[ } ]]} -- }\n } keepalive_timeout 7; }"
    assert values("server/keepalive_timeout", None, text) == ["7"]


@pytest.mark.parametrize(
    ("text", "line", "kind"),
    [
        ("a;\nb {", 2, "unreadable"),
        ("}", 1, "unreadable"),
        ("a 'b;", 1, "unreadable"),
        ("a b", 1, "unreadable"),
        ("a { " * 100_000, 1, "unreadable"),
        ("x_by_lua_block { {", 1, "unreadable"),
        ("a;\n{{ range .x }}", 2, "unrendered"),
    ],
)
def test_broken_text_is_a_problem_with_its_line(text: str, line: int, kind: str) -> None:
    (problem,) = nginx.read(Source("n", text)).problems
    assert (problem.line, problem.kind) == (line, kind)


def test_what_stands_before_an_error_is_read() -> None:
    reading = nginx.read(Source("n", "http { keepalive_timeout 5; server {"))
    assert nginx.lookup(reading.documents[0].root, "http/keepalive_timeout", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("75", 75.0), ("75s", 75.0), ("1m30s", 90.0), ("1h 30m", 5400.0), ("500ms", 0.5), ("1d", 86400.0), ("0", 0.0),
        ("", None), ("s", None), ("1.5s", None), ("1s30m", None), ("$x", None), ("1m1m", None), ("10 10", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert nginx.duration(text) == seconds


def _plain(entries: tuple[Entry, ...]) -> list[object]:
    found: list[object] = []
    for entry in entries:
        arguments = [item.value for item in items(entry.value) if isinstance(item, Scalar)]
        blocks = [_plain(item.entries) for item in items(entry.value) if isinstance(item, Mapping)]
        found.append((entry.key.value, arguments, *blocks))
    return found


def _crossplane(block: list[dict[str, object]]) -> list[object]:
    found: list[object] = []
    for directive in block:
        arguments = directive["args"]
        assert isinstance(arguments, list)
        if directive["directive"] == "if":
            arguments = ["(" + arguments[0], *arguments[1:-1], arguments[-1] + ")"] if len(arguments) > 1 else [
                f"({arguments[0]})"
            ]  # fmt: skip
        inner = directive.get("block")
        found.append((directive["directive"], arguments, *([_crossplane(inner)] if isinstance(inner, list) else [])))
    return found


@pytest.mark.parametrize(
    "text",
    [
        SITE.replace("it''s", "its").replace('"a\\"b"', '"ab"').replace("/${x}/a\\ b", "/${x}/ab"),
        "server { listen 80; location ~* ^/(a|b)\\.(c|d)$ { rewrite ^ /x$1 last; add_header X 'a b' always; } }",
        "types { text/html html htm; }\nmap $a $b { ~^x{2} 1; default 0; }"
        .replace("~^x{2}", '"~^x{2}"'),
        "geo $g { 10.0.0.0/8 1; }\n\tupstream u{server a:1 max_fails=0;server b:2;}#end",
    ],
)  # fmt: skip
def test_reads_the_same_directives_as_crossplane(text: str, tmp_path: Path) -> None:
    crossplane = pytest.importorskip("crossplane")
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    payload = crossplane.parse(str(file), single=True, check_ctx=False, check_args=False)
    assert payload["status"] == "ok"
    tree = root(text)
    assert isinstance(tree, Mapping)
    assert _plain(tree.entries) == _crossplane(payload["config"][0]["parsed"])


def test_unresolved_root_stays_unresolved() -> None:
    unknown = Unresolved(root("").span, "x")
    assert nginx.lookup(unknown, "server/x", None) == (unknown,)
