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
        # That of the whole file is for other helmfiles.
        (
            "helmfile.yaml",
            "missingFileHandler: Warn\nreleases: [{chart: ./charts/web, values: [a]}]\n",
            2,
            "values in a, which is no file",
        ),
        ("helmfile.yaml", "releases: [{chart: ./charts/web, condition: web.on}]\n", 1, "with condition, not analysed"),
        ("helmfile.yaml", "releases: [{chart: ./charts/web, postRenderer: x}]\n", 1, "with postRenderer, not analysed"),
        (
            "helmfile.yaml",
            "helmDefaults: {postRenderer: x}\nreleases: [{chart: ./charts/web}]\n",
            1,
            "with postRenderer, not analysed",
        ),
    ],
)
def test_what_is_not_analysed_is_named(tmp_path: Path, path: str, content: str, line: int, said: str) -> None:
    root = written(tmp_path, {**CHART, "namespace.yaml": NAMESPACE, path: content})
    (problem,) = report(root).problems
    assert (problem.path, problem.line, problem.kind) == (path, line, "unrendered") and said in problem.message
    # The chart itself is still judged, with its own values.
    assert "charts/web/<rendered>.yaml" in tree_of(root).paths()


def test_what_an_application_names_is_read_as_argo_does(tmp_path: Path) -> None:
    lines = (
        "ignoreMissingValueFiles: true",
        "valueFiles: [absent.yaml, 'env/*.yaml', env/a.yaml]",
        "values: 'delay: 1'",
        "valuesObject: {replicas: 3}",
    )
    more = {"charts/web/env/a.yaml": "grace: 25\n", "charts/web/env/b.yaml": "grace: 70\n"}
    # The file that is named by itself comes where it is named, and what valuesObject stands beside is ignored.
    assert found(written(tmp_path, {**application(*lines), **more})) == [
        "grace-too-short charts/web/env/a.yaml: grace: 25"
    ]


def test_a_pattern_of_an_application_takes_a_directorys_own_files_first(tmp_path: Path) -> None:
    more = {"charts/web/env/z.yaml": "grace: 70\n", "charts/web/env/a/deep.yaml": "grace: 25\n"}
    assert found(written(tmp_path, {**application("valueFiles: ['env/**/*.yaml']"), **more})) == [
        "grace-too-short charts/web/env/a/deep.yaml: grace: 25"
    ]


def test_file_parameters_are_texts_of_files(tmp_path: Path) -> None:
    lines = ("fileParameters: [{name: gunicorn.keepAlive, path: idle.txt}]",)
    (finding,) = report(written(tmp_path, {**application(*lines), "charts/web/idle.txt": "9"})).findings
    assert finding.rule == "server-closes-first" and "9 s" in {cited.text for cited in finding.evidence}


def test_a_comma_in_a_parameter_is_a_part_of_it(tmp_path: Path) -> None:
    template = CHART["charts/web/templates/service.yaml"] + "---\n# {{ .Values.more }}\n"
    lines = ('parameters: [{name: more, value: "a,grace=5"}]',)
    files = {**application(*lines), "charts/web/templates/service.yaml": template}
    assert found(written(tmp_path, files)) == [] and not report(tmp_path).problems


def test_a_source_that_is_not_here_leaves_the_others(tmp_path: Path) -> None:
    spec = APPLICATION.format(helm="      valuesObject: {grace: 25}")
    remote = "  sources:\n    - {repoURL: https://charts.example, chart: redis, targetRevision: 1.0.0}\n    - "
    spec = spec.replace("  source:\n    repoURL", f"{remote}repoURL").replace("\n    path", "\n      path")
    spec = spec.replace("\n    helm:\n      v", "\n      helm:\n        v")
    root = written(tmp_path, {**CHART, "argo/web.yaml": spec})
    assert [at(one) for one in report(root).findings] == ["grace-too-short argo/web.yaml: valuesObject: {grace: 25}"]
    assert ["https://charts.example" in one.message for one in report(root).problems] == [True]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("    missingFileHandler: Warn\n    values: [absent.yaml, {grace: 25}]\n", "{grace: 25}]"),
        ("    setString: [{name: grace, value: '25'}]\n", "'25'}]"),
    ],
)
def test_a_helmfile_is_read_as_helmfile_does(tmp_path: Path, more: str, place: str) -> None:
    text = HELMFILE.format(values="").replace("    values:\n\n", more)
    (line,) = found(written(tmp_path, {**CHART, "deploy/helmfile.yaml": text}))
    assert line.startswith("grace-too-short deploy/helmfile.yaml") and line.endswith(place)


def test_values_of_flux_may_stand_in_a_config_map_of_the_same_file(tmp_path: Path) -> None:
    data = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: flux-system}\ndata:\n"
    text = FLUX.format(more="  valuesFrom: [{kind: ConfigMap, name: more}]\n") + data
    text += "  values.yaml: |\n    grace: 25\n"
    assert found(written(tmp_path, {**CHART, "flux/web.yaml": text})) == ["grace-too-short flux/web.yaml: grace: 25"]


def test_a_chart_beside_a_kustomization_is_a_release_of_it(tmp_path: Path) -> None:
    overlay = (
        "namespace: shop\nhelmGlobals: {chartHome: ../charts}\n"
        "helmCharts: [{name: web, releaseName: web, valuesInline: {grace: 25}}]\n"
    )
    root = written(tmp_path, {**CHART, "overlay/kustomization.yaml": overlay})
    assert report(root).problems == ()
    (line,) = found(root)
    assert line.startswith("grace-too-short overlay/kustomization.yaml: helmCharts:")


def test_always_fails_only_for_what_is_in_the_tree(tmp_path: Path) -> None:
    remote = APPLICATION.format(helm="      {}").replace("path: charts/web", "chart: redis")
    named = tree_of(written(tmp_path / "named", {**CHART, "argo/redis.yaml": remote}))
    assert getattr(named, "problems", ()) and not getattr(named, "failed", ())
    broken = {**CHART, "charts/web/templates/deployment.yaml": "{{ fail }}"}
    assert getattr(tree_of(written(tmp_path / "broken", broken)), "failed", ())
