"""Files that are broken, huge or hostile: each is named with its place, and the rest goes on as if it were not."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelint5xx.check import check, understand
from kubelint5xx.cli import cli
from kubelint5xx.config import Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree, Tree
from kubelint5xx.core.value import Confidence
from kubelint5xx.discover import MAX_BYTES, DirectoryTree
from kubelint5xx.report import json as json_report
from kubelint5xx.report import sarif, text

EXAMPLES = Path(__file__).parents[1] / "examples"
MANY = 200_000
HCL = b'resource "aws_lb" "a" {\n  name = "a"\n}\n'
SERVICE = b"apiVersion: v1\nkind: Service\n"


@cache
def files_of(stack: str) -> Mapping[str, bytes]:
    root = EXAMPLES / stack
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@cache
def faulty() -> Mapping[str, bytes]:
    """A stack with one fault, in gunicorn.conf.py."""
    files = dict(files_of("alb-gunicorn"))
    files["gunicorn.conf.py"] = files["gunicorn.conf.py"].replace(b"keepalive = 75", b"keepalive = 2")
    return files


def config() -> Config:
    return load_config(Source("kubelint5xx.yaml", faulty()["kubelint5xx.yaml"].decode()))


def checked(tree: Tree) -> Report:
    """The report, after every format has written it."""
    report = check(tree, config())
    text.render(report, color=True, show_unknown=True, verbose=True)
    json_report.render(report)
    sarif.render(report, include_suppressed=True)
    return report


def with_files(files: Mapping[str, bytes]) -> Report:
    return checked(MemoryTree({**faulty(), **files}))


def said(report: Report) -> list[str]:
    return [str(problem) for problem in report.problems if problem.kind != "notice"]


def found(report: Report) -> list[tuple[str, str, int]]:
    return [(finding.rule, finding.place.path, finding.place.line) for finding in report.findings]


def jetty(xml: bytes) -> bytes:
    """A Jetty whose configuration comes from a ConfigMap; the XML begins in line 6."""
    lines = b"\n".join(b"    " + line for line in xml.splitlines())
    return (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jetty}\ndata:\n  jetty-http.xml: |\n"
        + lines
        + b"""
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: jetty}
spec:
  template:
    metadata: {labels: {app: jetty}}
    spec:
      volumes: [{name: etc, configMap: {name: jetty}}]
      containers:
        - name: jetty
          image: registry.example/jetty:1
          command: [java, -jar, /jetty/start.jar]
          volumeMounts: [{name: etc, mountPath: /jetty/etc}]
          ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: jetty}
spec: {selector: {app: jetty}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: jetty}
spec:
  ingressClassName: alb
  defaultBackend: {service: {name: jetty, port: {number: 80}}}
