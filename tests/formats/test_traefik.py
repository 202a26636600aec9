from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import argv, by_address, traefik

YAML = """
entryPoints:
  web: { address: ":80", transport: { respondingTimeouts: { idleTimeout: 10s } } }
  tls: { address: "0.0.0.0:443/tcp", transport: { respondingTimeouts: { idleTimeout: 20s } } }
  off: { address: ":9100" }
  any: {}
"""
TOML = """# c
[entryPoints]
  [entryPoints.web]
    address = ":80"
    [entryPoints.web.transport.respondingTimeouts]
      idletimeout = 10
"""
KEY = "entryPoints.<address>.transport.respondingTimeouts.idleTimeout"


def root(written: str) -> Node:
    (document,) = traefik.read(Source("any", written)).documents
    return document.root


def words(line: str) -> Node:
    place = Span(Source("a", line), 0, len(line))
    found = argv.split(Scalar(place, line, line))
    assert isinstance(found, tuple)
    return Sequence(place, found)


@pytest.mark.parametrize(
    ("written", "port", "expected"),
    [
        (YAML.replace("  any: {}\n", ""), 80, ["10s"]),
        (YAML.replace("  any: {}\n", ""), 443, ["20s"]),
        (YAML.replace("  any: {}\n", ""), 9100, []),
        (YAML.replace("  any: {}\n", ""), 9, [None]),
        (YAML, 80, [None]),
        (YAML, None, [None]),
        (TOML, 80, ["10"]),
        (TOML, None, ["10"]),
        ("log: {}", 80, []),
    ],
)
def test_the_entry_point_is_chosen_by_its_address(written: str, port: int | None, expected: list[object]) -> None:
    assert [text(node) for node in traefik.lookup(root(written), KEY, port)] == expected


def test_flags_are_the_same_in_upper_and_lower_case_and_have_their_places() -> None:
    line = words("traefik --entrypoints.web.address=:80 --EntryPoints.web.transport.respondingTimeouts.idleTimeout 7s")
    (node,) = by_address.lookup(line, f"--{KEY}", 80)
    assert (text(node), node.span.text) == ("7s", "7s")
    unknown = words("traefik --entrypoints.web.transport.respondingtimeouts.idletimeout=$IDLE")
    (node,) = by_address.lookup(unknown, f"--{KEY}", 80)
    assert isinstance(node, Unresolved)


def test_variables_hold_the_name_in_the_middle() -> None:
    env = root("A_WEB_ADDRESS: ':80'\nA_WEB_B_C: 5\nA_TLS_ADDRESS: ':443'\nA_TLS_B_C: 6\n")
    assert isinstance(env, Mapping)
    assert [text(node) for node in by_address.lookup(env, "A_<address>_B_C", 443)] == ["6"]
