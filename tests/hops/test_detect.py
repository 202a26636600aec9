"""Which server a container runs, and where its settings are looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core import record as records
from kubelint5xx.core.node import Sequence, Unresolved
from kubelint5xx.core.value import Confidence, Written
from kubelint5xx.hops import table
from kubelint5xx.hops.detect import Image, Recognised, Unrecognised, hop_of, program_of, published, recognise
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.table import Table
from kubelint5xx.model.topology import Hop
from tests.hops.launches import launch, node, scalar

WORDS = tuple(
    "sh bash -c exec env A=b tini -- npm start run python -m gunicorn java -jar start.jar /run.sh poetry -k".split()  # noqa: SIM905
)
RUN = {"/run.sh": '#!/bin/sh\nexec $@ "$@" && /run.sh'}


def product(container: Launch) -> str:
    found = recognise(container)
    return found.product if isinstance(found, Recognised) else f"? {found.reason}"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn app:app", "gunicorn"),
        ("/opt/venv/bin/gunicorn app:app", "gunicorn"),
        ("python3.12 -u -m uvicorn app:app", "uvicorn"),
        ("python /usr/local/bin/gunicorn app:app", "gunicorn"),
        ("tini -g -- dumb-init -- env -u X A=b gunicorn app", "gunicorn"),
        ("sh -c 'gunicorn app:app'", "gunicorn"),
        ("/bin/bash -ec 'cd /app && python manage.py migrate; exec gunicorn app'", "gunicorn"),
        ("sh -c 'nginx & exec gunicorn app'", "gunicorn"),
        ("bash -o pipefail -c 'exec node server.js'", "node"),
        ("poetry run gunicorn app", "gunicorn"),
        ("uv run --with uvicorn gunicorn app", "gunicorn"),
        ("pipenv run python -m hypercorn app", "hypercorn"),
        ("bundle exec puma -C config/puma.rb", "puma"),
        ("npx node server.js", "node"),
        ("ddtrace-run gunicorn app", "gunicorn"),
        ("opentelemetry-instrument --service_name web uvicorn app:app", "uvicorn"),
        ("newrelic-admin run-program gunicorn app", "gunicorn"),
        ("/docker-entrypoint.sh nginx -g 'daemon off;'", "nginx"),
        ("gosu app gunicorn app", "gunicorn"),
        ("timeout -k 5 60 gunicorn app", "gunicorn"),
        ("java -Xmx1g -cp a:b --add-opens x=y -jar /opt/jetty/start.jar", "jetty"),
        ("java -cp bootstrap.jar org.apache.catalina.startup.Bootstrap start", "tomcat"),
        ("python main.py", "? main.py is a program of its own"),
        ("java -jar app.jar", "? app.jar is no server that is known"),
        ("./entrypoint.sh gunicorn app", "? ./entrypoint.sh is no server that is known, and what it does is not seen"),
        ("npm run serve", "? npm serve runs a script of a package.json that is not seen"),
        ("sleep 3600", "? sleep is no server that is known, and what it does is not seen"),
        (
            "sh -c 'if test $X; then gunicorn app; else uvicorn app; fi'",
            "? the script starts one of several servers",
        ),
        ("tini --", "? it is not known which program it starts"),
    ],
)
def test_a_server_is_found_behind_what_starts_it(command: str, expected: str) -> None:
    assert product(launch(command)) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("jetty", "jetty"),
        ("library/jetty:9.4", "jetty"),
        ("docker.io/library/nginx:1.27@sha256:00", "nginx"),
        ("public.ecr.aws/docker/library/httpd:2.4", "apache_httpd"),
        ("localhost:5000/mirror/nginx", "nginx"),
        ("registry.k8s.io/ingress-nginx/controller:v1.11.2", "ingress_nginx"),
        ("acme/web-nginx", "?"),
        ("acme/controller", "?"),
        ("acme/shop:2", "?"),
    ],
)
def test_without_a_command_line_the_image_tells(image: str, expected: str) -> None:
    assert product(launch(image=image)).split()[0] == expected


def test_the_command_line_wins_over_the_image() -> None:
    assert product(launch("gunicorn app", image="nginx")) == "gunicorn"
    assert product(launch("sleep 1", image="nginx")).startswith("? sleep")


def test_a_declared_server_wins_over_all_and_may_name_its_version() -> None:
    found = recognise(launch("/app/server", image="nginx", declared="go@1.22"))
    assert isinstance(found, Recognised)
    assert found.product == "go"
    assert found.version is not None and str(found.version.data) == "1.22"
    by_annotation = launch("/app/run", annotations={"kubelint5xx.io/server": "node"})
    assert product(by_annotation) == "node"
    assert product(launch("x", declared="ngnix")) == "? 'ngnix' is no server that is known"


def test_a_version_comes_from_a_published_image_s_tag_only() -> None:
    found = recognise(launch(image="nginx:1.27.3-alpine"))
    assert isinstance(found, Recognised) and found.version is not None
    assert str(found.version.data).startswith("1.27.3")
    for image in ("nginx:stable", "nginx", "acme/nginx:7"):
        other = recognise(launch(image=image))
        assert isinstance(other, Recognised) and other.version is None


def test_a_script_in_sight_is_followed_with_its_arguments() -> None:
    files = {"/app/entrypoint.sh": '#!/bin/sh\nset -e\n./migrate.sh\nexec "$@"\n'}
    assert product(launch("./entrypoint.sh gunicorn app", files=files)) == "gunicorn"
    run = {"/app/run.sh": "#!/bin/sh\nexec uvicorn app:app --timeout-keep-alive 65\n"}
    hop = hop_of(launch("bash /app/run.sh", files=run))
    assert isinstance(hop, Hop)
    value = hop.inbound.read("idle_timeout")
    assert value.data == 65.0
    assert value.place is not None and value.place.path == "/app/run.sh"


def test_a_script_that_calls_itself_ends() -> None:
    assert product(launch("/run.sh", files={"/run.sh": "#!/bin/sh\nexec /run.sh\n"})).startswith("?")


def test_the_package_json_nearest_to_the_root_is_taken() -> None:
    sources = {
        "node_modules/x/package.json": '{"scripts": {"start": "gunicorn"}}',
        "web/package.json": '{"scripts": {"start": "NODE_ENV=production node server.js"}}',
        "web/deep/package.json": '{"scripts": {"start": "nginx"}}',
    }
    assert product(launch("yarn start", sources=sources)) == "node"


def test_a_configuration_flag_replaces_the_default_file() -> None:
    files = {"/app/gunicorn.conf.py": "keepalive = 1", "/app/deploy/settings.py": "keepalive = 65"}
    for flag in ("-c deploy/settings.py", "--config=file:/app/deploy/settings.py", "-c python:deploy.settings"):
        hop = hop_of(launch(f"gunicorn -k gthread {flag} app", files=files))
        assert isinstance(hop, Hop) and hop.inbound.read("idle_timeout").data == 65.0, flag
    missing = hop_of(launch("gunicorn -c other.py app", files=files))
    assert isinstance(missing, Hop)
    assert missing.inbound.read("idle_timeout").confidence is Confidence.LOW


def test_a_file_that_may_be_in_the_image_leaves_a_default_unsure() -> None:
    hop = hop_of(launch("gunicorn -k gthread app", unseen="the image was built elsewhere"))
    assert isinstance(hop, Hop)
    assert hop.inbound.read("idle_timeout").confidence is Confidence.LOW
    seen = hop_of(launch("gunicorn -k gthread app"))
    assert isinstance(seen, Hop) and seen.inbound.read("idle_timeout").confidence is Confidence.MEDIUM


def test_a_file_that_does_not_parse_leaves_a_default_unsure() -> None:
    hop = hop_of(launch("gunicorn -k gthread app", files={"/app/gunicorn.conf.py": "keepalive = = 2"}))
    assert isinstance(hop, Hop)
    assert hop.inbound.read("idle_timeout").confidence is Confidence.LOW


def test_a_published_image_brings_its_own_settings_until_they_are_replaced() -> None:
    hop = hop_of(launch(image="nginx"))
    assert isinstance(hop, Hop)
    value = hop.inbound.read("idle_timeout")
    assert (value.data, value.confidence) == (65.0, Confidence.MEDIUM)
    replaced = hop_of(launch(image="nginx", files={"/etc/nginx/nginx.conf": "events {}\nhttp {}\n"}))
    assert isinstance(replaced, Hop) and replaced.inbound.read("idle_timeout").data == 75.0
    added = {"/etc/nginx/conf.d/web.conf": "server { listen 80; keepalive_timeout 10; }"}
    beside = hop_of(launch(image="nginx", files=added, port=80))
    assert isinstance(beside, Hop) and beside.inbound.read("idle_timeout").data == 10.0


def test_which_images_are_known_from_inside() -> None:
    assert published("nginx:1.27") and published("docker.io/library/nginx")
    assert not published("acme/nginx") and not published("acme/shop")
    assert Image.parse("host:5000/a/b:1.2@sha256:0") == Image("a/b", "1.2")


@pytest.mark.parametrize(
    ("image", "first", "program"),
    [
        ("traefik:v3.1", "--ping", "traefik"),
        ("docker.io/library/traefik", "--ping", "traefik"),
        ("traefik:v3.1", "sh", ""),
        ("docker.io/istio/proxyv2:1.24.0", "proxy", "pilot-agent"),
        ("shop/traefik", "--ping", ""),
        ("shop/web", "--ping", ""),
    ],
)
def test_a_published_image_puts_its_program_before_its_arguments(image: str, first: str, program: str) -> None:
    assert program_of(image, first) == program


def test_a_node_program_whose_source_is_unseen_leaves_its_default_unsure() -> None:
    hop = hop_of(launch("node server.js"))
    assert isinstance(hop, Hop)
    assert hop.inbound.read("idle_timeout").confidence is Confidence.LOW
    sources = {
        "server.js": "app.listen(80)",
        "test/server.test.js": "server.keepAliveTimeout = 1",
        "package.json": "{}",
    }
    seen = hop_of(launch("node server.js", sources=sources))
    assert isinstance(seen, Hop)
    assert (seen.inbound.read("idle_timeout").data, seen.inbound.read("idle_timeout").confidence) == (
        5.0,
        Confidence.MEDIUM,
    )


def test_a_variable_from_a_secret_may_hold_arguments() -> None:
    secret = Unresolved(node("x").span, "its value is in a Secret")
    hop = hop_of(launch("gunicorn -k gthread app", env={"GUNICORN_CMD_ARGS": secret}))
    assert isinstance(hop, Hop)
    assert (hop.inbound.read("idle_timeout").data, hop.inbound.read("idle_timeout").confidence) == (2.0, Confidence.LOW)


def test_annotations_speak_for_a_server_that_is_not_recognised() -> None:
    said = {"kubelint5xx.io/idle-timeout": "75s", "kubelint5xx.io/drain-delay": "20"}
    hop = hop_of(launch("/app/server", annotations=said))
    assert isinstance(hop, Hop)
    assert (hop.product, hop.name) == ("", "the server in container web of Deployment shop/api")
    value = hop.inbound.read("idle_timeout")
    assert (value.data, value.confidence) == (75.0, Confidence.HIGH)
    assert isinstance(value.origin, Written) and value.origin.setting == "kubelint5xx.io/idle-timeout"
    assert hop.inbound.read("drain_delay").data == 20.0
    closing = said | {"kubelint5xx.io/drain-closes-connections": "true"}
    known = hop_of(launch("gunicorn --keep-alive 1 app", annotations=closing))
    assert isinstance(known, Hop) and known.inbound.read("idle_timeout").data == 75.0
    assert known.inbound.read("closes_in_drain").data is True


def test_an_unknown_command_line_of_a_private_image_is_unrecognised_with_the_reason() -> None:
    found = hop_of(launch(image="acme/shop", argv_unseen="the image's entrypoint is not known"))
    assert found == Unrecognised("the image's entrypoint is not known", found.place)


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=8))
def test_any_command_line_is_recognised_or_not_and_never_fails(words: list[str]) -> None:
    command = Sequence(node("x").span, tuple(scalar(word) for word in words))
    found = recognise(
        records.replace(launch("x", files={"/run.sh": '#!/bin/sh\nexec $@ "$@" && /run.sh'}), argv=command)
    )
    assert isinstance(found, (Recognised, Unrecognised))
    assert isinstance(found, Recognised) or found.reason


def test_nothing_but_the_tables_needed_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    real = table.parse

    def parse(name: str, text: str) -> Table:
        parsed.append(name)
        return real(name, text)

    monkeypatch.setattr(table, "parse", parse)
    table.table.cache_clear()
    recognise(launch("gunicorn app"))
    assert parsed == ["gunicorn"]


BESIDE = """package main
import ("github.com/valyala/fasthttp"; "google.golang.org/grpc"; "net"; "net/http")
func main() {
    go http.ListenAndServe(":8080", metrics)
    go fasthttp.ListenAndServe(":8081", web)
    s := grpc.NewServer()
    listener, err := net.Listen("tcp", "0.0.0.0:50051")
    if err := s.Serve(listener); err != nil { panic(err) }
}
"""


@pytest.mark.parametrize(
    ("port", "expected"),
    [(8080, "go"), (8081, "fasthttp"), (50051, "grpc_go"), (9090, "? its sources start fasthttp and go"),
     (None, "? its sources start fasthttp and go")],
)  # fmt: skip
def test_of_several_servers_in_one_program_the_port_that_is_written_decides(port: int | None, expected: str) -> None:
    assert product(launch("/app/server", sources={"main.go": BESIDE}, port=port)) == expected


@pytest.mark.parametrize("main", ["s := grpc.NewServer(); s.Serve(lis)", 's := grpc.NewServer(); e.Start(":8080")'])
def test_a_server_beside_others_is_not_taken_for_the_one_on_a_port_that_nothing_names(main: str) -> None:
    source = (
        f'package main\nimport ("google.golang.org/grpc"; "github.com/labstack/echo/v4")\nfunc main() {{ {main} }}\n'
    )
    assert product(launch("/app/server", sources={"main.go": source}, port=8080)).startswith("?")
