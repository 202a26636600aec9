from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.core.value import Confidence, Severity
from kubelint5xx.inputs import STREAM
from kubelint5xx.report import json as json_report
from kubelint5xx.report import sarif, text
from kubelint5xx.rule_tests import run_stack

EXAMPLES = Path(__file__).parents[1] / "examples"
SLUG = "server-closes-first"
IGNORE = f"kubelint5xx: ignore[{SLUG}] robots only"


def files_of(stack: str) -> dict[str, str]:
    root = EXAMPLES / stack
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def broken(old: str = "keepalive = 75", new: str = "keepalive = 2", **more: str) -> dict[str, str]:
    """The stack whose server closes idle connections first, with another text in gunicorn.conf.py."""
    files = files_of("alb-gunicorn")
    assert old in files["gunicorn.conf.py"]
    return {**files, "gunicorn.conf.py": files["gunicorn.conf.py"].replace(old, new), **more}


def rendered(report: Report) -> list[str]:
    return [
        text.render(report, color=False, show_unknown=True, verbose=True),
        json_report.render(report),
        sarif.render(report, include_suppressed=True),
    ]


def slugs(report: Report) -> list[str]:
    return [finding.rule for finding in report.findings]


def said(report: Report, kind: str = "notice") -> list[str]:
    return [str(problem) for problem in report.problems if problem.kind == kind]


# Determinism


class Shuffled:
    """A tree that lists its files in an order of its own."""

    def __init__(self, files: Mapping[str, str], order: Iterable[str]) -> None:
        self._files, self._order = files, list(order)

    def paths(self) -> list[str]:
        return self._order

    def read(self, path: str) -> bytes:
        return self._files[path].encode()


INCIDENT = files_of("incident")
CONFIG = Config()


@settings(max_examples=10, deadline=None)
@given(st.permutations(sorted(INCIDENT)))
def test_the_order_of_files_is_irrelevant(order: list[str]) -> None:
    assert rendered(check(Shuffled(INCIDENT, order), CONFIG)) == rendered(check(MemoryTree(INCIDENT), CONFIG))


def test_the_same_files_give_the_same_bytes_in_every_process() -> None:
    outputs = set()
    for seed in ("1", "2"):
        for form in ("text", "json", "sarif"):
            command = [sys.executable, "-m", "kubelint5xx", "check", "examples/incident", "--format", form]
            env = {**os.environ, "PYTHONHASHSEED": seed}
            done = subprocess.run([*command, "--show-unknown"], cwd=EXAMPLES.parent, env=env, capture_output=True)
            outputs.add(done.stdout)
    assert len(outputs) == 3


def test_findings_come_by_file_line_and_rule() -> None:
    report = check(MemoryTree(INCIDENT), CONFIG)
    order = [(one.place.path, one.place.line, one.rule) for one in report.findings]
    assert len(order) > 3
    assert order == sorted(order)


def test_a_stream_is_understood_as_its_files_are() -> None:
    manifests = {name: data for name, data in INCIDENT.items() if name.startswith("k8s/")}
    stream = "".join(f"---\n# Source: {name}\n{data}\n" for name, data in sorted(manifests.items()))
    of_files, of_stream = check(MemoryTree(manifests), CONFIG), check(MemoryTree({STREAM: stream}), CONFIG)
    assert of_files.findings

    def facts(report: Report) -> list[tuple[str, str]]:
        return sorted((one.rule, one.text) for one in report.findings)

    assert facts(of_stream) == facts(of_files)
    assert of_stream.coverage.hops == of_files.coverage.hops
    assert of_stream.coverage.objects == of_files.coverage.objects


# Suppressions

LINES = {
    "gunicorn.conf.py": ("keepalive = 2", f"keepalive = 2  # {IGNORE}", f"# {IGNORE}\nkeepalive = 2"),
    "k8s/ingress.yaml": (
        "    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=60",
        f"    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=60 # {IGNORE}",
        f"    # {IGNORE}\n    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=60",
    ),
}


