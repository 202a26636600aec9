from __future__ import annotations

import pytest

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import haproxy

SITE = r"""
global
    log stdout format raw local0   # timeout client 1
    hard-stop-after 30s

defaults base
    mode http
    option httpclose
    timeout client 50s
    retry-on conn-failure empty-response

defaults tcp from base
    mode tcp
    timeout client "${CLIENT}"

frontend stats
    bind :8404
    stats enable
    timeout client 5s

frontend web from base
    bind 10.0.0.1:80,:8080-8089
    bind /run/haproxy.sock
    no option httpclose
    option http-server-close
    acl path\ with 'a # b'
    use_backend api if { path_beg /api }
    default_backend app
    .if defined(X)
    timeout http-request 9s
    .endif

backend app from base
    timeout server 1m
    server a app:80

backend api from base
    option httpclose
    server b api:80

listen raw
    bind *:9000
    server c raw:9000

frontend dynamic from base
    bind "*:${PORT}"
    use_backend %[req.hdr(host)]

frontend split from base
    bind :7000
    use_backend app if a
    use_backend api if b

frontend lost from base
    bind :7001
    default_backend nowhere
"""


def root(text: str = SITE) -> Node:
    reading = haproxy.read(Source("haproxy.cfg", text))
    assert not reading.problems
    return reading.documents[0].root


def values(key: str, port: int | None = None, text: str = SITE) -> list[object]:
    return [node.value if isinstance(node, Scalar) else "?" for node in haproxy.lookup(root(text), key, port)]


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        ("global/hard-stop-after", None, ["30s"]),
        ("global/grace", None, []),
        ("frontend/timeout client", 80, ["50s"]),
        ("frontend/timeout client", 8085, ["50s"]),
        ("frontend/timeout client", 8404, ["5s"]),
        ("frontend/timeout client", 9000, ["?"]),
        ("frontend/timeout client", None, ["?"]),
        ("frontend/timeout client", 4444, ["50s"]),  # the one that is bound to ${PORT}
        ("frontend/mode", 9000, ["tcp"]),
        ("frontend/option httpclose", 80, [False]),
        ("frontend/option httpclose", 8404, [True]),
        ("frontend/option httpclose|http-server-close", 80, ["http-server-close"]),
        ("frontend/timeout http-request", 80, ["?"]),
        ("backend/timeout server", 80, ["1m"]),
        ("backend/timeout server", 7000, ["?"]),
        ("backend/timeout client", 7000, ["50s"]),
        ("backend/timeout server", 7001, ["?"]),
        ("backend/timeout server", 4444, ["?"]),
        ("backend/timeout server", 9000, []),
        ("backend/retry-on *", 80, ["conn-failure", "empty-response"]),
        ("backend/option httpclose|http-server-close", 80, ["httpclose"]),
    ],
)
def test_lookup_gives_the_setting_in_effect(key: str, port: int | None, expected: list[object]) -> None:
    assert values(key, port) == expected


def test_a_port_that_no_frontend_has_is_unknown() -> None:
    text = "defaults\n timeout client 5s\nfrontend a\n bind :80\n"
    assert values("frontend/timeout client", 81, text) == ["?"]
    assert values("frontend/timeout client", 80, text) == ["5s"]


def test_a_file_of_defaults_gives_what_later_files_inherit() -> None:
    assert values("frontend/timeout client", 80, "global\n daemon\ndefaults\n timeout client 5s\n") == ["5s"]
    assert values("frontend/timeout client", 80, "backend a\n server b c:1\n") == []


def test_a_page_of_statistics_does_not_count_where_the_port_is_not_known() -> None:
    text = "frontend a\n bind :80\n timeout client 7s\n default_backend b\nbackend b\n"
    text += "listen s\n bind :9\n stats enable\n"
    assert values("frontend/timeout client", None, text) == ["7s"]


def test_words_are_quoted_and_escaped_as_in_a_shell() -> None:
    text = "global\n a \"b c\\\" \\x41\" 'd $e \\' f\\ g\\#h i#j\n"
    assert values("global/a *", None, text) == ['b c" A', "d $e \\", "f g#h", "i"]
    (node, *_) = haproxy.lookup(root(text), "global/a", None)
    assert (node.span.text, node.span.line) == ('"b c\\" \\x41"', 2)


def test_a_variable_is_known_only_at_run_time() -> None:
    (node,) = haproxy.lookup(root(), "frontend/timeout client", 9000)
    assert isinstance(node, Unresolved)
    assert "${CLIENT} is known only when HAProxy runs" in node.reason


@pytest.mark.parametrize(
    ("text", "line", "kind"),
    [
        ("\ntimeout client 5s", 2, "unreadable"),
        ("global\n a 'b\n", 2, "unreadable"),
        ("global\n a b\\\n", 2, "unreadable"),
        ("global\n{{ range .x }}\n", 2, "unrendered"),
    ],
)
def test_broken_text_is_a_problem_with_its_line(text: str, line: int, kind: str) -> None:
    (problem,) = haproxy.read(Source("n", text)).problems
    assert (problem.line, problem.kind) == (line, kind)


def test_what_stands_beside_a_broken_line_is_read() -> None:
    reading = haproxy.read(Source("n", "global\n a 'b\n grace 5s\n"))
    assert haproxy.lookup(reading.documents[0].root, "global/grace", None)
