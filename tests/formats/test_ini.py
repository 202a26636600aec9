from __future__ import annotations

from kubelint5xx.core.node import Scalar, text
from kubelint5xx.core.source import Source
from kubelint5xx.formats import ini, lookup

START = """--module=http, deploy
## jetty.http.idleTimeout=30000
# jetty.http.port=8080
jetty.http.idleTimeout = 75000
jetty.http.idleTimeout?=1
jetty.lib+=a
--exec
-Xmx1g
-Dorg.x=y
[uwsgi]
http-keepalive = 75
; x = 1
"""


def values(key: str, source: str = START) -> list[object]:
    root = ini.read(Source("start.ini", source)).documents[0].root
    return [node.value if isinstance(node, Scalar) else "?" for node in lookup("ini", root, key)]


def test_lines_of_a_start_ini() -> None:
    assert values("--module") == ["http", "deploy"]
    assert values("jetty.http.idleTimeout") == ["75000"]
    assert values("jetty.http.port") == []
    assert values("jetty.lib") == ["a"]
    assert values("--exec") == [True]
    assert values("-Xmx1g") == [True]
    assert values("-Dorg.x") == ["y"]
    assert values("uwsgi.http-keepalive") == ["75"]


def test_a_star_stands_for_every_section() -> None:
    assert values("*.t", "[a]\nt = 1\n[b]\nt = 2\nu = 3\n") == ["1", "2"]


def test_default_counts_where_nothing_set_it() -> None:
    assert values("a", "a?=1\na?=2") == ["1"]


def test_value_has_its_place() -> None:
    root = ini.read(Source("start.ini", "\ufeff\r\n  a.b = 75000  \r\n")).documents[0].root
    (node,) = lookup("ini", root, "a.b")
    assert (node.span.text, text(node), node.span.line, node.span.column) == ("75000", "75000", 2, 9)
