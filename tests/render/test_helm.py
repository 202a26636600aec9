"""Charts are rendered by the real tool, and findings point to the values or the template that set the value."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Chart, Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.source import Source
from kubelint5xx.render.rendering import RenderedTree
from tests.render.trees import BUDGET, DEPLOYMENT, INGRESS, NAMESPACE, SERVICE, at, needs_helm, tree_of, written
from tests.same_verdict import same_verdict

pytestmark = needs_helm

VALUES = """\
replicas: 2
grace: 60
delay: 20
gunicorn:
  keepAlive: 75
  # The same number, of another thing.
  graceful: 20
"""
LABELS = '{{- include "web.labels" . | nindent 4 }}'
TEMPLATE = (
    DEPLOYMENT.replace("name: web\nspec:", f"name: {{{{ .Release.Name }}}}\n  labels: {LABELS}\nspec:", 1)
    .replace("replicas: 2", "replicas: {{ .Values.replicas }}")
    .replace("Seconds: 60", "Seconds: {{ .Values.grace }}")
    .replace('"75"', "{{ .Values.gunicorn.keepAlive | quote }}")
    .replace('"20"', "{{ .Values.gunicorn.graceful | quote }}")
    .replace("seconds: 20", "seconds: {{ .Values.delay }}")
)
CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": VALUES,
    "charts/web/templates/_labels.tpl": '{{- define "web.labels" -}}\napp.kubernetes.io/name: web\n{{- end }}\n',
    "charts/web/templates/deployment.yaml": TEMPLATE,
    "charts/web/templates/service.yaml": SERVICE,
    "charts/web/templates/ingress.yaml": INGRESS,
    "charts/web/templates/budget.yaml": BUDGET,
    "namespace.yaml": NAMESPACE,
}


def report(root: Path, config: Config | None = None) -> Report:
    return check(tree_of(root, config), config or Config())


def found(root: Path, config: Config | None = None) -> list[str]:
    return [at(finding) for finding in report(root, config).findings]


def with_values(**changes: str) -> dict[str, str]:
    values = VALUES
    for key, value in changes.items():
        before = next(line for line in VALUES.splitlines() if line.strip().startswith(f"{key}:"))
        values = values.replace(before, f"{before.partition(':')[0]}: {value}")
    return {**CHART, "charts/web/values.yaml": values}


def test_a_chart_is_judged_as_what_it_renders(tmp_path: Path) -> None:
    config = Config(charts=(Chart("charts/web", namespace="shop"),))
    tree = tree_of(written(tmp_path, CHART), config)
    assert isinstance(tree, RenderedTree) and tree.problems == ()
    rendered = tree.read("charts/web/<rendered>.yaml").decode()
    plain = rendered.replace("metadata:\n  name: web\n", "metadata:\n  namespace: shop\n  name: web\n")
    same_verdict(tree, {"all.yaml": plain, "namespace.yaml": NAMESPACE}, config)
    assert found(tmp_path, config) == []


def test_a_finding_points_to_the_value_that_sets_it(tmp_path: Path) -> None:
    """20 stands in the values twice, and only one of them moves the sleep."""
    assert found(written(tmp_path, with_values(delay="3"))) == ["no-drain-delay charts/web/values.yaml: delay: 3"]


def test_a_finding_points_to_the_values_file_that_overrides(tmp_path: Path) -> None:
    files = {**CHART, "charts/web/values-production.yaml": "grace: 25\n"}
    root = written(tmp_path, files)
    assert found(root) == []
    config = Config(charts=(Chart("charts/web", ("charts/web/values-production.yaml",)),))
    assert found(root, config) == ["grace-too-short charts/web/values-production.yaml: grace: 25"]
    config = Config(helm_values=("charts/web/values-production.yaml",))
    assert found(root, config) == ["grace-too-short charts/web/values-production.yaml: grace: 25"]


def test_a_finding_points_to_the_template_that_writes_it_out(tmp_path: Path) -> None:
    """The values have a delay that no template reads any more."""
    template = TEMPLATE.replace("seconds: {{ .Values.delay }}", "seconds: 3")
    root = written(tmp_path, {**CHART, "charts/web/templates/deployment.yaml": template})
    assert found(root) == ["no-drain-delay charts/web/templates/deployment.yaml: seconds: 3"]


def test_a_value_that_is_computed_is_found_too(tmp_path: Path) -> None:
    template = TEMPLATE.replace("{{ .Values.delay }}", "{{ div .Values.delay 10 }}")
    root = written(tmp_path, {**CHART, "charts/web/templates/deployment.yaml": template})
    (finding,) = report(root).findings
    assert finding.rule == "no-drain-delay"
    assert finding.place.path in ("charts/web/values.yaml", "charts/web/templates/deployment.yaml")


def test_a_comment_in_values_or_template_suppresses(tmp_path: Path) -> None:
    mark = "# kubelint5xx: ignore[no-drain-delay] measured"
    seen = report(written(tmp_path / "a", with_values(delay=f"3  {mark}")))
    assert (len(seen.findings), len(seen.suppressed), seen.problems) == (0, 1, ())
    template = TEMPLATE.replace("seconds: {{ .Values.delay }}", f"seconds: 3  {mark}")
    seen = report(written(tmp_path / "b", {**CHART, "charts/web/templates/deployment.yaml": template}))
    assert (len(seen.findings), len(seen.suppressed), seen.problems) == (0, 1, ())


def test_sets_release_and_kube_version_reach_the_tool(tmp_path: Path) -> None:
    config = load_config(
        Source(
            "kubelint5xx.yaml",
            "helm: [{chart: charts/web, release: shop, set: {delay: 3, gunicorn.keepAlive: 70}}]\n"
            "cluster: {kubernetes_version: '1.31'}\n",
        )
    )
    version = "kind: ConfigMap\napiVersion: v1\ndata: {v: '{{ .Capabilities.KubeVersion }}'}\n"
    tree = tree_of(written(tmp_path, {**CHART, "charts/web/templates/version.yaml": version}), config)
    text = tree.read("charts/web/<rendered>.yaml").decode()
    assert "v1.31" in text and "name: shop" in text and 'keep-alive, "70"' in text
    assert [finding.rule for finding in check(tree, config).findings] == ["no-drain-delay"]


def test_a_chart_that_does_not_render_is_one_line_and_the_rest_is_read(tmp_path: Path) -> None:
    files = {**CHART, "charts/web/templates/bad.yaml": "{{ required \"need a\\nname\" .Values.name }}"}
    seen = report(written(tmp_path, {**files, "k8s/all.yaml": "---\n".join([DEPLOYMENT, SERVICE, INGRESS])}))
    (problem,) = seen.problems
    assert problem.kind == "unrendered" and problem.path == "charts/web/Chart.yaml"
    assert "does not render: " in problem.message and "\n" not in problem.message
    assert seen.coverage.hops == 1 and seen.coverage.unrendered == 1


def test_dependencies_that_are_not_vendored_are_named_with_the_command(tmp_path: Path) -> None:
    needs = "dependencies: [{name: redis, version: 1.0.0, repository: 'https://example.com'}]\n"
    chart = CHART["charts/web/Chart.yaml"] + needs
    (problem,) = report(written(tmp_path, {**CHART, "charts/web/Chart.yaml": chart})).problems
    assert "redis" in problem.message and "`helm dependency build charts/web`" in problem.message


def test_a_dependency_that_is_vendored_is_rendered_with_its_values(tmp_path: Path) -> None:
    sub = {path.replace("charts/web/", "charts/shop/charts/web/"): text for path, text in CHART.items()}
    chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: web, version: 1.0.0}]\n"
    files = {
        **sub,
        "charts/shop/Chart.yaml": chart,
        "charts/shop/values.yaml": "web:\n  grace: 25\n",
        "charts/shop/templates/note.yaml": "",
    }
    assert found(written(tmp_path, files)) == ["grace-too-short charts/shop/values.yaml: grace: 25"]


def test_without_helm_each_chart_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    config = Config(charts=(Chart("charts/web", ("charts/web/values-prod.yaml",), release="shop"),))
    (problem,) = report(written(tmp_path, CHART), config).problems
    command = "helm template shop charts/web --values charts/web/values-prod.yaml | kubelint5xx check -"
    assert f"run `{command}`" in problem.message


def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("secret: 1\n", encoding="utf-8")
    root = written(tmp_path / "repo", CHART)
    os.symlink(tmp_path / "outside.yaml", root / "charts/web/secret.yaml")
    (problem,) = report(root).problems
    assert "charts/web/secret.yaml is a symbolic link that leads out of the tree" in problem.message


def test_each_environment_has_its_verdict(tmp_path: Path) -> None:
    config = """\