@pytest.mark.parametrize("file", LINES)
@pytest.mark.parametrize("form", [1, 2])
def test_a_comment_at_any_place_of_a_finding_suppresses_it(file: str, form: int) -> None:
    files = broken()
    assert slugs(run_stack(files)) == [SLUG]
    changed = files[file].replace(LINES[file][0], LINES[file][form])
    assert changed != files[file]
    report = run_stack({**files, file: changed})
    assert slugs(report) == []
    assert [(one.finding.rule, one.reason, one.place.path) for one in report.suppressed] == [
        (SLUG, "robots only", file)
    ]
    assert said(report) == []


TERRAFORM = """
resource "aws_lb" "web" {
  name         = "web"
  idle_timeout = 60
}
resource "aws_lb_target_group" "web" {
  name        = "web"
  target_type = "ip"
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
"""
BOUND = """
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec: {serviceRef: {name: web, port: 80}, targetGroupName: web, targetType: ip}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          command: [gunicorn, -k, gthread, --keep-alive, "2", app:app]
          ports: [{containerPort: 8080}]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("idle_timeout = 60", f"idle_timeout = 60 # {IGNORE}"),
        ("  idle_timeout = 60", f"  // {IGNORE}\n  idle_timeout = 60"),
        ('resource "aws_lb" "web"', f'# {IGNORE}\nresource "aws_lb" "web"'),
        ("  idle_timeout = 60", f"  /* {IGNORE} */\n  idle_timeout = 60"),
    ],
)
def test_comments_of_terraform_suppress(old: str, new: str) -> None:
    only = Config(select=(SLUG,))
    files = {"main.tf": TERRAFORM, "web.yaml": BOUND}
    assert slugs(check(MemoryTree(files), only)) == [SLUG]
    report = check(MemoryTree({**files, "main.tf": TERRAFORM.replace(old, new)}), only)
    assert slugs(report) == []
    assert [one.reason for one in report.suppressed] == ["robots only"]
    assert said(report) == []


def mounted(name: str, content: str, command: str, volume: str = "/etc/server") -> dict[str, str]:
    """A server whose settings are mounted from a ConfigMap."""
    lines = "".join(f"    {line}\n" for line in content.splitlines())
    config_map = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata:\n  {name}: |\n{lines}---\n"
    web = BOUND.replace("      containers:", "      volumes: [{name: c, configMap: {name: web}}]\n      containers:")
    web = web.replace(
        "          ports:", f"          volumeMounts: [{{name: c, mountPath: {volume}}}]\n          ports:"
    )
    old = 'command: [gunicorn, -k, gthread, --keep-alive, "2", app:app]'
    return {"main.tf": TERRAFORM, "web.yaml": config_map + web.replace(old, f"command: {command}")}


@pytest.mark.parametrize(
    ("name", "content", "command"),
    [
        (
            "gunicorn.conf.py",
            "worker_class = 'gthread'\nkeepalive = 2 #",
            "[gunicorn, -c, /etc/server/gunicorn.conf.py]",
        ),
        (
            "nginx.conf",
            "http {\n server {\n  listen 8080;\n  keepalive_timeout 2s; #",
            "[nginx, -c, /etc/server/nginx.conf]",
        ),
    ],
)
def test_comments_in_mounted_files_suppress(name: str, content: str, command: str) -> None:
    only = Config(select=(SLUG,))
    rest = "\n  }\n}" if name == "nginx.conf" else ""
    report = check(MemoryTree(mounted(name, content + rest, command)), only)
    assert [(one.rule, one.place.path) for one in report.findings] == [(SLUG, "web.yaml")]
    assert report.findings[0].place.line == 5 + content.count("\n") + 1
    report = check(MemoryTree(mounted(name, f"{content} {IGNORE}{rest}", command)), only)
    assert (slugs(report), len(report.suppressed), said(report)) == ([], 1, [])


def test_places_in_mounted_files_are_those_of_the_file_in_every_format() -> None:
    files = mounted(
        "gunicorn.conf.py", "worker_class = 'gthread'\nkeepalive = 2", "[gunicorn, -c, /etc/server/gunicorn.conf.py]"
    )
    report = check(MemoryTree(files), Config(select=(SLUG,)))
    lines = files["web.yaml"].splitlines()
    (result,) = json.loads(sarif.render(report))["runs"][0]["results"]
    (fix,) = result["fixes"]
    regions = [
        result["locations"][0]["physicalLocation"]["region"],
        fix["artifactChanges"][0]["replacements"][0]["deletedRegion"],
    ]
    for region in regions:
        written = lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
        assert (region["startLine"], region["endLine"], written) == (7, 7, "2")


@pytest.mark.parametrize("where", ["metadata: {name: web}", "metadata: {labels: {app: web}}"])
def test_an_annotation_suppresses_all_of_its_object(where: str) -> None:
    mark = f"annotations: {{kubelint5xx.io/ignore: '{SLUG}', kubelint5xx.io/ignore-reason: robots only}}"
    head, deployment = BOUND.rsplit("---", 1)
    marked = deployment.replace(where, where.removesuffix("}") + f", {mark}}}")
    assert marked != deployment
    report = check(MemoryTree({"main.tf": TERRAFORM, "web.yaml": f"{head}---{marked}"}), Config(select=(SLUG,)))
    assert [(one.finding.rule, one.reason) for one in report.suppressed] == [(SLUG, "robots only")]
    assert slugs(report) == said(report) == []


def test_an_annotation_suppresses_nothing_of_other_objects_on_its_line() -> None:
    import yaml

    objects = list(yaml.safe_load_all(BOUND))
    objects.append(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "other", "annotations": {"kubelint5xx.io/ignore": SLUG}},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    report = check(MemoryTree({"main.tf": TERRAFORM, "web.json": listed}), Config(select=(SLUG,)))
    assert slugs(report) == [SLUG]
    assert said(report) == [f"web.json:1: ignore[{SLUG}] suppresses nothing"]


@pytest.mark.parametrize("file", ["gunicorn.conf.py", "k8s/service.yaml", "Dockerfile"])
def test_a_comment_that_suppresses_nothing_is_said(file: str) -> None:
    files = files_of("alb-gunicorn")
    report = run_stack({**files, file: f"# {IGNORE}\n" + files[file]})
    assert said(report) == [f"{file}:1: ignore[{SLUG}] suppresses nothing"]
    report = run_stack({**files, file: "# kubelint5xx: ignore[server-closes]\n" + files[file]})
    assert said(report) == [f"{file}:1: ignore[server-closes] names no rule"]
    report = run_stack({**files, file: "# kubelint5xx: ignore[]\n" + files[file]})
    assert said(report) == [f"{file}:1: ignore[] names no rule"]


@pytest.mark.parametrize(
    "config",
    [
        Config(ignore=(SLUG,)),
        Config(select=("drain",)),
        Config(per_path_ignore={"*.py": ("keepalive",)}),
        Config(min_severity=Severity.ERROR, severity={SLUG: Severity.INFO}),
        Config(min_confidence=Confidence.HIGH, select=("nodes",)),
    ],
)
def test_a_comment_whose_finding_is_left_out_is_in_use(config: Config) -> None:
    files = {"main.tf": TERRAFORM, "web.yaml": BOUND.replace("app:app]", f"app:app] # {IGNORE}")}
    report = check(MemoryTree(files), config)
    assert SLUG not in slugs(report)
    assert said(report) == []


def test_findings_are_left_out_by_path_severity_and_confidence() -> None:
    tree = MemoryTree({"main.tf": TERRAFORM, "web.yaml": BOUND})
    assert slugs(check(tree, Config(select=(SLUG,), per_path_ignore={"web.*": (SLUG,)}))) == []
    assert slugs(check(tree, Config(select=(SLUG,), per_path_ignore={"other/*": (SLUG,)}))) == [SLUG]
    assert slugs(check(tree, Config(select=(SLUG,), severity={SLUG: Severity.INFO}))) == [SLUG]
    quiet = Config(select=(SLUG,), severity={SLUG: Severity.INFO}, min_severity=Severity.WARNING)
    assert slugs(check(tree, quiet)) == []


# What was looked at


def totals(files: Mapping[str, str], config: Config = CONFIG) -> str:
    return text.render(check(MemoryTree(files), config), color=False, show_unknown=True).splitlines()[-1]


def test_totals_count_files_hops_and_what_was_not_analysed() -> None:
    files = {
        "main.tf": TERRAFORM,
        "web.yaml": BOUND,
        "note.yaml": "a: b",
        "broken.yaml": "kind: Service\na: [",
        "worse.yaml": "kind: Service\na: [\n---\nkind: Ingress\nb: [",
        "raw/service.yaml": "kind: Service\nmetadata:\n  {{- include x }}\n  a: [",
    }
    report = check(MemoryTree(files), CONFIG)
    coverage = report.coverage
    assert (coverage.files, coverage.objects, coverage.hops) == (2, 3, 1)
    assert (coverage.unreadable, coverage.unrendered) == (2, 1)
    assert totals(files).endswith("; 1 chart not rendered; 2 files not read in full")
    assert coverage.proved + coverage.failing + coverage.undecided == coverage.hops


def test_modules_that_a_root_calls_count_once() -> None:
    root = 'module "a" {\n  source = "./lb"\n}\nmodule "b" {\n  source = "./lb"\n}\nresource "aws_lb" "c" {}\n'
    assert check(MemoryTree({"main.tf": root, "lb/main.tf": TERRAFORM}), CONFIG).coverage.files == 2


def test_modules_that_call_each_other_are_still_analysed() -> None:
    files = {
        "a/main.tf": 'module "b" {\n  source = "../b"\n}\n' + TERRAFORM,
        "b/main.tf": 'module "a" {\n  source = "../a"\n}\n',
        "web.yaml": BOUND,
    }
    assert check(MemoryTree(files), CONFIG).coverage.files == 3


def test_a_hop_that_only_a_rule_left_out_fails_is_not_failing() -> None:
    files = broken()
    assert run_stack(files).coverage.failing == 1
    config = files["kubelint5xx.yaml"] + f"ignore: [{SLUG}]\n"
    assert run_stack({**files, "kubelint5xx.yaml": config}).coverage.failing == 0


CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "kind: Service\nreplicas: 2\n",
    "charts/web/templates/service.yaml": "kind: Service\nmetadata:\n  name: {{ .Release.Name }}\n",
    "charts/web/templates/web.yaml": "kind: Deployment\nspec: {{ toYaml .Values.spec | nindent 2 }}\n",
    "charts/web/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.0.0\n",
    "charts/web/charts/db/templates/db.yaml": "kind: Service\n{{ end }}\n",
}


def test_a_chart_is_named_once_with_the_command_that_renders_it() -> None:
    report = check(MemoryTree({**CHART, "main.tf": TERRAFORM, "web.yaml": BOUND}), CONFIG)
    (line,) = said(report, "unrendered")
    assert line.startswith("charts/web/Chart.yaml:1: ")
    assert "`helm template charts/web | kubelint5xx check -`" in line
    assert said(report, "unreadable") == []
    assert report.coverage.unrendered == 1
    assert SLUG in slugs(report)


def test_a_chart_at_the_root_leaves_what_stands_beside_it_unread_and_says_so() -> None:
    files = {path.removeprefix("charts/web/"): data for path, data in CHART.items()}
    (line,) = said(check(MemoryTree(files), CONFIG), "unrendered")
    assert "`helm template . | kubelint5xx check -`" in line


def test_braces_inside_of_a_text_are_no_template() -> None:
    noted = BOUND.replace("metadata: {name: web}", 'metadata: {name: web, annotations: {a: "{{ x }}"}}')
    report = check(MemoryTree({"main.tf": TERRAFORM, "web.yaml": noted}), Config(select=(SLUG,)))
    assert slugs(report) == [SLUG]
    assert said(report, "unrendered") == []


def test_the_same_object_twice_in_a_file_is_said_and_counted() -> None:
    twice = BOUND + "---" + BOUND.rsplit("---", 1)[1]
    report = check(MemoryTree({"main.tf": TERRAFORM, "web.yaml": twice}), CONFIG)
    (line,) = said(report, "unreadable")
    assert line.endswith("Deployment web stands in this file twice; neither is joined")
    assert report.coverage.unreadable == 1
    assert slugs(report) == []


def test_a_file_outside_of_include_is_not_read() -> None:
    files = {"k8s/web.yaml": BOUND, "infra/main.tf": TERRAFORM, "old/web.yaml": BOUND}
    assert SLUG in slugs(check(MemoryTree(files), Config(exclude=("old",))))
    assert check(MemoryTree(files), Config(include=("**/*.tf",))).coverage.objects == 0
    assert check(MemoryTree(files), Config(include=("old/**",), exclude=("**/*.yaml",))).coverage.files == 0
