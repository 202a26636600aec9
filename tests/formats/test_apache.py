from __future__ import annotations

import pytest

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import apache

SITES = """
# KeepAliveTimeout 1
ServerRoot "/usr/local/apache2"
KeepAliveTimeout 5
keepalive On
Timeout 60 \\
   # still its arguments
Include conf/extra/*.conf
<IfModule mpm_event_module>
  MaxKeepAliveRequests 10
  IncludeOptional other.conf
</IfModule>
<VirtualHost *:80 [::]:80>
  KeepAliveTimeout 75
  ProxyPass "/a" "http://a:1/" ttl=4
  ProxyPass /static !
  <Location /b>
    ProxyPass http://b:1/ ttl=4
  </Location>
</VirtualHost>
<VirtualHost *:443>
  KeepAliveTimeout ${KEEP}
  ProxyPass / balancer://c/ timeout=9
  <Proxy balancer://c>
    BalancerMember http://c:1 ttl=7
  </Proxy>
</VirtualHost>
"""


def root(text: str = SITES) -> Node:
    reading = apache.read(Source("httpd.conf", text))
    assert not reading.problems
    return reading.documents[0].root


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        ("KeepAliveTimeout", 80, ["75"]),
        ("KeepAliveTimeout", 443, ["?"]),
        ("KeepAliveTimeout", 9, ["5"]),
        ("KeepAliveTimeout", None, ["?"]),
        ("KeepAlive", 80, ["On"]),
        ("Timeout", None, ["60"]),
        ("MaxKeepAliveRequests", 80, ["?"]),
        ("GracefulShutdownTimeout", 80, []),
        ("proxy/ttl", 80, ["4"]),
        ("proxy/ttl", 443, ["?"]),
        ("proxy/ttl", 9, []),
        ("proxy/", 80, ["yes"]),
        ("proxy/", 9, []),
    ],
)
def test_lookup_gives_the_directive_in_effect(key: str, port: int | None, expected: list[object]) -> None:
    assert [node.value if isinstance(node, Scalar) else "?" for node in apache.lookup(root(), key, port)] == expected


def test_a_value_has_its_place() -> None:
    (node,) = apache.lookup(root(), "proxy/ttl", 80)
    assert (node.span.text, node.span.line) == ("4", 18)


def test_variables_and_conditions_give_their_reasons() -> None:
    (variable,) = apache.lookup(root(), "KeepAliveTimeout", 443)
    (condition,) = apache.lookup(root(), "MaxKeepAliveRequests", 80)
    assert isinstance(variable, Unresolved)
    assert isinstance(condition, Unresolved)
    assert "${KEEP}" in variable.reason
    assert "<IfModule>" in condition.reason


def test_includes_are_listed() -> None:
    assert [scalar.value for scalar in apache.includes(root())] == ["conf/extra/*.conf", "other.conf"]


@pytest.mark.parametrize(
    ("text", "line"), [("a\n</b>\n", 2), ("<a>\n</b>", 2), ("<a\n", 1), ("a 'b\n", 1), ("<a>\n" * 500, 101)]
)
def test_broken_text_is_a_problem_with_its_line(text: str, line: int) -> None:
    (problem,) = apache.read(Source("n", text)).problems
    assert problem.line == line


def test_what_stands_before_an_error_is_read() -> None:
    reading = apache.read(Source("n", "Timeout 5\n</b>\n"))
    assert apache.lookup(reading.documents[0].root, "Timeout")