"""
    )


def aliases(first: str, level: str, width: int = 9) -> bytes:
    lines = [f"a0: &a0 {first}"]
    for number in range(1, 40):
        inside = ", ".join(level.format(k=k, alias=f"*a{number - 1}") for k in range(width))
        opening, closing = "{}" if ":" in level else "[]"
        lines.append(f"a{number}: &a{number} {opening}{inside}{closing}")
    return "\n".join(lines).encode()


BROKEN = {
    "YAML": ({"x.yaml": SERVICE + b"a: [\n"}, "x.yaml:3: not valid YAML"),
    "YAML that is indented by a tab": (
        {"x.yaml": SERVICE + b"spec:\n\tports: []\n"},
        "x.yaml:4: not valid YAML: a tab",
    ),
    "JSON": ({"x.json": b'{"apiVersion": "v1",\n"kind": "Service",,}'}, "x.json:2: "),
    "JSON that ends too early": ({"x.json": b'{"apiVersion": "v1", "kind": "Service",\n"a": [1'}, "x.json:2: "),
    "HCL": ({"i/a.tf": b'resource "aws_lb" "a" {\n  name = \n}\n'}, "i/a.tf:2: unexpected"),
    "HCL that ends too early": ({"i/a.tf": b'resource "aws_lb" "a" {\n  name = "a"\n'}, "i/a.tf:2: the file ends"),
    "XML of a ConfigMap": (
        {"j.yaml": jetty(b"<Configure>\n<Set></Get>\n</Configure>")},
        "j.yaml:7: not well-formed XML",
    ),
    "metadata": ({"x.yaml": SERVICE + b"metadata: 7\n"}, "x.yaml:3: metadata of this Service is not a mapping"),
    "spec": (
        {"x.yaml": SERVICE + b"metadata: {name: a}\nspec: []\n"},
        "x.yaml:4: spec of this Service is not a mapping",
    ),
    "deep YAML, flow": ({"x.yaml": SERVICE + b"a: " + b"[" * MANY}, "x.yaml:3: nests deeper than 200 levels"),
    "deep YAML, maps": ({"x.yaml": SERVICE + b"a: " + b"{a: " * MANY}, "x.yaml:3: nests deeper than 200 levels"),
    "deep YAML, block": ({"x.yaml": SERVICE + b"a:\n " + b"- " * MANY}, "x.yaml:4: nests deeper than 200 levels"),
    "deep JSON": (
        {"x.json": b'{"apiVersion": "v1", "kind": "Service", "a":' + b"[" * MANY + b"]" * MANY + b"}"},
        "x.json:1: nests deeper than 200 levels",
    ),
    "a deep plan": (
        {"x.json": b'{"terraform_version": "1", "planned_values": ' + b'{"a":' * MANY},
        "x.json:1: nests deeper than 200 levels",
    ),
    "deep HCL, brackets": (
        {"i/a.tf": b'resource "aws_lb" "a" {\n  name = ' + b"(" * MANY + b")" * MANY + b"\n}\n"},
        "i/a.tf:2: brackets are nested more than 500 levels deep",
    ),
    "deep HCL, blocks": (
        {"i/a.tf": b'resource "aws_lb" "a" {\n' + b"a {\n" * MANY + b"}\n" * MANY + b"}\n"},
        "i/a.tf:501: brackets are nested",
    ),
    "deep HCL, templates": (
        {"i/a.tf": b'resource "aws_lb" "a" {\n  name = ' + b'"${' * MANY + b'}"' * MANY + b"\n}\n"},
        "i/a.tf:2: brackets are nested",
    ),
    "deep XML": ({"j.yaml": jetty(b"<a>" * MANY)}, "j.yaml:6: not analysed: nested too deeply"),
    "an alias bomb": (
        {"x.yaml": SERVICE + aliases("[x]", "{alias}") + b"\nspec: *a39\n"},
        "x.yaml:9: its aliases stand for more than 1,000,000 values",
    ),
    "an alias bomb of maps": (
        {"x.yaml": SERVICE + aliases("{x: y}", "k{k}: {alias}") + b"\nspec: {selector: *a39}\n"},
        "x.yaml:9: its aliases stand for more than 1,000,000 values",
    ),
    "an external entity": (
        {"j.yaml": jetty(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>\n<Configure>&b;</Configure>')},
        "j.yaml:6: not analysed: it declares entities",
    ),
    "an entity bomb": (
        {
            "j.yaml": jetty(
                b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "' + b"&b;" * 999 + b'">]>\n<Configure>&c;</Configure>'
            )
        },
        "j.yaml:6: not analysed: it declares entities",
    ),
    "YAML that is not UTF-8": ({"x.yaml": SERVICE + b"# \xe4\n"}, "x.yaml:3: not valid UTF-8"),
    "HCL that is not UTF-8": ({"i/a.tf": b'resource "aws_lb" "a" {\n  name = "\xe4"\n}'}, "i/a.tf:2: not valid UTF-8"),
    "UTF-16": ({"x.yaml": "\ufeffkind: Service".encode("utf-16-le")}, "x.yaml:1: not valid UTF-8, but UTF-16"),
    "a NUL byte in YAML": ({"x.yaml": SERVICE + b"a: \0"}, "x.yaml:3: holds a control character that YAML forbids"),
    "a NUL byte in HCL": ({"i/a.tf": b'resource "aws_lb" "a" {\n  name = "a"\n}\n\0'}, "i/a.tf:4: unexpected"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named_and_change_nothing_elsewhere(name: str) -> None:
    files, expected = BROKEN[name]
    started = time.process_time()
    report = with_files(files)
    assert time.process_time() - started < 3
    (line,) = said(report)
    assert line.startswith(expected)
    assert report.coverage.unreadable == 1
    healthy = found(checked(MemoryTree(faulty())))
    assert healthy
    assert [one for one in found(report) if one[1] not in files] == healthy
    notifications = json.loads(sarif.render(report))["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert any(one["descriptor"]["id"] == "unreadable" for one in notifications)


DEEP_CODE = {
    "JavaScript": {"app/server.js": b"server.keepAliveTimeout = " + b"[" * MANY},
    "nginx": {"nginx.conf": b"http {" * MANY},
    "a Dockerfile's words": {"Dockerfile": b"FROM python:3.12-slim\nCMD " + b"[" * MANY},
    "a Dockerfile's substitutions": {"Dockerfile": b"FROM python:3.12-slim\nENV A=" + b"${A:-" * 90_000 + b"\nCMD $A"},
    "a Dockerfile's shell": {"Dockerfile": b"FROM python:3.12-slim\nCMD " + b"$(" * MANY + b")" * MANY},
    "HCL, operators": {"i/a.tf": b'resource "aws_lb" "a" {\n  name = 1' + b" + 1" * MANY + b"\n}\n"},
    "HCL, negations": {"i/a.tf": b'resource "aws_lb" "a" {\n  name = ' + b"!" * MANY + b"true\n}\n"},
    "HCL, conditions": {"i/a.tf": b'resource "aws_lb" "a" {\n  name = ' + b"a ? 1 : " * 50_000 + b"1\n}\n"},
    "HCL, long references": {"i/a.tf": b'resource "aws_lb" "a" {\n  name = a' + b".a" * MANY + b"\n}\n"},
    "HCL, a long word": {"i/a.tf": HCL + b"a" * 30_000 + b"\n}\n"},
    "HCL, a line of signs": {"i/a.tf": HCL + b"a =" * 30_000},
    "HCL, blanks": {"i/a.tf": HCL + b"a" + b" " * 30_000 + b"\n}\n"},
    "HCL, heredocs that never end": {"i/a.tf": HCL + b"locals {\n" + b"x = <<A\n" * 30_000 + b"}\n"},
    "a merge bomb": {"x.yaml": SERVICE + aliases("{x: y}", "<<: {alias}") + b"\nspec: {<<: *a39}\n"},
}


@pytest.mark.parametrize("name", DEEP_CODE)
def test_absurd_depth_anywhere_costs_little_and_raises_nothing(name: str) -> None:
    started = time.process_time()
    with_files(DEEP_CODE[name])
    assert time.process_time() - started < 8


@pytest.mark.parametrize(
    ("server_file", "expected"),
    [
        (b"workers = 4\nkeepalive = = 2\n", "gunicorn.conf.py:2: not valid Python: invalid syntax"),
        (b"workers = 4\nkeepalive = 2  # \xe4\n", "gunicorn.conf.py:2: not valid UTF-8"),
        (b"keepalive = 2\0\n", "gunicorn.conf.py:1: not valid Python"),
        (b"keepalive = " + b"(" * MANY + b"2" + b")" * MANY, "gunicorn.conf.py:1: not valid Python"),
        (b"keepalive = " + b"-" * MANY + b"2", "gunicorn.conf.py:1: nested too deeply"),
        (b"#" * 1_000_001, "gunicorn.conf.py: cannot be read: larger than 1 MB"),
    ],
)
def test_a_broken_server_file_of_an_image_is_named_and_its_settings_are_unknown(
    server_file: bytes, expected: str
) -> None:
    report = with_files({"gunicorn.conf.py": server_file})
    (line,) = said(report)
    assert line.startswith(expected)
    # Gunicorn's default would fail; but the file may say otherwise.
    assert all(str(one.confidence) == "low" for one in report.findings if one.rule == "server-closes-first")


def test_a_broken_dockerfile_is_named() -> None:
    assert said(with_files({"Dockerfile": b"FROM a\n\xe4"})) == ["Dockerfile:2: not valid UTF-8"]


# Wrong types

VALUES: list[Any] = [
    *(None, True, 0, -1, 7, 10**30, 1e400, "", "x", "5s", "$(A)", "a/b:c", "{{ x }}", "\x85", "1.2.3"),
    *([], {}, [1], [[]], [{}], [None], {"a": 1}, {"name": 7}, {1: 2}, [{"name": None}], {"a": {"b": {"c": []}}}),
]
Path_ = tuple[Any, ...]


def nodes(value: Any, path: Path_ = ()) -> Iterable[Path_]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from nodes(below, (*path, key))


def put(value: Any, path: Path_, new: Any) -> Any:
    if not path:
        return new
    changed = deepcopy(value)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return changed


@cache
def manifests() -> list[tuple[str, str, int, Any]]:
    """Every document of the example stacks: the stack, the file, the document's number, and what it holds."""
    return [
        (stack.name, name, number, document)
        for stack in sorted(EXAMPLES.iterdir())
        if stack.is_dir()
        for name, data in files_of(stack.name).items()
        if name.endswith(".yaml") and not name.startswith("kubelint5xx")
        for number, document in enumerate(yaml.safe_load_all(data))
    ]


