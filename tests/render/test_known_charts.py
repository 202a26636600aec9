"""However a known chart is installed, it is judged as the manifests that it makes, each finding where its value is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.check import check, understand
from kubelint5xx.config import Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.report.json import render as render_json
from kubelint5xx.report.text import render as render_text
from tests.render.trees import DEPLOYMENT, SERVICE, at, tree_of, written
from tests.same_verdict import same_verdict

APP = {
    "k8s/deployment.yaml": DEPLOYMENT,
    "k8s/service.yaml": SERVICE,
    "k8s/ingress.yaml": """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  ingressClassName: nginx
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}}
""",
}
PLAIN = """\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx-controller, namespace: ingress}
data:
  keep-alive: "10"
  upstream-keepalive-timeout: "600"
---
apiVersion: v1
kind: Service
metadata:
  name: ingress-nginx-controller
  namespace: ingress
  annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: &labels
    app.kubernetes.io/name: ingress-nginx
    app.kubernetes.io/instance: ingress-nginx
    app.kubernetes.io/component: controller
  ports:
    - {name: http, port: 80, protocol: TCP, targetPort: http, appProtocol: http}
    - {name: https, port: 443, protocol: TCP, targetPort: https, appProtocol: https}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx-controller, namespace: ingress}
spec:
  replicas: 2
  minReadySeconds: 0
  selector: &selector
    matchLabels:
      app.kubernetes.io/name: ingress-nginx
      app.kubernetes.io/instance: ingress-nginx
      app.kubernetes.io/component: controller
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ingress-nginx
        app.kubernetes.io/instance: ingress-nginx
        app.kubernetes.io/component: controller
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: controller
          image: registry.k8s.io/ingress-nginx/controller
          args:
            - /nginx-ingress-controller
            - --configmap=$(POD_NAMESPACE)/ingress-nginx-controller
          lifecycle: {preStop: {exec: {command: [/wait-shutdown]}}}
          readinessProbe:
            httpGet: {path: /healthz, port: 10254, scheme: HTTP}
            initialDelaySeconds: 10
            periodSeconds: 10
            timeoutSeconds: 1
            successThreshold: 1
            failureThreshold: 3
          ports:
            - {name: http, containerPort: 80, protocol: TCP}
            - {name: https, containerPort: 443, protocol: TCP}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: ingress-nginx-controller, namespace: ingress}
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: ingress-nginx
      app.kubernetes.io/instance: ingress-nginx
      app.kubernetes.io/component: controller
"""
VALUES = """\
controller:
  config:
    keep-alive: "10"
    upstream-keepalive-timeout: "600"
  terminationGracePeriodSeconds: 30
  service:
    externalTrafficPolicy: Local
    annotations:
      service.beta.kubernetes.io/aws-load-balancer-type: nlb
"""


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


REPOSITORY = "https://kubernetes.github.io/ingress-nginx"
BLOCKS = f"""\
resource "helm_release" "ingress" {{
  name       = "ingress-nginx"
  repository = "{REPOSITORY}"
  chart      = "ingress-nginx"
  version    = "4.11.3"
  namespace  = "ingress"

  values = [
    <<-EOT
{indented(VALUES, 4)}    EOT
  ]

  set {{
    name  = "controller.replicaCount"
    value = 2
  }}
}}
"""
LISTS = f"""\
locals {{
  grace = 30
}}

resource "helm_release" "ingress" {{
  name       = "ingress-nginx"
  repository = "{REPOSITORY}"
  chart      = "ingress-nginx"
  version    = "4.11.3"
  namespace  = "ingress"

  values = [file("${{path.module}}/nginx.yaml"), yamlencode({{
    controller = {{ terminationGracePeriodSeconds = local.grace }}
  }})]

  set = [{{ name = "controller.replicaCount", value = "2" }}]
  set_sensitive = [{{ name = "controller.maxmindLicenseKey", value = "hunter2" }}]
}}
"""
APPLICATION = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: nginx, namespace: argocd}}
spec:
  destination: {{server: https://kubernetes.default.svc, namespace: ingress}}
  sources:
    - repoURL: {REPOSITORY}
      chart: ingress-nginx
      targetRevision: 4.11.3
      helm:
        releaseName: ingress-nginx
        valueFiles: [$ours/values/nginx*.yaml]
        parameters:
          - {{name: controller.replicaCount, value: "2"}}
    - repoURL: https://git.example/shop.git
      ref: ours
"""
FLUX = f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {{name: nginx, namespace: flux-system}}
spec: {{url: {REPOSITORY}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: nginx, namespace: flux-system}}
spec:
  releaseName: ingress-nginx
  targetNamespace: ingress
  chart:
    spec:
      chart: ingress-nginx
      version: 4.11.x
      sourceRef: {{kind: HelmRepository, name: nginx}}
  values:
{indented(VALUES, 4)}    #
"""
HELMFILE = f"""\
repositories:
  - {{name: nginx, url: {REPOSITORY}}}
