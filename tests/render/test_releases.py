"""Charts are rendered as Argo CD, Flux and helmfile install them, and findings point to the values where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Chart, Config
from kubelint5xx.core.finding import Report
from tests.render.test_helm import CHART, with_values
from tests.render.trees import NAMESPACE, at, needs_helm, tree_of, written
from tests.same_verdict import same_verdict

pytestmark = needs_helm

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web
  namespace: argocd
spec:
  destination: {{server: https://kubernetes.default.svc, namespace: shop}}
  source:
    repoURL: https://git.example/shop.git
    path: charts/web
    helm:
{helm}
"""
FLUX = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: web, namespace: flux-system}}
spec:
  releaseName: web
  targetNamespace: shop
  chart:
    spec:
      chart: ./charts/web
      sourceRef: {{kind: GitRepository, name: shop}}
{more}
"""
HELMFILE = """\
releases:
  - name: web
    namespace: shop
    chart: ../charts/web
    values:
{values}
"""


def report(root: Path, config: Config | None = None) -> Report:
    return check(tree_of(root, config), config or Config())


def found(root: Path, config: Config | None = None) -> list[str]:
    return [at(finding) for finding in report(root, config).findings]


def application(*lines: str) -> dict[str, str]:
    return {**CHART, "argo/web.yaml": APPLICATION.format(helm="\n".join(f"      {line}" for line in lines))}


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("values: |", "  # 25 is all it takes", "  grace: 25"), "argo/web.yaml: grace: 25"),
        (("valuesObject:", "  replicas: 3", "  grace: 25"), "argo/web.yaml: grace: 25"),
        (("parameters:", '- {name: grace, value: "25"}'), 'argo/web.yaml: - {name: grace, value: "25"}'),
        (("values: |", "  delay: 25", "valueFiles: [values-prod.yaml]"), "charts/web/values-prod.yaml: grace: 25"),
        (("valueFiles: [/charts/web/values-prod.yaml]",), "charts/web/values-prod.yaml: grace: 25"),
    ],
)
def test_an_application_is_rendered_with_its_values(tmp_path: Path, lines: tuple[str, ...], place: str) -> None:
    files = {**application(*lines), "charts/web/values-prod.yaml": "grace: 25\n"}
    assert found(written(tmp_path, files)) == [f"grace-too-short {place}"]


def test_all_ways_to_install_are_judged_the_same(tmp_path: Path) -> None:
    plain = with_values(grace="25")
    config = Config(charts=(Chart("charts/web", namespace="shop"),))
    known = tree_of(written(tmp_path / "plain", plain), config)
    more = "  values:\n    grace: 25\n"
    ways = {
        "argo": application("valuesObject: {grace: 25}"),
        "flux": {**CHART, "flux/web.yaml": FLUX.format(more=more)},
        "helmfile": {**CHART, "deploy/helmfile.yaml": HELMFILE.format(values="      - grace: 25")},
    }
    for name, files in ways.items():
        tree = tree_of(written(tmp_path / name, files))
        assert getattr(tree, "problems", None) == ()
        same_verdict(tree, known)


def test_a_finding_points_into_a_helm_release_and_a_helmfile(tmp_path: Path) -> None:
    flux = {**CHART, "flux/web.yaml": FLUX.format(more="  values:\n    delay: 3\n")}
    assert found(written(tmp_path / "flux", flux)) == ["no-drain-delay flux/web.yaml: delay: 3"]
    helmfile = {**CHART, "deploy/helmfile.yaml": HELMFILE.format(values="      - prod.yaml\n      - delay: 3")}
    files = {**helmfile, "deploy/prod.yaml": "grace: 21\n"}
    assert sorted(found(written(tmp_path / "helmfile", files))) == [
        "grace-too-short deploy/prod.yaml: grace: 21",
        "no-drain-delay deploy/helmfile.yaml: - delay: 3",
    ]


def test_each_release_has_its_verdict_and_the_configuration_wins(tmp_path: Path) -> None:
    second = APPLICATION.format(helm="      releaseName: other\n      valuesObject: {grace: 60}")
    files = application("valuesObject: {grace: 25}")
    root = written(tmp_path, {**files, "argo/web.yaml": f"{files['argo/web.yaml']}---\n{second}"})
    tree = tree_of(root)
    assert [path for path in tree.paths() if "<" in path] == [
        "charts/web/<rendered (2)>.yaml",
        "charts/web/<rendered>.yaml",
    ]
    (finding,) = check(tree, Config()).findings
    assert at(finding) == "grace-too-short argo/web.yaml: valuesObject: {grace: 25}"
    assert found(root, Config(charts=(Chart("charts/web", namespace="shop"),))) == []


def test_a_comment_beside_the_inline_value_suppresses(tmp_path: Path) -> None:
    mark = "# kubelint5xx: ignore[grace-too-short] measured"
    seen = report(written(tmp_path, application("valuesObject:", f"  grace: 25  {mark}")))
    assert (len(seen.findings), len(seen.suppressed), seen.problems) == (0, 1, ())


@pytest.mark.parametrize(
    ("path", "content", "line", "said"),
    [
        (
            "a.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n"
            "  source: {repoURL: https://charts.example, chart: web}\n",
            4,
            "a chart of https://charts.example, not analysed",
        ),
        (
            "a.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\n",
            3,
            "an ApplicationSet, not analysed",
        ),
        (
            "a.yaml",
            FLUX.format(more="").replace("GitRepository", "HelmRepository"),
            9,
            "a chart of a repository of charts, not analysed",
        ),
        ("a.yaml", FLUX.format(more="  valuesFrom: [{kind: Secret}]"), 11, "values of a ConfigMap or Secret"),
        ("helmfile.yaml", "releases:\n  - chart: bitnami/redis\n", 2, "bitnami/redis, which is no chart here"),
        ("helmfile.yaml", "releases:\n{{ range . }}\n", 1, "a helmfile with templates in it, not analysed"),
        ("helmfile.yaml", "releases: [{chart: ./charts/web, values: [a.yaml.gotmpl]}]\n", 1, "values in a template"),
        ("helmfile.yaml", "releases: [{chart: ./charts/web, values: [../../a]}]\n", 1, "../../a, which is no file"),
    ],
)
def test_what_is_not_analysed_is_named(tmp_path: Path, path: str, content: str, line: int, said: str) -> None:
    root = written(tmp_path, {**CHART, "namespace.yaml": NAMESPACE, path: content})
    (problem,) = report(root).problems
    assert (problem.path, problem.line, problem.kind) == (path, line, "unrendered") and said in problem.message
    # The chart itself is still judged, with its own values.
    assert "charts/web/<rendered>.yaml" in tree_of(root).paths()
