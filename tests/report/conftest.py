"""One report by hand that holds every kind of thing a report can hold, and the official SARIF tools."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubelint5xx.core.finding import Advice, Cited, Coverage, Finding, Report, RuleInfo, Step, Suppressed, Unknown
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Default, Derived, Severity, Value, Written

ROOT = Path(__file__).parents[2]


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


@pytest.fixture
def sample() -> Report:
    gunicorn = Source("web/gunicorn.conf.py", 'worker_class = "gthread"\nkeepalive = 2\n')
    alb = Source("infra/main.tf", 'resource "aws_lb" "web" {\n  idle_timeout = var.idle\n}\n\nidle = 60\n')
    pod = Source("k8s/web app.yaml", "spec:\r\n\tgrace: 😀 '15' # seconds\r\n  hook: 5s\r\n")
    closes = Cited("2 s", "idle timeout of gunicorn", Value(2.0, Written(at(gunicorn, "2"), "keepalive", "s")))
    reuses = Cited(
        "60 s",
        "idle timeout of the ALB [web]",
        Value(60.0, Written(at(alb, "60"), "idle_timeout", "s", via=(at(alb, "var.idle"),))),
    )
    grace = Cited("15 s", "grace of web", Value(15.0, Written(at(pod, "'15'"), "terminationGracePeriodSeconds", "s")))
    delay = Value(0.0, Default("Kubernetes", "preStop", "https://k8s.example/hooks", at(pod, "hook"), ("the image",)))
    drain = Cited(
        "15 s", "time left", Value(15.0, Derived("the grace period minus the preStop delay", (grace.value, delay)))
    )
    first = Finding(
        rule="server-closes-first",
        title="A server closes idle connections before its client does",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        bites="idle",
        status=502,
        message=(
            "gunicorn closes an idle connection after ",
            closes,
            ", but the ALB [web] reuses it for ",
            reuses,
            ".",
        ),
        place=at(gunicorn, "2"),
        evidence=(closes, reuses),
        route=(
            Step("ALB web", at(alb, "aws_lb")),
            Step("Service web", None),
            Step("gunicorn", at(gunicorn, "keepalive")),
        ),
        advice=Advice("Set keepalive to 75", at(gunicorn, "2"), "75", safe=True),
        key="server-closes-first alb/web gunicorn idle_timeout",
        also=12,
    )
    second = Finding(
        rule="short-drain",
        title="A pod stops before the balancer forgets it",
        severity=Severity.WARNING,
        confidence=Confidence.LOW,
        bites="deploy",
        status=None,
        message=("web goes on for ", drain, " only"),
        place=at(pod, "'15'"),
        evidence=(grace, drain),
        assumptions=("the pods run the image's own command",),
        advice=Advice(
            "Add a preStop hook", Span(pod, pod.text.index("  hook"), pod.text.index("  hook")), "  sleep: 9\r\n"
        ),
        environments=("staging", "production"),
    )
    return Report(
        findings=(first, second),
        suppressed=(Suppressed(second, at(pod, "# seconds"), "drains by itself"),),
        problems=(
            Problem("charts/db/values.yaml", 3, "this line is not YAML"),
            Problem("bin/data.yaml", 0, "it is not UTF-8"),
            Problem("charts/web/templates/deployment.yaml", 1, "helm has to render it", "unrendered"),
            Problem("k8s/web app.yaml", 2, "this comment suppresses nothing", "notice"),
        ),
        unknowns=(
            Unknown("server-closes-first", "the idle timeout of api", "its image is private", at(pod, "hook")),
            Unknown("", "the server of api", "no file says what runs there", at(pod, "spec")),
        ),
        coverage=Coverage(files=9, objects=20, hops=31, proved=12, failing=4, undecided=15, unreadable=2, unrendered=1),
        rules=(
            RuleInfo("short-drain", "drain", "A pod stops before the balancer forgets it", Severity.WARNING, ""),
            RuleInfo(
                "server-closes-first",
                "keepalive",
                "A server closes idle connections before its client does",
                Severity.ERROR,
                "The `client` sends into a [closing](https://e.example/fin)\nconnection.\n\nSo it answers 502.\n",
                ("https://e.example/a", "RFC 9112, section 9.3"),
            ),
        ),
    )


@pytest.fixture(scope="session")
def node_tools() -> Path:
    """The node_modules that tests/tools/package.json describes; the test is skipped where they are not installed."""
    folder = Path(os.environ.get("KUBELINT5XX_NODE_TOOLS") or ROOT / ".tools" / "node_modules")
    if not (folder / "@microsoft").is_dir():
        pytest.skip(f"the packages of tests/tools/package.json are not installed in {folder} (KUBELINT5XX_NODE_TOOLS)")
    return folder


@pytest.fixture(scope="session")
def sarif_schema(node_tools: Path) -> dict[str, Any]:
    """The official JSON Schema of SARIF 2.1.0."""
    found: dict[str, Any] = json.loads(
        (node_tools / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text()
    )
    return found


Validate = Callable[[str], list[tuple[str, str, str]]]


@pytest.fixture
def multitool(node_tools: Path, tmp_path: Path) -> Validate:
    """Validates a SARIF text with the official tool and gives each of its results as (level, rule, message)."""
    program = node_tools / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
    if not program.is_file():
        pytest.skip(f"there is no {program}")
    if not os.access(program, os.X_OK):
        # Its own install script does this, and npm may be told to run none.
        program.chmod(0o755)

    def validate(text: str) -> list[tuple[str, str, str]]:
        (tmp_path / "in.sarif").write_text(text)
        command = [str(program), "validate", "in.sarif", "--output", "out.sarif", "--log", "ForceOverwrite"]
        options = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note"]
        environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
        run = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
        # Its exit status tells nothing about the log.
        assert (tmp_path / "out.sarif").exists(), run.stdout.decode() + run.stderr.decode()
        (log,) = json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8-sig"))["runs"]
        found = []
        for result in log.get("results", []):
            rule = log["tool"]["driver"]["rules"][result["ruleIndex"]]
            message = rule["messageStrings"][result["message"]["id"]]["text"]
            found.append((result.get("level", "warning"), result["ruleId"].split("/")[0], message))
        return found

    return validate
