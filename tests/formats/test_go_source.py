from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Scalar, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import go_source, lookup
from tests.formats.trees import UNKNOWN, plain, tree

pytest.importorskip("tree_sitter_go")
IMPORTS = (
    '"net/http"; "os/signal"; "time"; web "github.com/gofiber/fiber/v2"; "github.com/gin-gonic/gin"; '
    'rpc "google.golang.org/grpc"; "google.golang.org/grpc/keepalive"'
)
HEAD = f"package main\nimport ({IMPORTS})\n"


def root(body: str, top: str = "") -> Mapping:
    return tree("go_source", f"{HEAD}{top}\nfunc main() {{\n{body}\n}}\n")


def server(body: str, top: str = "") -> object:
    return plain(root(body, top).get("http.Server"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("65 * time.Second", "65 s"),
        ("time.Second * 65", "65 s"),
        ("time.Minute + 5*time.Second", "65 s"),
        ("time.Duration(65) * time.Second", "65 s"),
        ("(500 * time.Millisecond)", "0.5 s"),
        ("time.Minute", "60 s"),
        ("5e9", "5000000000 ns"),
        ("0", 0),
        ("-1 * time.Second", "-1 s"),
        ("idle", "90 s"),
        ("limits * time.Second", "7 s"),
        ("cfg.Idle", UNKNOWN),
        ("time.Duration(n) * time.Second", UNKNOWN),
        ("time.Second * time.Second", UNKNOWN),
        ('"65s"', "65s"),
    ],
)
def test_durations_have_their_unit(written: str, value: object) -> None:
    top = "const idle = 90 * time.Second\nconst limits = 7\nvar n = 3"
    assert server(f"s := http.Server{{IdleTimeout: {written}}}", top) == {"IdleTimeout": value}


def test_places_are_those_of_the_number() -> None:
    body = 's := &http.Server{Addr: "é:80", IdleTimeout: 65 * time.Second}'
    (node,) = lookup("go_source", root(body), "http.Server.IdleTimeout", 80)
    assert (node.span.text, node.span.line) == ("65 * time.Second", 5)


@pytest.mark.parametrize(
    "body",
    [
        "s := &http.Server{}; s.IdleTimeout = 9 * time.Second",
        "s := &http.Server{IdleTimeout: 1}; s.IdleTimeout = 9 * time.Second",
        "var s http.Server; s.IdleTimeout = 9 * time.Second",
        "a.srv = &http.Server{}; a.srv.IdleTimeout = 9 * time.Second",
    ],
)
def test_fields_set_later_belong_to_their_server(body: str) -> None:
    assert server(body) == {"IdleTimeout": "9 s"}


def test_what_is_set_in_a_branch_or_on_an_unknown_server_is_unresolved() -> None:
    assert server("if x { s = &http.Server{IdleTimeout: 9} }") == {"IdleTimeout": UNKNOWN}
    assert server("s := &http.Server{}\nif x { s.IdleTimeout = 9 }") == {"IdleTimeout": UNKNOWN}
    assert server("a.server.IdleTimeout = 9") == {"IdleTimeout": UNKNOWN}
    assert server("cfg.IdleTimeout = 9; c := http.Client{Timeout: 9}") is None


def test_packages_go_by_the_names_of_the_file() -> None:
    assert plain(root("app := web.New(web.Config{IdleTimeout: time.Second})").get("fiber.Config")) == {
        "IdleTimeout": "1 s"
    }
    assert root("s := other.Server{IdleTimeout: 9}").get("http.Server") is None


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ('http.ListenAndServe(":80", nil)', {"listens", "listens_bare"}),
        ('r := gin.Default(); r.Run(":80")', {"listens", "listens_bare"}),
        (
            "s := &http.Server{}; signal.Notify(c, os.Interrupt, syscall.SIGTERM); s.Shutdown(ctx)",
            {"listens", "signals", "shuts_down"},
        ),
        ("ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)", {"signals"}),
        ("signal.Notify(c, os.Interrupt)", set()),
        ("s := rpc.NewServer(); s.GracefulStop()", {"listens", "stops_gracefully"}),
        ("s := other.NewServer()", set()),
        ("worker.Run(1)", set()),
    ],
)
def test_facts_of_the_program(body: str, facts: set[str]) -> None:
    tree = root(body)
    assert {entry.key.value for entry in tree.entries if isinstance(entry.value, Scalar)} == facts


def test_whose_shutdown_is_called_may_be_unknown() -> None:
    assert isinstance(root("tracer.Shutdown(ctx)").get("shuts_down"), Unresolved)


def test_a_server_of_another_port_does_not_count() -> None:
    both = root('a := http.Server{Addr: ":80", IdleTimeout: 1e9}; b := http.Server{Addr: ":90", IdleTimeout: 2e9}')
    values = {port: plain(lookup("go_source", both, "http.Server.IdleTimeout", port)[0]) for port in (80, 90, None)}
    assert values == {80: "1000000000 ns", 90: "2000000000 ns", None: UNKNOWN}


def test_what_grpc_says_of_connections_is_set_apart_from_its_server() -> None:
    made = root("s := rpc.NewServer(rpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: time.Minute}))")
    listening = root('l, e := net.Listen("tcp", ":9"); s := rpc.NewServer(); s.Serve(l)')
    assert plain(list(listening.every("grpc.Server"))[-1]) == {"port": ":9"}
    assert plain(made.get("grpc.Server")) == {}
    assert plain(made.get("keepalive.ServerParameters")) == {"MaxConnectionIdle": "60 s"}


def test_a_servers_configuration_is_not_taken_for_a_server_of_http() -> None:
    assert root("cfg.Server.MaxConnectionIdle = time.Minute").get("http.Server") is None


def test_constants_of_the_package_and_of_others_are_found() -> None:
    source = Source("limits/a.go", "package limits\nconst Idle = 9 * 2\nvar Other = 3")
    assert plain(go_source.constant(source, "Idle")) == 18
    assert go_source.constant(source, "Other") is None
    assert go_source.modules("cmd/main.go", "") == ("cmd/*.go",)
    assert "*/x/limits/*.go" in go_source.modules("cmd/main.go", "example.com/x/limits")
