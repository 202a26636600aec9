"""Overlays are built by the real tool, and findings point to the file where the value is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.finding import Report
from kubelint5xx.render.rendering import RenderedTree
from tests.render.trees import BASE, DEPLOYMENT, at, needs_kustomize, tree_of, written
from tests.same_verdict import same_verdict

OVERLAY = """\
resources: [../../base]
namespace: shop
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 20
"""


def report(root: Path, config: Config | None = None) -> Report:
    return check(tree_of(root, config), config or Config())


def found(root: Path, config: Config | None = None) -> list[str]:
    return [at(finding) for finding in report(root, config).findings]


@needs_kustomize
def test_an_overlay_is_judged_as_what_it_builds(tmp_path: Path) -> None:
    """The base has no namespace, so that its pods' namespace is only known in the overlay."""
    root = written(tmp_path, {**BASE, "overlays/prod/kustomization.yaml": OVERLAY})
    tree = tree_of(root)
    assert isinstance(tree, RenderedTree) and tree.problems == ()
    assert "base/deployment.yaml" not in list(tree.paths())
    built = tree.read("overlays/prod/<built>.yaml").decode()
    same_verdict(tree, {"all.yaml": built, "namespace.yaml": BASE["namespace.yaml"]})
    assert found(root) == []


@needs_kustomize
def test_a_finding_points_to_the_patch_that_sets_the_value(tmp_path: Path) -> None:
    overlay = OVERLAY + "patches: [{path: grace.yaml}]\n"
    files = {**BASE, "overlays/prod/kustomization.yaml": overlay, "overlays/prod/grace.yaml": PATCH}
    root = written(tmp_path, files)
    assert found(root) == ["grace-too-short overlays/prod/grace.yaml: terminationGracePeriodSeconds: 20"]


@needs_kustomize
def test_a_finding_points_to_an_inline_patch(tmp_path: Path) -> None:
    overlay = OVERLAY + "patches:\n  - patch: |\n" + "".join(f"      {line}\n" for line in PATCH.splitlines())
    root = written(tmp_path, {**BASE, "overlays/prod/kustomization.yaml": overlay})
    (finding,) = report(root).findings
    assert finding.rule == "grace-too-short"
    assert finding.place.path == "overlays/prod/kustomization.yaml"


@needs_kustomize
def test_a_finding_points_to_the_base_that_sets_the_value(tmp_path: Path) -> None:
    """20 stands in the base three times; only one of them is the sleep."""
    base = DEPLOYMENT.replace("seconds: 20", "seconds: 3").replace("replicas: 2", "replicas: 3")
    files = {**BASE, "base/deployment.yaml": base, "overlays/prod/kustomization.yaml": OVERLAY}
    assert found(written(tmp_path, files)) == ["no-drain-delay base/deployment.yaml: seconds: 3"]


@needs_kustomize
def test_a_fault_in_the_base_of_two_overlays_is_one_finding(tmp_path: Path) -> None:
    base = DEPLOYMENT.replace("seconds: 20", "seconds: 3")
    overlays = {f"overlays/{name}/kustomization.yaml": OVERLAY for name in ("blue", "green")}
    (finding,) = report(written(tmp_path, {**BASE, "base/deployment.yaml": base, **overlays})).findings
    assert at(finding) == "no-drain-delay base/deployment.yaml: seconds: 3" and finding.also == 1


@needs_kustomize
def test_a_comment_in_the_base_suppresses(tmp_path: Path) -> None:
    base = DEPLOYMENT.replace("seconds: 20", "seconds: 3  # kubelint5xx: ignore[no-drain-delay] measured")
    files = {**BASE, "base/deployment.yaml": base, "overlays/prod/kustomization.yaml": OVERLAY}
    seen = report(written(tmp_path, files))
    assert (len(seen.findings), len(seen.suppressed), seen.problems) == (0, 1, ())