releases:
  - name: ingress-nginx
    namespace: ingress
    chart: nginx/ingress-nginx
    version: ~4.11.0
    values:
      - values/nginx.yaml
      - {{controller: {{replicaCount: 1}}}}
    set:
      - {{name: controller.replicaCount, value: 2}}
"""
KUSTOMIZE = f"""\
helmCharts:
  - name: ingress-nginx
    repo: {REPOSITORY}
    version: 4.11.3
    releaseName: ingress-nginx
    namespace: ingress
    valuesFile: nginx.yaml
    valuesInline: {{controller: {{replicaCount: 2}}}}
"""
K3S = f"""\
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {{name: ingress-nginx, namespace: kube-system}}
spec:
  repo: {REPOSITORY}
  chart: ingress-nginx
  version: 4.11.3
  targetNamespace: ingress
  set: {{controller.replicaCount: 2}}
  valuesContent: |-
{indented(VALUES, 4)}"""
WAYS: dict[str, dict[str, str]] = {
    "Terraform, blocks": {"infra/main.tf": BLOCKS},
    "Terraform, lists": {"infra/main.tf": LISTS, "infra/nginx.yaml": VALUES},
    "Argo CD": {"argo/nginx.yaml": APPLICATION, "values/nginx.yaml": VALUES},
    "Flux": {"flux/nginx.yaml": FLUX.replace("    #\n", "      replicaCount: 2\n")},
    "helmfile": {"helmfile.yaml": HELMFILE, "values/nginx.yaml": VALUES},
    "kustomize": {"overlay/kustomization.yaml": KUSTOMIZE, "overlay/nginx.yaml": VALUES},
    "k3s": {"k3s/nginx.yaml": K3S},
}


def tree(root: Path, files: dict[str, str]) -> Path:
    return written(root, {**APP, **files})


def report(root: Path) -> Report:
    return check(tree_of(root), Config())


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_install_is_judged_as_the_manifests(tmp_path: Path, way: str) -> None:
    known = tree_of(tree(tmp_path / "plain", {"plain/nginx.yaml": PLAIN}))
    made = tree_of(tree(tmp_path / "made", WAYS[way]))
    assert not getattr(made, "problems", ())
    same_verdict(made, known)
    assert {"grace-too-short", "no-drain-delay", "server-closes-first"} <= {
        one.rule for one in check(known, Config()).findings
    }


@pytest.mark.parametrize(
    ("way", "grace", "upstream"),
    [
        ("Terraform, blocks", "infra/main.tf: terminationGracePeriodSeconds: 30", "infra/main.tf"),
        ("Terraform, lists", "infra/main.tf: grace = 30", "infra/nginx.yaml"),
        ("Argo CD", "values/nginx.yaml: terminationGracePeriodSeconds: 30", "values/nginx.yaml"),
        ("Flux", "flux/nginx.yaml: terminationGracePeriodSeconds: 30", "flux/nginx.yaml"),
        ("helmfile", "values/nginx.yaml: terminationGracePeriodSeconds: 30", "values/nginx.yaml"),
        ("kustomize", "overlay/nginx.yaml: terminationGracePeriodSeconds: 30", "overlay/nginx.yaml"),
        ("k3s", "k3s/nginx.yaml: terminationGracePeriodSeconds: 30", "k3s/nginx.yaml"),
    ],
)
def test_a_finding_stands_where_the_value_is_set(tmp_path: Path, way: str, grace: str, upstream: str) -> None:
    seen = report(tree(tmp_path, WAYS[way]))
    places = {finding.rule: finding for finding in seen.findings}
    assert at(places["grace-too-short"]) == f"grace-too-short {grace}"
    cited = [one.value.place.in_file() for one in places["server-closes-first"].evidence if one.value.place]
    lines = {f"{place.path}: {place.source.line_text(place.line).strip()}" for place in cited}
    assert f'{upstream}: upstream-keepalive-timeout: "600"' in lines
    printed = render_json(seen) + render_text(seen, color=False, show_unknown=True, verbose=True)
    assert "hunter2" not in printed


@pytest.mark.parametrize("way", ["Terraform, blocks", "Terraform, lists", "Argo CD", "Flux"])
def test_a_comment_beside_the_value_suppresses(tmp_path: Path, way: str) -> None:
    mark = "  # kubelint5xx: ignore[grace-too-short] measured"
    files = {
        path: text.replace("grace = 30", f"grace = 30{mark}")
        if way == "Terraform, lists"
        else text.replace("Seconds: 30", f"Seconds: 30{mark}")
        for path, text in WAYS[way].items()
    }
    seen = report(tree(tmp_path, files))
    assert [one.finding.rule for one in seen.suppressed] == ["grace-too-short"] and not seen.problems


def test_the_configuration_can_name_a_release_that_a_script_installs(tmp_path: Path) -> None:
    said = (
        f"helm:\n  - {{chart: ingress-nginx, repository: '{REPOSITORY}', version: 4.11.3, release: ingress-nginx,\n"
        "      namespace: ingress, values: [nginx.yaml], set: {controller.replicaCount: 2}}\n"
    )
    root = tree(tmp_path / "made", {"nginx.yaml": VALUES, "kubelint5xx.yaml": said})
    config = load_config(Source("kubelint5xx.yaml", said))
    made = tree_of(root, config)
    assert not getattr(made, "problems", ())
    same_verdict(made, tree_of(tree(tmp_path / "plain", {"plain/nginx.yaml": PLAIN})))
    (grace,) = [one for one in check(made, config).findings if one.rule == "grace-too-short"]
    assert at(grace) == "grace-too-short nginx.yaml: terminationGracePeriodSeconds: 30"


def test_what_the_chart_sets_by_itself_is_its_default_with_medium_confidence(tmp_path: Path) -> None:
    files = {"argo/nginx.yaml": APPLICATION.replace("        valueFiles: [$ours/values/nginx*.yaml]\n", "")}
    (drain,) = [one for one in report(tree(tmp_path, files)).findings if one.rule == "no-drain-delay"]
    assert str(drain.confidence) == "medium"
    assert at(drain) == "no-drain-delay argo/nginx.yaml: chart: ingress-nginx"


def test_values_that_cannot_be_read_are_never_a_finding(tmp_path: Path) -> None:
    text = LISTS.replace("local.grace", "var.grace").replace("locals {\n  grace = 30\n}", 'variable "grace" {}')
    seen = report(tree(tmp_path, {"infra/main.tf": text, "infra/nginx.yaml": VALUES}))
    assert "grace-too-short" not in {one.rule for one in seen.findings}
    assert "server-closes-first" in {one.rule for one in seen.findings}
    away = report(tree(tmp_path / "away", {"infra/main.tf": LISTS}))
    # Without the file of its values no default of the chart holds.
    assert {one.rule for one in away.findings} == {"no-disruption-budget"}


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("infra/main.tf", BLOCKS.replace('  version    = "4.11.3"\n', ""), "which version of it is installed"),
        ("infra/main.tf", BLOCKS.replace("4.11.3", "3.40.0"), "none of those that are known"),
        ("infra/main.tf", BLOCKS.replace('chart      = "ingress-nginx"', 'chart = "other"'), "is not in the tree"),
        ("argo/nginx.yaml", APPLICATION.replace("4.11.3", "'*'"), "it is not known which version '*' comes to"),
        ("argo/nginx.yaml", APPLICATION.replace(REPOSITORY, "https://charts.example"), "is not in the tree"),
        ("flux/nginx.yaml", FLUX.replace("kind: HelmRepository\nm", "kind: Other\nm"), "the repository is not in"),
        ("flux/nginx.yaml", FLUX + "  postRenderers: [{kustomize: {}}]\n", "postRenderers"),
    ],
)
def test_what_is_not_known_of_the_chart_is_named_and_left_out(
    tmp_path: Path, path: str, content: str, said: str
) -> None:
    root = tree(tmp_path, {path: content, "values/nginx.yaml": VALUES})
    (problem,) = report(root).problems
    assert said in problem.message and (problem.path, problem.kind) == (path, "unrendered")
    assert getattr(tree_of(root), "failed", ()) == ()


def test_a_release_in_a_stream_of_terraform_needs_no_directory() -> None:
    files = MemoryTree({**APP, "infra/main.tf": BLOCKS})
    assert "grace-too-short" in {one.rule for one in check(files, Config()).findings}


def test_an_overlay_of_releases_is_read_as_it_is_built(tmp_path: Path) -> None:
    files = {
        "flux/base/nginx.yaml": FLUX,
        "flux/base/kustomization.yaml": "resources: [nginx.yaml]\n",
        "flux/shop/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        "flux/shop/patch.yaml": (
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
            "metadata: {name: nginx, namespace: flux-system}\n"
            "spec:\n  values:\n    controller:\n      terminationGracePeriodSeconds: 25\n"
        ),
    }
    import shutil

    if not (shutil.which("kustomize") or shutil.which("kubectl")):
        pytest.skip("neither kustomize nor kubectl is installed")
    (grace,) = [one for one in report(tree(tmp_path, files)).findings if one.rule == "grace-too-short"]
    assert at(grace) == "grace-too-short flux/shop/patch.yaml: terminationGracePeriodSeconds: 25"


def test_what_the_mesh_gives_to_its_proxies_is_read_from_the_values_of_istiod() -> None:
    values = 'meshConfig = { defaultConfig = { terminationDrainDuration = "1s" } }'
    release = f"""\
