"""The hook as pre-commit runs it: installed from this repository's last commit, in a repository of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def run(*command: str, cwd: Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    # Inside a git hook git's own variables would lead to the wrong repository.
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    if home is not None:
        env["PRE_COMMIT_HOME"] = str(home)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def commit() -> str:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    if find_spec("pre_commit") is None:
        pytest.skip("pre-commit is not installed beside pytest")
    head = run("git", "rev-parse", "--verify", "--quiet", "HEAD", cwd=ROOT)
    if head.returncode != 0:
        pytest.skip(f"{ROOT} has no commit to install the hook from")
    return head.stdout.strip()


READ = """
k8s/web.yaml infra/main.tf infra/main.tofu infra/prod.tfvars terragrunt.hcl infra/main.tf.json plan.json stack.template
samconfig.toml docker-bake.hcl chart/templates/_helpers.tpl helmfile.yaml.gotmpl charts/redis-1.0.0.tgz nginx.conf
haproxy.cfg uwsgi.ini application.properties server.xml prod.env start.sh build.bash rules.mk gunicorn.conf.py server.ts
index.mjs main.go App.java App.kt build.gradle.kts puma.rb Program.cs Dockerfile Dockerfile.prod web.Dockerfile
Containerfile Makefile GNUmakefile Jenkinsfile Tiltfile justfile Caddyfile go.mod .nvmrc package.json pom.xml
"""


def test_the_hook_runs_when_anything_changes_that_is_read() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    files = re.compile(hook["files"])
    assert [path for path in READ.split() if not files.search(path)] == []
    assert [path for path in ("README.md", "logo.png", "LICENSE", "docs/guide.rst") if files.search(path)] == []


def test_the_hook_fails_on_the_incident_and_says_why(commit: str, tmp_path: Path) -> None:
    repository = tmp_path / "catalog"
    shutil.copytree(ROOT / "examples/incident", repository)
    assert run("git", "init", "--quiet", cwd=repository).returncode == 0
    assert run("git", "add", "--all", cwd=repository).returncode == 0

    tried = ("try-repo", str(ROOT), "kubelint5xx", "--ref", commit, "--all-files", "--color", "never")
    done = run(sys.executable, "-m", "pre_commit", *tried, cwd=repository, home=tmp_path / "home")

    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "server-closes-first" in said, said
    assert "k8s/jetty-config.yaml" in said, said
