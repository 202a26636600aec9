from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, items
from kubelint5xx.core.source import Source
from kubelint5xx.formats import caddyfile

SITES = """
# servers { }
{
    grace_period 5s
    servers {
        timeouts { # c
            idle 1m
        }
    }
    servers :8443 {
        timeouts {
            idle 2m
        }
    }
}
(snippet) {
    reverse_proxy x:1
}
http://a.example, http://b.example:8080,
c.example:8443 {
    header X "a \\"b\\" {"  `c
d`
    route {
        reverse_proxy /api/* {env.APP}:80 {
            transport http {
                keepalive 9s
            }
        }
    }
    respond <<HTML
      } {
      HTML 200
}
:9000 {
    reverse_proxy a:1 {
        transport http {
            keepalive 9s
            dial_timeout {$DIAL}
        }
    }
    reverse_proxy b:1
}
"""


def root(text: str = SITES) -> Node:
    reading = caddyfile.read(Source("Caddyfile", text))
    assert not reading.problems
    return reading.documents[0].root


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        ("global/grace_period", None, ["5s"]),
        ("global/shutdown_delay", None, []),
        ("timeouts/idle", 80, ["1m"]),
        ("timeouts/idle", 8443, ["2m"]),
        ("transport/keepalive", 80, ["9s"]),
        ("transport/keepalive", 8443, ["9s"]),
        ("transport/keepalive", 9000, ["?"]),
        ("transport/dial_timeout", 9000, ["?"]),
        ("transport/dial_timeout", 80, []),
        ("transport/keepalive", 7, ["?"]),
    ],
)
def test_lookup_gives_the_directive_of_the_port(key: str, port: int | None, expected: list[object]) -> None:
    assert [node.value if isinstance(node, Scalar) else "?" for node in caddyfile.lookup(root(), key, port)] == expected


def test_a_file_of_one_site_needs_no_braces() -> None:
    text = "a.example\nreverse_proxy b:80 {\n transport http {\n  keepalive off\n }\n}\n"
    (node,) = caddyfile.lookup(root(text), "transport/keepalive", 443)
    assert (node.span.text, node.span.line) == ("off", 4)


def test_variables_are_known_only_at_run_time() -> None:
    (node,) = caddyfile.lookup(root("{\n grace_period {$GRACE:5s}\n}\n"), "global/grace_period")
    assert isinstance(node, Unresolved)
    assert "{$GRACE}" in node.reason


def test_a_block_that_imports_may_hold_more() -> None:
    tree = root("a {\n import common\n}\n")
    assert isinstance(tree, Mapping)
    (body,) = items(tree.entries[0].value)
    assert isinstance(body, Mapping)
    assert "imports common" in body.open


@pytest.mark.parametrize(
    ("text", "line"), [("a {\n", 1), ("a\n}\n", 2), ('a "b\n', 1), ("a {\n" * 500, 101), ('{\n "apps": {}}', 1)]
)
def test_what_is_not_read_is_a_problem_with_its_line(text: str, line: int) -> None:
    (problem,) = caddyfile.read(Source("Caddyfile", text)).problems
    assert problem.line == line