resource "helm_release" "istiod" {{
  name       = "istiod"
  repository = "https://istio-release.storage.googleapis.com/charts"
  chart      = "istiod"
  version    = "1.24.2"
  namespace  = "istio-system"
  values     = [yamlencode({{ {values} }})]
}}
"""
    inject = DEPLOYMENT.replace("labels: {app: web}\n", 'labels: {app: web, sidecar.istio.io/inject: "true"}\n', 2)
    inject = inject.replace('matchLabels: {app: web, sidecar.istio.io/inject: "true"}', "matchLabels: {app: web}")
    model = understand(MemoryTree({**APP, "k8s/deployment.yaml": inject, "k8s/istio.tf": release}), Config())
    (edge,) = [edge for edge in model.edges if edge.pod is not None]
    assert edge.pod is not None
    drain = edge.pod.values["sidecar_drain"]
    assert (drain.data, drain.place and drain.place.path) == (1.0, "k8s/istio.tf")


def test_a_release_is_of_the_environment_of_its_file_wherever_its_values_stand(tmp_path: Path) -> None:
    values = VALUES + "  ingressClassResource: {name: nginx}\nfullnameOverride: ingress-nginx\n"
    application = APPLICATION.replace("values/nginx*", "prod/nginx*")
    made = tree_of(tree(tmp_path / "made", {"argo/shop/nginx.yaml": application, "prod/nginx.yaml": values}))
    same_verdict(made, tree_of(tree(tmp_path / "plain", {"plain/nginx.yaml": PLAIN})))


def test_what_drains_and_removes_nodes_is_read_from_a_chart_as_from_manifests(tmp_path: Path) -> None:
    case = Path(__file__).parents[1] / "incidents/cases/node-deleted-while-deregistering/files"
    files = {str(path.relative_to(case)): path.read_text() for path in sorted(case.rglob("*")) if path.is_file()}
    infra = files["infra/handler.tf"].partition('resource "helm_release"')[0]
    charts = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: aws-node-termination-handler}
spec:
  destination: {namespace: kube-system}
  source:
    repoURL: https://aws.github.io/eks-charts
    chart: aws-node-termination-handler
    targetRevision: 0.21.0
    helm: {valuesObject: {enableSqsTerminationDraining: true, excludeFromLoadBalancers: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cluster-autoscaler}
spec:
  destination: {namespace: kube-system}
  source:
    repoURL: https://kubernetes.github.io/autoscaler
    chart: cluster-autoscaler
    targetRevision: 9.36.0
    helm:
      valuesObject:
        fullnameOverride: cluster-autoscaler
        autoDiscovery: {clusterName: transit}
        extraArgs: {expander: least-waste}
"""
    made = {**files, "infra/handler.tf": infra, "k8s/autoscaler.yaml": charts}
    root = written(tmp_path / "made", made)
    plain = written(tmp_path / "plain", files)
    assert "node-leaves-before-traffic" in {one.rule for one in check(tree_of(plain), Config()).findings}
    # The handler is called by its object here, and by Terraform's resource there.
    same_verdict(
        tree_of(root),
        tree_of(plain),
        names={"Deployment kube-system/aws-node-termination-handler": "helm_release.handler"},
    )
    delay = charts.replace("{expander: least-waste}", "{node-delete-delay-after-taint: 600s}")
    healed = written(tmp_path / "healed", {**made, "k8s/autoscaler.yaml": delay})
    assert "node-leaves-before-traffic" not in {one.rule for one in check(tree_of(healed), Config()).findings}