@st.composite
def mutated(draw: st.DrawFn) -> Mapping[str, bytes]:
    stack, name, number, document = draw(st.sampled_from(manifests()))
    path = draw(st.sampled_from(list(nodes(document))))
    changed = put(document, path, draw(st.sampled_from(VALUES)))
    others = list(yaml.safe_load_all(files_of(stack)[name]))
    others[number] = changed
    return {**files_of(stack), name: yaml.safe_dump_all(others, allow_unicode=True).encode()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_any_value_anywhere_in_a_manifest_raises_nothing(files: Mapping[str, bytes]) -> None:
    checked(MemoryTree(files))
    understand(MemoryTree(files), Config())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"  ports:\n", b"  ports: x\n  old:\n"),
        (b"      containers:\n", b"      containers: {}\n      old:\n"),
        (b"  annotations:\n", b"  annotations: 5\n  old:\n"),
        (b"  template:\n", b"  template: null\n  old:\n"),
        (b"namespace: rates\n", b"namespace: [1]\n"),
        (b"kind: Service\n", b"kind: [Service]\n"),
        (b"  rules:\n", b"  rules: {}\n  old:\n"),
    ],
)
def test_wrong_types_leave_hops_undecided_and_raise_nothing(old: bytes, new: bytes) -> None:
    assert any(old in data for data in faulty().values())
    report = checked(MemoryTree({name: data.replace(old, new) for name, data in faulty().items()}))
    assert report.coverage.files >= 4


