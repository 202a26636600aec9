"""Files that programs are published with, where building these programs left them: each is read or refused in one line,
in a time that its size bounds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import which

import pytest

from kubelint5xx.core.source import Source
from kubelint5xx.formats import json, reader, yaml
from tests.suites import plain, refused

READERS = {
    ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml", ".tf": "hcl", ".xml": "xml", ".ini": "ini",
    ".properties": "properties", ".cfg": "haproxy", "Caddyfile": "caddyfile", "Dockerfile": "dockerfile",
    ".rb": "ruby_source", ".py": "python_source", ".js": "javascript", ".go": "go_source", ".java": "java_source",
}  # fmt: skip
LAB = Path(__file__).parents[2] / ".lab"
LARGEST = 200_000
MANY = 700


@cache
def modules() -> Path:
    if which("go") is None:
        pytest.skip("go is not on this machine, and so no module that was built is")
    return Path(subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip())


def module(pattern: str) -> Path:
    found = sorted(modules().glob(pattern))
    if not found:
        pytest.skip(f"the Go module {pattern} is not on this machine: building helm and the lab's servers leaves it")
    return found[-1]


def files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        known = path.suffix in READERS or path.name in READERS
        if known and path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
            yield path


def test_an_object_is_the_same_in_yaml_and_in_json() -> None:
    pairs = [(path, path.with_suffix(".yaml")) for path in sorted(module("k8s.io/api@v*").glob("testdata/HEAD/*.json"))]
    assert len(pairs) > 100
    for one, other in pairs:
        (of_json,) = json.read(Source(one.name, one.read_text("utf-8"))).documents
        (of_yaml,) = yaml.read(Source(other.name, other.read_text("utf-8"))).documents
        assert plain(of_json.root) == plain(of_yaml.root), one.name


@pytest.mark.parametrize("published", ["helm.sh/helm/v4@v*", "github.com/traefik/traefik/v3@v*", ".lab"])
def test_published_files_are_read_or_refused_in_one_line(published: str) -> None:
    root = LAB if published == ".lab" else module(published)
    found = list(files(root))
    if len(found) < 100:
        pytest.skip(f"{root} holds no {published}: the lab installs its servers there")
    for path in found[:: max(1, len(found) // MANY)]:
        text = path.read_bytes().decode("utf-8", "replace")
        started = time.process_time()
        reading = reader(READERS.get(path.suffix) or READERS[path.name]).read(Source(path.name, text))
        assert time.process_time() - started < 1 + len(text) * 2e-5, path
        assert all(problem.line <= text.count("\n") + 1 for problem in refused(reading)), path
