"""What a program is built from, read from the manifests of its build context."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import text
from kubelint5xx.core.source import Source
from kubelint5xx.hops.launch import Files
from kubelint5xx.hops.manifests import fixed
from kubelint5xx.hops.packages import MANIFEST, Packages, packages_of
from tests.hops.launches import scalar

POM = """<project>
  <parent><groupId>{parent}</groupId><artifactId>p</artifactId><version>9</version></parent>
  <properties><v>2.0</v></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>g</groupId><artifactId>bom</artifactId><version>7</version><scope>import</scope></dependency>
    <dependency><groupId>g</groupId><artifactId>managed</artifactId><version>3</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>g</groupId><artifactId>a</artifactId><version>${{v}}</version>
      <exclusions><exclusion><groupId>g</groupId><artifactId>out</artifactId></exclusion></exclusions></dependency>
    <dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>
    <dependency><groupId>g</groupId><artifactId>b</artifactId><version>${{other}}</version></dependency>
    <dependency><groupId>g</groupId><artifactId>t</artifactId><scope>test</scope></dependency>
  </dependencies>
</project>"""
CATALOG = """[versions]
boot = "3.2.0"
[libraries]
web-mvc = { module = "g:web", version.ref = "boot" }
plain = "g:plain:1.5"
[bundles]
all = ["web-mvc", "plain"]
[plugins]
spring-boot = { id = "org.boot", version.ref = "boot" }
"""



def of(sources: dict[str, str]) -> Packages | None:
    return packages_of(Files(sources={path: Source(path, text) for path, text in sources.items()}), scalar("web").span)


def direct(sources: dict[str, str]) -> dict[str, str]:
    found = of(sources)
    assert found is not None
    return {str(entry.key.value): text(entry.value) or "" for entry in found.direct.entries}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (
            {"pom.xml": POM.format(parent="org.springframework.boot")},
            {"maven:g:bom": "7", "maven:org.springframework.boot:p": "9", "maven:g:a": "2.0", "!maven:g:out": "",
             "maven:g:managed": "3", "maven:g:b": ""},
        ),
        (
            {
                "build.gradle.kts": 'plugins { alias(libs.plugins.spring.boot)\nid("q") }\ndependencies {\n'
                'implementation(libs.bundles.all)\nimplementation(platform("g:bom:2"))\ntestImplementation("g:t:1")\n'
                'implementation("g:c:${v}")\nmodules { module("g:x") { replacedBy("g:y") } }\n}\n'
                "configurations.all { exclude(module = \"out\") }",
                "gradle/libs.versions.toml": CATALOG,
            },
            {"gradle:org.boot": "3.2.0", "gradle:q": "", "maven:g:web": "3.2.0", "maven:g:plain": "1.5",
             "maven:g:bom": "2", "maven:g:c": "", "!maven:g:x": "", "!maven:*:out": ""},
        ),
        (
            {"package.json": '{"dependencies": {"fastify": "^5.1.0", "@a/b": "1.2.3"}, "devDependencies": {"x": "1"}}'},
            {"npm:fastify": "5", "npm:@a/b": "1.2.3"},
        ),
        (
            {"requirements.txt": "-r b.txt\n# flask\nUvicorn[standard]==0.30.1 \\\n  --hash=x:0\nA_b>=1 ; x\n"},
            {"pypi:uvicorn": "0.30.1", "pypi:a-b": ""},
        ),
        (
            {"pyproject.toml": '[project]\ndependencies = ["uvicorn[standard] ~=0.30.0", "b"]\n'
                               '[tool.poetry.dependencies]\npython = "^3.11"\ngunicorn = {version = "23.0.0"}\n'},
            {"pypi:uvicorn": "0.30", "pypi:b": "", "pypi:python": "3", "pypi:gunicorn": "23.0.0"},
        ),
        (
            {"go.mod": "module x\n\ngo 1.22.1\n\nrequire (\n\tg.co/gin v1.10.0\n\tg.co/y v1.0.0 // indirect\n)\n"},
            {"go:g.co/gin": "1.10.0", "go:go": "1.22.1"},
        ),
        (
            {"Gemfile": "gem 'puma', '~> 6.4'\n  gem \"rails\"\n"},
            {"gem:puma": "6", "gem:rails": ""},
        ),
        (
            {"Api.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net8.0'
                           '</TargetFramework></PropertyGroup><ItemGroup><PackageReference Include="Grpc.AspNetCore" '
                           'Version="2.65.0" /></ItemGroup></Project>'},
            {"nuget:microsoft.net.sdk.web": "8.0", "nuget:grpc.aspnetcore": "2.65.0"},
        ),
        ({"mix.exs": '{:bandit, "~> 1.5.3"}, {:x, path: "y"}'}, {"hex:bandit": "1.5"}),
        ({"Cargo.toml": '[dependencies]\naxum = "0.7.5"\nhyper = { version = "=1.4.1" }\n[dev-dependencies]\nx = "1"'},
         {"crates:axum": "0.7", "crates:hyper": "1.4.1"}),
    ],
)  # fmt: skip
def test_packages_are_read_with_their_versions(sources: dict[str, str], expected: dict[str, str]) -> None:
    assert direct(sources) == expected


@pytest.mark.parametrize(
    ("lock", "manifest", "name"),
    [
        ({"uv.lock": '[[package]]\nname = "uvicorn"\nversion = "0.30.1"\n'}, {"pyproject.toml": ""}, "pypi:uvicorn"),
        ({"Gemfile.lock": "GEM\n  specs:\n    puma (0.30.1)\n      nio4r\n\nDEPENDENCIES\n  puma\n"}, {}, "gem:puma"),
        ({"mix.lock": '  "bandit": {:hex, :bandit, "0.30.1", "0"},\n'}, {"mix.exs": ""}, "hex:bandit"),
    ],
)
def test_a_locked_version_wins(lock: dict[str, str], manifest: dict[str, str], name: str) -> None:
    found = of(lock | manifest)
    assert found is not None
    version = found.version(name)
    assert version is not None and str(version.data) == "0.30.1"
    assert version.place is not None and version.place.text == "0.30.1"


def test_the_manifest_nearest_to_the_root_counts() -> None:
    sources = {"go.mod": "require g.co/a v1.0.0", "tools/go.mod": "require g.co/b v1.0.0"}
    assert direct(sources) == {"go:g.co/a": "1.0.0"}


def test_of_several_programs_nothing_is_known() -> None:
    pom = "<project><modules><module>a</module></modules></project>"
    package = "<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>"
    one = f"<project><dependencies>{package}</dependencies></project>"
    assert direct({"pom.xml": pom, "a/pom.xml": one}) == {"maven:g:a": ""}
    for sources in ({"pom.xml": pom, "a/pom.xml": one, "b/pom.xml": one}, {"a/pom.xml": one, "b/pom.xml": one}):
        found = of(sources)
        assert found is not None and not found.direct.entries and found.direct.open


def test_a_parent_that_is_not_seen_may_add_packages() -> None:
    known, foreign = (of({"pom.xml": POM.format(parent=group)}) for group in ("org.springframework.boot", "com.acme"))
    assert known is not None and foreign is not None
    assert not known.direct.open
    assert "com.acme" in foreign.direct.open


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1.2.3", "1.2.3"), ("==1.2.3", "1.2.3"), ("v1.2", "1.2"), ("^0.5.1", "0.5"), ("^1.2.3", "1"), ("~1.2.3", "1.2"),
     ("~> 1.5", "1"), ("~=2.1.0", "2.1"), ("1.x", "1"), ("==1.2.*", "1.2"), (">=1", ""), ("1.0 - 2.0", ""), ("*", ""),
     ("3.4.0-SNAPSHOT", "3.4.0"), ("^1 || ^2", ""), ("", "")],
)  # fmt: skip
def test_a_version_is_as_far_as_the_requirement_fixes_it(written: str, expected: str) -> None:
    assert fixed(written) == expected


NAMES = ["pom.xml", "build.gradle", "libs.versions.toml", "package.json", "requirements.txt", "pyproject.toml",
         "poetry.lock", "go.mod", "Gemfile", "Gemfile.lock", "a.csproj", "mix.exs", "mix.lock", "Cargo.toml",
         "Cargo.lock"]  # fmt: skip
PARTS = ["<project>", "</project>", "<dependency>", "[dependencies]", "a = ", "{", "}", '"', "'", "\n", "[[package]]",
         "name = ", "gem ", "require ", "1.2", ":", "x.y", "[", "]", "tool.poetry", "implementation "]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(PARTS)).map("".join) | st.text(max_size=30)))
def test_no_manifest_makes_it_fail(sources: dict[str, str]) -> None:
    assert all(MANIFEST.search(name) for name in sources)
    found = of(sources)
    for entry in (*found.direct.entries, *found.locked.entries) if found else ():
        span = entry.value.span
        assert 0 <= span.start <= span.end <= len(span.source.text)
