"""The same files, several verdicts: each finding names the environments in which it holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.environments import merged

INFRA = """\
variable "idle" { default = 60 }
resource "aws_lb" "web" {
  load_balancer_type = "application"
  idle_timeout       = var.idle
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
resource "aws_lb_target_group" "web" {
  port        = 8080
  protocol    = "HTTP"
  target_type = "ip"
}
"""
BINDING = """\
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web, namespace: shop}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupARN: arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef
  targetType: ip
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          image: registry.example/shop/web:1
          command: [gunicorn, -k, gthread, --keep-alive, "75", --graceful-timeout, "20", app:app]
          lifecycle: {preStop: {sleep: {seconds: 20}}}
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
"""
CONFIG = """\
links: [{service: shop/web, target_group: aws_lb_target_group.web}]
select: [keepalive]
environments:
  production: {terraform: {vars: {idle: 120}}}
  staging: {terraform: {vars: {idle: 65}}}
  test: {terraform: {var-files: [infra/test.tfvars]}}
"""
FILES = {
    "infra/main.tf": INFRA,
    "infra/test.tfvars": "idle = 120\n",
    "k8s/web.yaml": BINDING,
    "kubelint5xx.yaml": CONFIG,
}


def reports(files: dict[str, str], *names: str) -> dict[str, Report]:
    config = load_config(Source("kubelint5xx.yaml", files["kubelint5xx.yaml"]))
    return {name: check(MemoryTree(files), config.within(name)) for name in names or config.environments}


def test_a_variable_decides_in_which_environment_a_finding_holds() -> None:
    report = merged(reports(FILES))
    (finding,) = report.findings
    assert (finding.rule, finding.environments) == ("server-closes-first", ("production", "test"))
    assert "120 s" in finding.text
    assert (report.coverage.hops, report.coverage.failing, report.coverage.proved) == (3, 2, 1)


def test_what_differs_in_its_numbers_is_said_of_each_environment() -> None:
    report = merged(reports({**FILES, "infra/test.tfvars": "idle = 90\n"}))
    assert [(one.environments, "90 s" in one.text) for one in report.findings] == [
        (("production",), False),
        (("test",), True),
    ]


def test_a_suppression_is_idle_only_where_no_environment_needs_it() -> None:
    mark = "# kubelint5xx: ignore[server-closes-first] measured"
    files = {**FILES, "k8s/web.yaml": BINDING.replace("app:app]", f"app:app] {mark}")}
    report = merged(reports(files))
    assert (report.findings, report.problems) == ((), ())
    assert len(report.suppressed) == 1
    report = merged(reports(files, "staging"))
    assert ["suppresses nothing" in problem.message for problem in report.problems] == [True]


@pytest.mark.parametrize("format_", ["text", "json", "sarif"])
def test_every_report_names_the_environments(tmp_path: Path, format_: str) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "kubelint5xx", "check", ".", "--format", format_]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "production" in done.stdout and "staging" not in done.stdout
    done = subprocess.run([*command, "--env", "staging"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "production" not in done.stdout


def test_paths_are_shown_for_each_environment(tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "kubelint5xx", "path", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [name for name in ("production", "staging", "test") if f"{name}\n" in done.stdout] == [
        "production",
        "staging",
        "test",
    ]
    assert "120 s" in done.stdout and "65 s" in done.stdout