@needs_kustomize
def test_what_is_built_of_generators_and_components_is_read(tmp_path: Path) -> None:
    overlay = OVERLAY + (
        "components: [../../slow]\n"
        "configMapGenerator: [{name: settings, files: [gunicorn.conf.py]}]\n"
        "images: [{name: registry.example/shop/web, newTag: '1.3'}]\n"
    )
    component = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
        "  - target: {kind: Deployment}\n"
        '    patch: \'[{"op": "replace", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 35}]\'\n'
    )
    files = {
        **BASE,
        "overlays/prod/kustomization.yaml": overlay,
        "overlays/prod/gunicorn.conf.py": "keepalive = 2\n",
        "slow/kustomization.yaml": component,
    }
    (finding,) = report(written(tmp_path, files)).findings
    assert finding.rule == "grace-too-short" and finding.place.path == "slow/kustomization.yaml"


@needs_kustomize
def test_a_plain_list_of_resources_is_not_built(tmp_path: Path) -> None:
    root = written(tmp_path, {**BASE, "all/kustomization.yaml": "resources: [../base]\n"})
    assert not isinstance(tree_of(root), RenderedTree)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("resources: ['https://example.com/base?ref=v1']", "https://example.com/base?ref=v1 is no file"),
        ("resources: ['github.com/example/base']", "github.com/example/base is no file"),
        ("components: ['git@example.com:base.git']", "git@example.com:base.git is no file"),
        ("resources: [../../missing]", "../../missing is no file"),
        ("patches: [{path: 'https://example.com/patch.yaml'}]", "https://example.com/patch.yaml is no file"),
        ("helmCharts: [{name: redis}]\nnamePrefix: a-", "charts would be fetched"),
        ("transformers: [https://example.com/t.yaml]", "https://example.com/t.yaml is no file"),
        ("configMapGenerator: [{name: a, files: [x=https://example.com/c]}]", "https://example.com/c is no file"),
        ("openapi: {path: 'https://example.com/openapi.json'}", "https://example.com/openapi.json is no file"),
        ("resources: [../../../../../../etc/hostname]", "etc/hostname is no file"),
    ],
)
def test_what_would_be_fetched_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, said: str
) -> None:
    def never(command: object, cwd: object) -> object:
        raise AssertionError(f"{command} was run")

    monkeypatch.setattr("kubelint5xx.render.kustomize.run_tool", never)
    root = written(tmp_path, {"overlays/prod/kustomization.yaml": f"namespace: shop\n{entry}\n"})
    (problem,) = report(root).problems
    assert (problem.path, problem.line, problem.kind) == ("overlays/prod/kustomization.yaml", 2, "unrendered")
    assert said in problem.message and "not built" in problem.message


@needs_kustomize
def test_an_overlay_that_does_not_build_is_one_line_and_the_rest_is_read(tmp_path: Path) -> None:
    overlay = OVERLAY + "patches: [{path: grace.yaml}]\n"
    patch = PATCH.replace("name: web", "name: wbe")
    base = DEPLOYMENT.replace("seconds: 20", "seconds: 3")
    files = {**BASE, "overlays/prod/kustomization.yaml": overlay, "overlays/prod/grace.yaml": patch}
    seen = report(written(tmp_path, {**files, "base/deployment.yaml": base}))
    (problem,) = (one for one in seen.problems if one.kind == "unrendered")
    assert problem.path == "overlays/prod/kustomization.yaml" and "does not build: " in problem.message
    assert "\n" not in problem.message and str(tmp_path) not in problem.message and "E1" not in problem.message
    # What the overlay would have changed is not known, so that nothing is said for certain.
    assert all(finding.confidence < 3 for finding in seen.findings)
    assert seen.coverage.unrendered == 1


def test_without_a_tool_the_overlay_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    root = written(tmp_path, {**BASE, "overlays/prod/kustomization.yaml": OVERLAY})
    (problem,) = (one for one in report(root).problems if one.kind == "unrendered")
    assert "run `kubectl kustomize overlays/prod | kubelint5xx check -`" in problem.message


@needs_kustomize
def test_only_the_overlays_that_are_named_are_built(tmp_path: Path) -> None:
    broken = OVERLAY + "patches: [{path: grace.yaml}]\n"
    files = {
        **BASE,
        "overlays/prod/kustomization.yaml": OVERLAY,
        "overlays/test/kustomization.yaml": broken,
        "overlays/test/grace.yaml": PATCH,
    }
    root = written(tmp_path, files)
    assert found(root, Config(overlays=("overlays/prod",), exclude=("overlays/test/*",))) == []
    assert [line.split()[0] for line in found(root, Config(overlays=("overlays/test",)))] == ["grace-too-short"]
