"""What a program's own sources set reaches the hop, with the place in the source: one build for each language."""

from __future__ import annotations

from types import ModuleType

import pytest

from kubelint5xx.core.value import Confidence, Value
from kubelint5xx.formats import code
from tests.link.manifests import INGRESS, SERVICE, joined, only, web

GO = """\
package main

import ("net/http"; "time")

func main() {
    srv := &http.Server{Addr: ":8080", IdleTimeout: 75 * time.Second}
    srv.ListenAndServe()
}
"""
JAVA = """\
class App {
  void start(Server server) {
    var connector = new ServerConnector(server);
    connector.setIdleTimeout(75_000);
  }
}
"""
KOTLIN = "fun main() {\n  val c = ServerConnector(server)\n  c.idleTimeout = 75_000\n}\n"
JETTY = """\
<project><dependencies><dependency>
<groupId>org.eclipse.jetty</groupId><artifactId>jetty-server</artifactId><version>11.0.20</version>
</dependency></dependencies></project>
"""
PYTHON = "import uvicorn\n\nif __name__ == '__main__':\n    uvicorn.run('app:app', timeout_keep_alive=75)\n"
CSHARP = "builder.WebHost.ConfigureKestrel(o =>\n    o.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(75));\n"
CSPROJ = '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup></PropertyGroup></Project>'
NODE = "const server = app.listen(8080);\nserver.keepAliveTimeout = Number(process.env.KEEP ?? 75_000);\n"


def idle(base: str, command: str, files: dict[str, str], **container: str) -> Value:
    dockerfile = f"FROM {base}\nWORKDIR /app\nCOPY . .\nCMD {command}\n"
    tree = {"src/web/Dockerfile": dockerfile, **{f"src/web/{path}": text for path, text in files.items()}}
    layer = joined(INGRESS, SERVICE, web(command="", **container), files=tree)
    return only(layer).receiver.inbound.read("idle_timeout")


@pytest.mark.parametrize(
    ("base", "command", "files", "place"),
    [
        (
            "golang:1.22",
            '["/app/server"]',
            {"go.mod": "module shop\n", "main.go": GO},
            ("main.go", 6, "75 * time.Second"),
        ),
        (
            "eclipse-temurin:21",
            '["java", "-jar", "app.jar"]',
            {"pom.xml": JETTY, "src/App.java": JAVA},
            ("src/App.java", 4, "75_000"),
        ),
        (
            "eclipse-temurin:21",
            '["java", "-jar", "app.jar"]',
            {"pom.xml": JETTY, "src/App.kt": KOTLIN},
            ("src/App.kt", 3, "75_000"),
        ),
        ("python:3.12-slim", '["python", "main.py"]', {"main.py": PYTHON}, ("main.py", 4, "75")),
        (
            "ruby:3.3",
            '["bundle", "exec", "puma"]',
            {"config/puma.rb": "# x\npersistent_timeout 75\n"},
            ("config/puma.rb", 2, "75"),
        ),
        (
            "mcr.microsoft.com/dotnet/aspnet:8.0",
            '["dotnet", "Shop.dll"]',
            {"Shop.csproj": CSPROJ, "Program.cs": CSHARP},
            ("Program.cs", 2, "75"),
        ),
        ("node:22", '["node", "server.js"]', {"server.js": NODE}, ("server.js", 2, "75_000")),
    ],
)
def test_a_setting_in_a_source_points_at_its_number(
    base: str, command: str, files: dict[str, str], place: tuple[str, int, str]
) -> None:
    value = idle(base, command, files)
    assert (value.data, value.confidence) == (75.0, Confidence.HIGH), value
    assert value.place is not None
    assert (value.place.path, value.place.line, value.place.text) == (f"src/web/{place[0]}", *place[1:])