# Files that cannot be read at all


class Refusing:
    """A tree in which one file is listed and cannot be read."""

    def __init__(self, refused: str, error: OSError) -> None:
        self.refused, self.error = refused, error

    def paths(self) -> list[str]:
        return sorted({*faulty(), self.refused})

    def read(self, path: str) -> bytes:
        if path == self.refused:
            raise self.error
        return faulty()[path]


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file or directory")]
)
@pytest.mark.parametrize("path", ["k8s/extra.yaml", "i/main.tf", "plan.json", "gunicorn.conf.py", "Dockerfile"])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(path: str, error: OSError) -> None:
    report = checked(Refusing(path, error))
    assert said(report) == [f"{path}: cannot be read: {error.strerror}"]
    sure = [one.rule for one in report.findings if one.confidence > Confidence.LOW]
    assert bool(sure) == (path not in ("gunicorn.conf.py", "Dockerfile"))


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    root = tmp_path / "stack"
    for name, data in faulty().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def in_directory(root: Path) -> Report:
    return checked(DirectoryTree(root))


def test_links_that_lead_out_or_nowhere_are_not_followed(stack: Path) -> None:
    (stack.parent / "secret.yaml").write_bytes(SERVICE + b"a: [")
    (stack / "out.yaml").symlink_to(stack.parent / "secret.yaml")
    (stack / "loop.yaml").symlink_to("pool.yaml")
    (stack / "pool.yaml").symlink_to("loop.yaml")
    (stack / "gone.yaml").symlink_to("nowhere.yaml")
    (stack / "up").symlink_to(stack, target_is_directory=True)
    (stack / "k8s/tree").symlink_to(stack.parent, target_is_directory=True)
    report = in_directory(stack)
    assert said(report) == [
        "gone.yaml: cannot be read: a symbolic link that leads nowhere",
        "loop.yaml: cannot be read: a symbolic link that leads nowhere",
        "out.yaml: cannot be read: a symbolic link that leads out of the tree",
        "pool.yaml: cannot be read: a symbolic link that leads nowhere",
    ]
    assert found(report) == found(checked(MemoryTree(faulty())))


