"""What is checked before a change lands. `nox` alone runs lint and tests, as CI does."""

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
TOOLS = ROOT / ".tools"
PROJECT = nox.project.load_toml("pyproject.toml")


def _group(name: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-q", "-e", ".", *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests; arguments go to pytest: `nox -s tests -- -k keepalive`."""
    session.install("-q", "-e", ".", *_group("test"))
    _node_tools(session)
    _go_tools(session)
    # A suite that cannot be had and a server that cannot be installed are said here, and their tests are skipped.
    session.run("python", "-m", "tests.suites")
    session.run("python", "-m", "lab", "--install", "--quick")
    session.run("pytest", *session.posargs, env={"PATH": f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"})


@nox.session
def lab(session: nox.Session) -> None:
    """Real servers, measured and held against the hop tables: `nox -s lab -- nginx jetty-12`, `--write`."""
    session.install("-q", "-e", ".")
    session.run("python", "-m", "lab", *session.posargs)


@nox.session
def evidence(session: nox.Session) -> None:
    """Count the 5xx that what the rules accuse makes, and that the fixes leave: `nox -s evidence -- --write`."""
    session.install("-q", "-e", ".")
    session.run("python", "-m", "lab.verdict", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages and the picture in docs/."""
    session.install("-q", "-e", ".")
    session.run("python", "docs/generate.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """How fast a check is."""
    session.install("-q", "-e", ".")
    session.run("python", "bench/ratios.py", *(session.posargs or ["examples"]))


def _node_tools(session: nox.Session) -> None:
    """The official SARIF schema and validator, which only npm has."""
    wanted, tools = ROOT / "tests/tools/package.json", TOOLS
    if shutil.which("npm") is None:
        session.warn("npm is not installed: the tests against the official SARIF schema and validator are skipped")
        return
    installed = tools / "package.json"
    if (tools / "node_modules").is_dir() and installed.is_file() and installed.read_text() == wanted.read_text():
        return
    tools.mkdir(exist_ok=True)
    shutil.copyfile(wanted, installed)
    session.run("npm", "install", "--prefix", str(tools), "--no-audit", "--no-fund", "--silent", external=True)


def _go_tools(session: nox.Session) -> None:
    """helm and kustomize, of which users have their own."""
    if shutil.which("go") is None:
        session.warn("go is not installed: tests that need helm or kustomize are skipped where these are missing")
        return
    for name, module in {
        "helm": "helm.sh/helm/v4/cmd/helm@v4.3.1",
        "kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2",
    }.items():
        if shutil.which(name) is None and not (TOOLS / "bin" / name).is_file():
            session.run("go", "install", module, external=True, env={"GOBIN": str(TOOLS / "bin")}, silent=True)
