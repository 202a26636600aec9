from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from kubelint5xx.check import understand
from kubelint5xx.config import Config
from kubelint5xx.core.node import text
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.model.topology import Model

from .manifests import INGRESS, SERVICE, WEB

BINDING = """
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web, namespace: shop}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupName: web
  targetType: ip
"""
TERRAFORM = """
resource "aws_lb" "web" {
  name         = "web"
  idle_timeout = 60
}
resource "aws_lb_target_group" "web" {
  name        = "web"
  port        = 30080
  target_type = "instance"
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
"""


def understood(files: Mapping[str, str]) -> Model:
    return understand(MemoryTree({path: dedent(content).lstrip("\n") for path, content in files.items()}), Config())


def meetings(files: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The files that each edge's request passes, in order, each once."""
    return [
        tuple(dict.fromkeys(step.place.path for step in edge.route if step.place)) for edge in understood(files).edges
    ]


def split(*environments: str, pattern: str, **kinds: str) -> dict[str, str]:
    return {pattern.format(env=env, kind=kind): body for env in environments for kind, body in kinds.items()}


APP = {"ingress": INGRESS, "service": SERVICE, "web": WEB}


@pytest.mark.parametrize(
    "pattern",
    [
        "{env}/{kind}.yaml",
        "k8s/{env}/{kind}.yaml",
        "k8s/overlays/{env}/{kind}.yaml",
        "apps/shop/{env}/base/{kind}.yaml",
        "clusters/eu-{env}/shop/{kind}.yaml",
    ],
)
def test_each_environment_is_joined_within_itself(pattern: str) -> None:
    found = meetings(split("dev", "prod", pattern=pattern, **APP))
    assert len(found) == 2
    for environment, files in zip(("dev", "prod"), sorted(found), strict=True):
        assert all(environment in path for path in files)
        assert len(files) == 3


@pytest.mark.parametrize("pattern", ["{env}.yaml", "k8s/web-{env}.yaml", "{env}/web.yaml", "copy-of-{env}x/web.yaml"])
def test_each_copy_of_everything_is_joined_within_itself(pattern: str) -> None:
    everything = "---".join(APP.values())
    found = meetings({pattern.format(env=env): everything for env in ("dev", "prod")})
    assert sorted(found) == [(pattern.format(env=env),) for env in ("dev", "prod")]


@pytest.mark.parametrize(
    ("ingress", "rest"),
    [
        ("dev/ingress.yaml", "prod/web.yaml"),
        ("dev-ingress.yaml", "prod-web.yaml"),
        ("overlays/staging/ingress.yaml", "overlays/production/web.yaml"),
        ("shop/qa/ingress.yaml", "shop/uat/deep/web.yaml"),
    ],
)
def test_an_ingress_of_one_environment_never_meets_a_service_of_another(ingress: str, rest: str) -> None:
    model = understood({ingress: INGRESS, rest: SERVICE + "---" + WEB})
    for edge in model.edges:
        paths = {step.place.path for step in edge.route if step.place}
        assert not {ingress, rest} <= paths
    assert any("web" in missing.what and missing.place and missing.place.path == ingress for missing in model.undecided)


def test_namespaces_do_not_meet() -> None:
    assert len(meetings({"all.yaml": INGRESS + "---" + SERVICE + "---" + WEB})) == 1
    other = SERVICE.replace("namespace: shop", "namespace: other")
    assert not any(
        len(edge.route) > 2 for edge in understood({"all.yaml": INGRESS + "---" + other + "---" + WEB}).edges
    )


def test_a_target_group_meets_the_binding_of_its_own_environment() -> None:
    files = {
        **{f"infra/{env}/main.tf": TERRAFORM for env in ("dev", "prod")},
        **{f"k8s/{env}/web.yaml": "---".join([BINDING, SERVICE, WEB]) for env in ("dev", "prod")},
    }
    found = meetings(files)
    assert sorted(found) == [(f"infra/{env}/main.tf", f"k8s/{env}/web.yaml") for env in ("dev", "prod")]


def test_a_target_group_meets_the_node_port_of_its_own_environment() -> None:
    files = {
        **{f"infra/{env}/main.tf": TERRAFORM for env in ("staging", "production")},
        **{f"k8s/{env}/web.yaml": SERVICE + "---" + WEB for env in ("stage", "prod")},
    }
    assert sorted(meetings(files)) == [
        ("infra/production/main.tf", "k8s/prod/web.yaml"),
        ("infra/staging/main.tf", "k8s/stage/web.yaml"),
    ]


def test_the_only_target_group_is_not_taken_where_its_environment_is_another() -> None:
    nameless = TERRAFORM.replace('name        = "web"\n', "")
    files = {"infra/prod/main.tf": nameless, "k8s/dev/web.yaml": "---".join([BINDING, SERVICE, WEB])}
    assert ("infra/prod/main.tf", "k8s/dev/web.yaml") not in meetings(files)
    files = {"infra/prod/main.tf": nameless, "k8s/prod/web.yaml": "---".join([BINDING, SERVICE, WEB])}
    assert ("infra/prod/main.tf", "k8s/prod/web.yaml") in meetings(files)


CLUSTER = """
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: main, region: eu-central-1, version: "1.31"}
"""


def test_the_only_cluster_is_assumed_unless_it_is_of_another_environment() -> None:
    everything = "---".join(APP.values())
    (edge,) = understood({"k8s/web.yaml": everything, "cluster/prod/cluster.yaml": CLUSTER}).edges
    assert edge.cluster is not None
    assert any(join.assumed for join in edge.cluster.joins)
    (edge,) = understood({"k8s/dev/web.yaml": everything, "cluster/prod/cluster.yaml": CLUSTER}).edges
    assert edge.cluster is None


def test_annotations_that_ignore_are_found_on_the_object_and_on_its_template() -> None:
    mark = "annotations: {kubelint5xx.io/ignore: no-drain-delay, kubelint5xx.io/ignore-reason: %s}"
    deployment = WEB.replace("name: web, namespace: shop}", f"name: web, namespace: shop, {mark % 'outside'}}}", 1)
    deployment = deployment.replace("labels: {app: web}", f"labels: {{app: web}}\n      {mark % 'inside'}")
    found = understood({"web.yaml": deployment}).annotated
    assert [(text(wanted), text(reason)) for _, wanted, reason in found] == [
        ("no-drain-delay", "outside"),
        ("no-drain-delay", "inside"),
    ]


def test_what_is_wrong_with_a_mounted_file_is_a_problem_of_the_model() -> None:
    config_map = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data:
  gunicorn.conf.py: |
    workers = 2
    keepalive = = 3
"""
    mounted = WEB.replace(
        "          ports:", "          volumeMounts: [{name: c, mountPath: /srv}]\n          ports:"
    ).replace("      containers:", "      volumes: [{name: c, configMap: {name: web}}]\n      containers:")
    mounted = mounted.replace("command: [gunicorn,", "command: [gunicorn, -c, /srv/gunicorn.conf.py,")
    model = understood({"all.yaml": "---".join([config_map, INGRESS, SERVICE, mounted])})
    (problem,) = set(model.problems)
    assert str(problem) == "all.yaml:7: not valid Python: invalid syntax"