def test_a_variable_of_the_container_wins_over_the_fallback_in_the_source() -> None:
    given = idle("node:22", '["node", "server.js"]', {"server.js": NODE}, env='[{name: KEEP, value: "61000"}]')
    assert given.data == 61.0
    assert given.place is not None and given.place.path == "k8s/all.yaml"
    secret = "[{name: KEEP, valueFrom: {secretKeyRef: {name: a, key: b}}}]"
    unknown = idle("node:22", '["node", "server.js"]', {"server.js": NODE}, env=secret)
    assert (
        unknown.data is None and "KEEP comes from a Secret" in unknown.reason and "75000 where unset" in unknown.reason
    )


@pytest.mark.parametrize(
    "files",
    [
        {"server.js": NODE, ".env": "KEEP=9000\n"},
        {"server.js": "import 'dotenv/config';\n" + NODE},
        {"server.js": NODE, "run.sh": "export KEEP=9000\n"},
        {"server.js": NODE, "package.json": '{"scripts": {"start": "cross-env KEEP=9000 node server.js"}}'},
    ],
)
def test_a_variable_that_may_be_set_at_the_start_is_not_taken_as_unset(files: dict[str, str]) -> None:
    assert idle("node:22", '["node", "server.js"]', files).data is None


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ("export const KEEP = 75 * 1000;", 75.0),
        ("export let KEEP = 75 * 1000;", None),
        ("export const OTHER = 1;", None),
        ("import { KEEP } from './server.js'; export { KEEP };", None),
    ],
)
def test_a_constant_is_followed_into_its_file(limits: str, found: float | None) -> None:
    server = (
        "import { KEEP } from './limits.js';\napp.listen(80).keepAliveTimeout = KEEP;\nserver.keepAliveTimeout = KEEP;"
    )
    assert idle("node:22", '["node", "server.js"]', {"server.js": server, "limits.js": limits}).data == found


def test_two_servers_are_told_apart_by_the_containers_port() -> None:
    both = GO.replace("srv.Listen", 'go http.ListenAndServe("localhost:6060", nil)\n    srv.Listen')
    assert idle("golang:1.22", '["/app/server"]', {"main.go": both}).data == 75.0
    other = both.replace('":8080"', "addr").replace('"localhost:6060"', "metrics")
    assert "set here, and not on" in idle("golang:1.22", '["/app/server"]', {"main.go": other}).reason


def test_sources_of_several_files_that_differ_give_no_value() -> None:
    files = {"cmd/a/main.go": GO, "cmd/b/main.go": GO.replace("75", "65")}
    assert "set to 75 s and to 65 s" in idle("golang:1.22", '["/app/server"]', files).reason


def test_without_the_grammar_a_source_counts_as_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    code._compiled.cache_clear()

    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(code, "import_module", missing)
    value = idle("eclipse-temurin:21", '["java", "-jar", "app.jar"]', {"pom.xml": JETTY, "src/App.java": JAVA})
    assert (value.data, value.confidence) == (30.0, Confidence.LOW)
    assert "reading Java needs the extra kubelint5xx[code]" in str(value.origin)


def test_a_python_program_that_starts_no_server_is_not_recognised() -> None:
    layer = joined(
        INGRESS,
        SERVICE,
        web(command="[python, main.py]"),
        files={"src/web/Dockerfile": "FROM python:3\nCOPY . .\n", "src/web/main.py": "print('uvicorn')\n"},
    )
    assert only(layer).receiver.product == ""


def test_a_lock_file_that_names_dotenv_loads_nothing() -> None:
    files = {"server.js": NODE, "poetry.lock": 'name = "python-dotenv"\n'}
    assert idle("node:22", '["node", "server.js"]', files).data == 75.0


def test_where_the_command_line_is_unknown_the_variables_of_a_declared_server_still_count() -> None:
    declared = "  kubelint5xx.io/server: uvicorn\n"
    env = '[{name: UVICORN_TIMEOUT_KEEP_ALIVE, value: "80"}]'
    text = web(command="", env=env).replace("      labels:", f"      annotations:\n      {declared}      labels:")
    assert only(joined(INGRESS, SERVICE, text)).receiver.inbound.read("idle_timeout").data == 80.0