def test_a_chart_of_an_addon_module_is_read_through_the_module(tmp_path: Path) -> None:
    module = f"""\
module "nginx" {{
  source        = "aws-ia/eks-blueprints-addon/aws"
  version       = "~> 1.1"
  name          = "ingress-nginx"
  chart         = "ingress-nginx"
  chart_version = "4.11.3"
  repository    = "{REPOSITORY}"
  namespace     = "ingress"
  values        = [file("${{path.module}}/nginx.yaml")]
  set           = [{{ name = "controller.replicaCount", value = "2" }}]
}}
"""
    made = tree_of(tree(tmp_path / "made", {"infra/main.tf": module, "infra/nginx.yaml": VALUES}))
    same_verdict(made, tree_of(tree(tmp_path / "plain", {"plain/nginx.yaml": PLAIN})))
    (grace,) = [one for one in check(made, Config()).findings if one.rule == "grace-too-short"]
    assert at(grace) == "grace-too-short infra/nginx.yaml: terminationGracePeriodSeconds: 30"


def test_two_releases_that_make_the_same_object_leave_their_file_read_in_full() -> None:
    release = """\
resource "helm_release" "NAME" {
  name       = "NAME"
  repository = "https://kubernetes.github.io/ingress-nginx"
  chart      = "ingress-nginx"
  version    = "4.11.3"
  namespace  = "NAME"
}
"""
    both = release.replace("NAME", "public") + release.replace("NAME", "internal")
    (problem,) = check(MemoryTree({"k8s/all.tf": both}), Config()).problems
    assert (problem.kind, problem.line) == ("unrendered", 8)
    assert problem.message == "IngressClass nginx is made by several releases here; none of them is joined"


