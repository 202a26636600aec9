from __future__ import annotations

import pytest

from kubelint5xx.core.node import Scalar
from kubelint5xx.core.source import Source
from kubelint5xx.formats import csharp_source
from tests.formats.trees import UNKNOWN, plain, tree

pytest.importorskip("tree_sitter_c_sharp")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("TimeSpan.FromSeconds(130)", "130 s"),
        ("TimeSpan.FromMinutes(2.5)", "150 s"),
        ("new TimeSpan(0, 2, 10)", "130 s"),
        ("new TimeSpan(1, 0, 0, 0)", "86400 s"),
        ("TimeSpan.FromSeconds(Keep * 2)", "130 s"),
        ('TimeSpan.Parse("00:02:10")', "00:02:10"),
        ("Span", "9 s"),
        ("settings.Idle", UNKNOWN),
        ("x ? a : b", UNKNOWN),
        (
            'TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("K") ?? "130"))',
            {"env": "K", "default": "130 s", "times": "1 s"},
        ),
        ("Limits.Idle", {"module": "Limits", "name": "Idle"}),
    ],
)
def test_values_of_limits(written: str, value: object) -> None:
    text = (
        "class A { const int Keep = 65; static readonly TimeSpan Span = TimeSpan.FromSeconds(9);\n"
        f"void F() {{ Use(o => {{ o.Limits.KeepAliveTimeout = {written}; }}); }} }}"
    )
    assert plain(tree("csharp_source", text)) == {"KeepAliveTimeout": value}


def test_the_place_is_that_of_the_number() -> None:
    node = tree("csharp_source", "// é\no.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);").get("KeepAliveTimeout")
    assert isinstance(node, Scalar) and (node.span.text, node.span.line) == ("130", 2)


def test_only_limits_count_and_branches_do_not() -> None:
    assert plain(tree("csharp_source", "socket.KeepAliveTimeout = TimeSpan.FromSeconds(1);")) == {}
    branch = "if (dev) { o.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(1); }"
    assert plain(tree("csharp_source", branch)) == {"KeepAliveTimeout": UNKNOWN}


def test_taking_options_from_the_configuration_is_a_fact() -> None:
    bound = 's.Configure<KestrelServerOptions>(c.GetSection("Kestrel"));'
    assert plain(tree("csharp_source", bound)) == {"binds": True}
    assert plain(tree("csharp_source", "s.Configure<KestrelServerOptions>(o => { });")) == {}


def test_constants_are_found_in_their_class() -> None:
    source = Source("L.cs", "class L { public const int A = 2 * 3; public int B = 1; }")
    assert [plain(csharp_source.constant(source, name)) for name in "AB"] == [6, None]