def test_pipes_directories_and_huge_files_are_not_read(stack: Path) -> None:
    os.mkfifo(stack / "pipe.yaml")
    (stack / "directory.yaml").mkdir()
    with open(stack / "huge.yaml", "wb") as huge:
        huge.write(SERVICE)
        huge.truncate(25_000_000)
    for name in ("empty.yaml", "empty.tf", "empty.json"):
        (stack / name).touch()
    report = in_directory(stack)
    assert said(report) == [
        f"huge.yaml: cannot be read: larger than {MAX_BYTES // 1_000_000} MB",
        "pipe.yaml: cannot be read: not a file",
    ]
    assert found(report)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_named(stack: Path) -> None:
    (stack / "k8s/hidden.yaml").write_bytes(SERVICE)
    (stack / "k8s/hidden.yaml").chmod(stat.S_IWUSR)
    assert said(in_directory(stack)) == ["k8s/hidden.yaml: cannot be read: Permission denied"]


def test_a_file_that_vanishes_after_it_was_listed_is_named(stack: Path) -> None:
    tree = DirectoryTree(stack)
    assert "k8s/namespace.yaml" in tree.paths()
    (stack / "k8s/namespace.yaml").unlink()
    assert said(checked(tree)) == ["k8s/namespace.yaml: cannot be read: No such file or directory"]


def test_byte_order_marks_and_line_ends_change_neither_findings_nor_places() -> None:
    as_they_are = found(checked(MemoryTree(faulty())))
    marked = {name: b"\xef\xbb\xbf" + data for name, data in faulty().items()}
    assert found(checked(MemoryTree(marked))) == as_they_are
    windows = {name: data.replace(b"\n", b"\r\n") for name, data in faulty().items()}
    assert found(checked(MemoryTree(windows))) == as_they_are


def test_the_program_names_each_bad_file_once_and_goes_on(stack: Path) -> None:
    (stack / "a.yaml").write_bytes(SERVICE + b"a: [\n")
    (stack / "b.yaml").write_bytes(SERVICE + b"# \xff\n")
    done = CliRunner().invoke(cli, ["check", str(stack)])
    assert done.exit_code == 1
    assert [line.split(": ")[0].rpartition("/")[2] for line in done.stderr.splitlines()] == ["a.yaml:3", "b.yaml:3"]
    assert "2 files not read in full" in done.stdout
    assert "a.yaml" not in done.stdout
    shutil.rmtree(stack / "k8s")
    assert CliRunner().invoke(cli, ["check", str(stack), "--require-resolved"]).exit_code == 3