CHART_CONFIG = """\
apiVersion: helm.cattle.io/v1
kind: HelmChartConfig
metadata: {name: ingress-nginx, namespace: kube-system}
spec: {valuesContent: "controller: {terminationGracePeriodSeconds: 20}"}
"""


@pytest.mark.parametrize(
    ("chart", "more", "place"),
    [
        (K3S, {"k3s/config.yaml": CHART_CONFIG}, "k3s/config.yaml"),
        (K3S, {"k3s/config.yaml": CHART_CONFIG.replace("name: ingress", "name: other")}, "k3s/nginx.yaml"),
        (K3S, {"k3s/config.yaml": CHART_CONFIG.replace("kube-system", "web")}, "k3s/nginx.yaml"),
        # The text of set is a number for helm, but what is written as text is none.
        (K3S.replace("set: {", "set: {controller.terminationGracePeriodSeconds: 10, "), {}, "k3s/nginx.yaml"),
        (K3S.replace("valuesContent:", "valuesSecrets: [{name: own, keys: [a]}]\n  valuesContent:"), {}, ""),
        (K3S, {"k3s/a.yaml": CHART_CONFIG, "k3s/b.yaml": CHART_CONFIG}, ""),
    ],
)
def test_a_helm_chart_of_k3s_is_read_as_its_controller_does(
    tmp_path: Path, chart: str, more: dict[str, str], place: str
) -> None:
    seen = report(tree(tmp_path, {"k3s/nginx.yaml": chart, **more}))
    places = [at(one).split()[1].rstrip(":") for one in seen.findings if one.rule == "grace-too-short"]
    assert places == ([place] if place else [])


def test_a_helm_chart_that_holds_its_chart_is_named(tmp_path: Path) -> None:
    # What it holds wins over the chart that it names.
    seen = report(tree(tmp_path, {"k3s/nginx.yaml": K3S.replace("set: {", "chartContent: H4sIAAAA\n  set: {")}))
    assert [one.message for one in seen.problems] == ["a HelmChart that holds its chart, not analysed"]