environments:
  production:
    helm: [{chart: charts/web, values: [charts/web/values-production.yaml]}]
  staging:
    helm: [{chart: charts/web}]
  test:
    helm: [{chart: charts/web, values: [charts/web/values-production.yaml]}]
"""
    files = {**CHART, "charts/web/values-production.yaml": "grace: 25\n", "kubelint5xx.yaml": config}
    root = written(tmp_path, files)
    command = [sys.executable, "-m", "kubelint5xx", "check", "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("grace-too-short") == 1 and "in production, test" in done.stdout
    done = subprocess.run([*command, "--env", "staging"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*command, "--env", "produktion"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no environment 'produktion'; did you mean 'production'?" in done.stderr


def test_render_never_and_always(tmp_path: Path) -> None:
    root = written(tmp_path, {**CHART, "charts/web/templates/bad.yaml": "{{ fail \"no\" }}"})
    command = [sys.executable, "-m", "kubelint5xx", "check", "."]
    never = subprocess.run([*command, "--render", "never"], cwd=root, capture_output=True, text=True, check=False)
    assert never.returncode == 0 and "1 chart not rendered" in never.stdout
    always = subprocess.run([*command, "--render", "always"], cwd=root, capture_output=True, text=True, check=False)
    assert always.returncode == 2 and "does not render" in always.stderr


def test_text_in_a_config_map_is_followed_to_its_template(tmp_path: Path) -> None:
    conf = "keepalive = {{ .Values.gunicorn.keepAlive }}\ngraceful_timeout = 20\nworker_class = 'gthread'\n"
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  gunicorn.conf.py: |\n"
    command = next(line.strip() for line in TEMPLATE.splitlines() if "command:" in line)
    mounts = "volumeMounts: [{name: settings, mountPath: /etc/gunicorn}]"
    volumes = "volumes: [{name: settings, configMap: {name: settings}}]"
    template = TEMPLATE.replace(
        command, f"command: [gunicorn, -c, /etc/gunicorn/gunicorn.conf.py, app:app]\n          {mounts}"
    ).replace("      containers:", f"      {volumes}\n      containers:")
    files = {
        **with_values(keepAlive="5"),
        "charts/web/templates/deployment.yaml": template,
        "charts/web/templates/settings.yaml": settings + indent(conf, "    "),
    }
    assert found(written(tmp_path, files)) == ["server-closes-first charts/web/values.yaml: keepAlive: 5"]


def test_a_dependency_that_is_vendored_as_an_archive_is_rendered_with_its_values(tmp_path: Path) -> None:
    chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: web, version: 1.0.0}]\n"
    root = written(
        tmp_path / "repo",
        {"Chart.yaml": chart, "values.yaml": "web:\n  grace: 25\n", "templates/namespace.yaml": NAMESPACE},
    )
    written(tmp_path, CHART)
    subprocess.run(
        ["helm", "package", str(tmp_path / "charts/web"), "--destination", str(root / "charts")], check=True
    )
    assert (root / "charts/web-1.0.0.tgz").is_file()
    assert found(root) == ["grace-too-short values.yaml: grace: 25"]
    # What only the archive says stands there, and nowhere that a person could change here.
    written(root, {"values.yaml": "web:\n  delay: 3\n  grace: 60\n"})
    assert found(root) == ["no-drain-delay values.yaml: delay: 3"]
