"""A chart of the tree that Terraform installs is rendered with what Terraform gives it, as far as that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Chart, Config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.render.release import Inline, Release
from kubelint5xx.render.terraform import releases_of
from tests.render.test_helm import CHART, TEMPLATE, with_values
from tests.render.trees import at, needs_helm, tree_of, written
from tests.same_verdict import same_verdict

pytestmark = needs_helm

RELEASE = """\
variable "grace" {{ default = 25 }}
variable "team" {{}}

resource "helm_release" "web" {{
  name      = "web"
  namespace = "shop"
  chart     = "${{path.module}}/../charts/web"
{body}
}}
"""


def files(body: str, **more: str) -> dict[str, str]:
    return {**CHART, "infra/main.tf": RELEASE.format(body=body), **more}


def report(root: Path) -> Report:
    return check(tree_of(root), Config())


def found(root: Path) -> list[str]:
    return sorted(at(finding) for finding in report(root).findings)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("  values = [yamlencode({ grace = 25 })]", "infra/main.tf: values = [yamlencode({ grace = 25 })]"),
        ("  values = [yamlencode({ grace = var.grace })]", 'infra/main.tf: variable "grace" { default = 25 }'),
        ("  values = [<<-EOT\n    delay: 20\n    grace: 25\n  EOT\n  ]", "infra/main.tf: grace: 25"),
        ('  values = [file("${path.module}/web.yaml")]', "infra/web.yaml: grace: 25"),
        ('  values = [templatefile("${path.module}/t.yaml", { delay = 20 })]', "infra/t.yaml: grace: 25"),
        ('  set {\n    name = "grace"\n    value = "25"\n  }', 'infra/main.tf: value = "25"'),
        ('  set = [{ name = "grace", value = 25 }]', 'infra/main.tf: set = [{ name = "grace", value = 25 }]'),
    ],
)
def test_a_release_is_rendered_with_its_values(tmp_path: Path, body: str, place: str) -> None:
    more = {"infra/web.yaml": "grace: 25\n", "infra/t.yaml": "delay: ${delay}\ngrace: 25\n"}
    known = Config(charts=(Chart("charts/web", namespace="shop"),))
    root = written(tmp_path / "terraform", {**files(body), **more})
    same_verdict(tree_of(root), tree_of(written(tmp_path / "plain", with_values(grace="25")), known))
    assert found(root) == [f"grace-too-short {place}"]


def test_what_is_not_known_is_no_finding_and_the_rest_is(tmp_path: Path) -> None:
    body = "  values = [yamlencode({ grace = var.team, delay = 3 })]"
    seen = report(written(tmp_path, files(body)))
    assert [at(one) for one in seen.findings] == ["no-drain-delay infra/main.tf: " + body.strip()]
    assert not seen.problems
    assert any("var.team" in one.reason or "team has no value" in one.reason for one in seen.unknowns)


def test_a_secret_is_not_known_and_not_shown(tmp_path: Path) -> None:
    body = '  set_sensitive = [{ name = "grace", value = "25" }]'
    assert found(written(tmp_path, files(body))) == []


def test_an_object_that_hangs_on_what_is_not_known_is_left_out_and_named(tmp_path: Path) -> None:
    template = "{{- if .Values.on }}\n" + TEMPLATE + "{{- end }}\n"
    tree = files("  values = [yamlencode({ on = var.team })]")
    seen = report(written(tmp_path, {**tree, "charts/web/templates/deployment.yaml": template}))
    assert [one.message.partition(":")[0] for one in seen.problems] == ["Deployment web of charts/web is left out"]
    assert not seen.findings


def test_what_a_template_compares_with_is_not_found_out_by_trying(tmp_path: Path) -> None:
    delay = '{{ if eq .Values.tier "gold" }}20{{ else }}3{{ end }}'
    template = TEMPLATE.replace("{{ .Values.delay }}", delay)
    tree = {**files("  values = [yamlencode({ tier = var.team })]"), "charts/web/templates/deployment.yaml": template}
    seen = report(written(tmp_path, tree))
    assert not seen.findings
    assert "Deployment web of charts/web is left out" in seen.problems[0].message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("  values = [var.team]", "its values are not known"),
        ("  count = var.team", "how many there are is not known"),
        ('  dynamic "set" {\n  for_each = var.team\n  content {\n    name = "a"\n  }\n  }', "values are not known"),
    ],
)
def test_a_release_that_is_not_known_is_named(tmp_path: Path, body: str, said: str) -> None:
    root = written(tmp_path, files(body))
    (problem,) = report(root).problems
    assert said in problem.message and (problem.path, problem.kind) == ("infra/main.tf", "unrendered")
    assert getattr(tree_of(root), "failed", ()) == ()


def test_only_the_root_of_a_release_is_evaluated_again_and_none_for_a_template() -> None:
    body = "  values = [yamlencode({ grace = 25 })]"
    other = RELEASE.format(body="  values = [yamlencode({ grace = 70 })]")
    tree = MemoryTree({**files(body), "other/main.tf": other})
    mine, _ = releases_of(tree, Config(), {"charts/web"})[0]
    assert mine.again is not None and mine.path == "infra/main.tf"
    changed = mine.again({"infra/main.tf": RELEASE.format(body=body.replace("25", "26"))})
    assert changed is not None and plain_values(changed) == '{"grace": 26}'
    assert mine.again({"infra/main.tf": ""}) is None

    # A template tells nothing of a release, so that nothing is read at all.
    def gone(path: str) -> bytes:
        raise AssertionError(path)

    tree.read = gone  # type: ignore[method-assign]
    same = mine.again({"charts/web/templates/all.yaml": ""})
    assert same is not None and plain_values(same) == '{"grace": 25}'


def plain_values(release: Release) -> str:
    (given,) = release.values
    assert isinstance(given, Inline)
    return given.text
