"""Charts that are known make their objects of the values that a release gives, without helm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, child, items, text
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval import known_charts
from kubelint5xx.eval.known_charts import Wanted, address_of, is_known, objects_of_release
from kubelint5xx.formats import yaml

INGRESS_NGINX = "kubernetes.github.io/ingress-nginx/ingress-nginx"
HEADER = Span(Source("release.yaml", "chart: this\n"), 0, 11)


def said(value: str) -> Scalar:
    return Scalar(HEADER, value, value, True)


def release(values: str | Node, address: str = INGRESS_NGINX, version: str | Node | None = "4.11.3") -> Wanted:
    given = yaml.read(Source("values.yaml", values)).documents[0].root if isinstance(values, str) else values
    chosen = said(version) if isinstance(version, str) else version
    return Wanted(address, chosen, said("ingress-nginx"), said("ingress"), given, HEADER)


def entry(key: str, value: Node) -> Entry:
    return Entry(Scalar(HEADER, key, key), value)


def made(wanted: Wanted) -> dict[str, Mapping]:
    found, problems = objects_of_release(wanted)
    assert not problems, problems
    return {text(one.get("kind")) or "": one for one in found}


def test_a_value_of_the_user_stands_where_it_is_set_and_a_default_is_the_charts() -> None:
    values = "controller:\n  config: {keep-alive: '10'}\n  extraArgs: {shutdown-grace-period: 20}\n"
    objects = made(release(values))
    config = child(objects["ConfigMap"], "data", "keep-alive")
    assert isinstance(config, Scalar) and str(config.span) == "values.yaml:2:24"
    pod = child(objects["Deployment"], "spec", "template", "spec")
    assert "20" in [text(word) for word in items(child(pod, "containers", 0, "args"))]
    grace = child(pod, "terminationGracePeriodSeconds")
    assert isinstance(grace, Scalar) and grace.value == 300
    inside = grace.span.source.inside
    assert inside is not None and inside.product == "the chart ingress-nginx 4.11.3" and "values.yaml" in inside.cite
    # It is nowhere in the tree but at the release.
    assert str(grace.span) == "release.yaml:1:1"


def test_a_text_that_holds_a_value_of_the_user_stands_where_that_is_set() -> None:
    objects = made(release("controller: {image: {tag: v1.9.0}}"))
    image = child(objects["Deployment"], "spec", "template", "spec", "containers", 0, "image")
    assert isinstance(image, Scalar) and image.value == "registry.k8s.io/ingress-nginx/controller:v1.9.0"
    assert str(image.span) == "values.yaml:1:27"


def test_the_objects_follow_the_values() -> None:
    assert set(made(release("{}"))) == {"IngressClass", "ConfigMap", "Service", "Deployment"}
    values = "controller: {kind: DaemonSet, service: {enabled: false}, ingressClassResource: {enabled: false}}"
    assert set(made(release(values))) == {"ConfigMap", "DaemonSet"}
    several = "controller: {replicaCount: 2, autoscaling: {enabled: true, minReplicas: 2}}"
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"} <= set(made(release(several)))
    workload = made(release("controller: {lifecycle: null}"))["Deployment"]
    assert child(workload, "spec", "template", "spec", "containers", 0, "lifecycle") is None


def test_what_is_not_known_of_the_values_is_not_known_of_the_objects() -> None:
    unknown = Unresolved(HEADER, "var.grace has no value")
    controller = Mapping(HEADER, (entry("terminationGracePeriodSeconds", unknown),))
    values = Mapping(HEADER, (entry("controller", controller),))
    grace = child(made(release(values))["Deployment"], "spec", "template", "spec", "terminationGracePeriodSeconds")
    assert isinstance(grace, Unresolved) and "var.grace" in grace.reason


def test_an_object_that_may_not_be_there_is_left_out_and_named() -> None:
    unknown = Unresolved(HEADER, "var.kind has no value")
    controller = Mapping(HEADER, (entry("kind", unknown),))
    values = Mapping(HEADER, (entry("controller", controller),))
    found, problems = objects_of_release(release(values))
    assert "Deployment" not in {text(one.get("kind")) for one in found}
    assert [problem.message.split(":")[0] for problem in problems] == [
        "the Deployment of the chart ingress-nginx is left out",
        "the DaemonSet of the chart ingress-nginx is left out",
    ]


def test_values_that_are_not_known_at_all_leave_no_default() -> None:
    found, problems = objects_of_release(release(Unresolved(HEADER, "var.values has no value")))
    kinds = {text(one.get("kind")): one for one in found}
    assert "Service" not in kinds and "Deployment" not in kinds
    assert problems and isinstance(child(kinds["ConfigMap"], "data"), Unresolved)


@pytest.mark.parametrize(
    ("version", "said_of_it"),
    [
        (None, "nothing tells which version"),
        ("*", "it is not known which version"),
        (">= 4.0.0", "it is not known which version"),
        ("3.40.0", "none of those that are known"),
        ("5.0.0", "none of those that are known"),
        (Unresolved(HEADER, "var.version"), "is not known"),
    ],
)
def test_a_version_that_is_not_known_is_named_and_left_out(version: str | Node | None, said_of_it: str) -> None:
    found, (problem,) = objects_of_release(release("{}", version=version))
    assert not found and said_of_it in problem.message and problem.kind == "unrendered"


@pytest.mark.parametrize("version", ["4.11.3", "v4.0.1", "4.11.x", "4.*", "^4.1.0", "~4.11.0", "~> 4.11"])
def test_a_range_within_the_known_versions_is_enough(version: str) -> None:
    assert "Deployment" in made(release("{}", version=version))


def test_an_address_is_that_of_the_repository_and_the_chart() -> None:
    assert address_of("https://kubernetes.github.io/ingress-nginx/", "ingress-nginx") == INGRESS_NGINX
    assert address_of("", "oci://public.ecr.aws/karpenter/karpenter") == "public.ecr.aws/karpenter/karpenter"
    assert not is_known(address_of("https://charts.bitnami.com/bitnami", "nginx"))


@pytest.mark.parametrize("address", sorted(known_charts._SKETCHES))
def test_every_sketch_makes_objects_without_a_value_of_the_user(address: str) -> None:
    sketch = known_charts._SKETCHES[address]
    # How often Kong was asked before 2.46 is not known.
    version = "2.46.0" if sketch.file == "kong" else f"{sketch.first[0]}.{sketch.first[1]}.0"
    values = "autoDiscovery: {clusterName: shop}" if sketch.file == "cluster_autoscaler" else "{}"
    found, problems = objects_of_release(release(values, address, version))
    assert found and not problems
    for one in found:
        assert text(one.get("kind")) and text(child(one, "metadata", "name"))
        assert not [node for node in below(one) if isinstance(node, Unresolved)]


TRAEFIK = "traefik.github.io/charts/traefik"
KONG = "charts.konghq.com/kong"
HAPROXY = "haproxy-ingress.github.io/charts/haproxy-ingress"
AWS = "aws.github.io/eks-charts/aws-load-balancer-controller"
HANDLER = "aws.github.io/eks-charts/aws-node-termination-handler"
SCALER = "kubernetes.github.io/autoscaler/cluster-autoscaler"
ISTIOD = "istio-release.storage.googleapis.com/charts/istiod"
CONTAINER = ("spec", "template", "spec", "containers", 0)


def words(objects: dict[str, Mapping], kind: str = "Deployment") -> list[str | None]:
    return [text(one) for one in items(child(objects[kind], *CONTAINER, "args"))]


def variables(objects: dict[str, Mapping], kind: str = "Deployment") -> dict[str | None, str | None]:
    given = items(child(objects[kind], *CONTAINER, "env"))
    return {text(child(one, "name")): text(child(one, "value")) for one in given}


@pytest.mark.parametrize(
    ("version", "passed", "path", "port"),
    [("27.0.2", False, "/ping", "9000"), ("28.0.0", True, "/ok", "9000"), ("33.0.0", True, "/ok", "8080")],
)
def test_traefik_is_told_what_its_version_of_the_chart_passes_on(
    version: str, passed: bool, path: str, port: str
) -> None:
    values = "{deployment: {readinessPath: /ok}, ports: {web: {transport: {respondingTimeouts: {idleTimeout: 75s}}}}}"
    objects = made(release(values, TRAEFIK, version))
    said_to_it = words(objects)
    assert ("75s" in said_to_it) == passed
    assert any(word and word.endswith(f":{port}/tcp") for word in said_to_it)
    assert text(child(objects["Deployment"], *CONTAINER, "readinessProbe", "httpGet", "path")) == path


def test_kong_is_asked_each_second_and_has_a_class_and_a_budget_only_where_it_needs_one() -> None:
    probe = child(made(release("{}", KONG, "2.46.0"))["Deployment"], *CONTAINER, "readinessProbe")
    assert [text(child(probe, key)) for key in ("initialDelaySeconds", "periodSeconds")] == ["1", "1"]
    older = child(made(release("{}", KONG, "2.40.0"))["Deployment"], *CONTAINER, "readinessProbe")
    assert isinstance(child(older, "periodSeconds"), Unresolved)
    given = child(made(release("readinessProbe: {periodSeconds: 7}", KONG, "2.40.0"))["Deployment"], *CONTAINER)
    assert text(child(given, "readinessProbe", "periodSeconds")) == "7"
    alone = made(
        release(
            "{podDisruptionBudget: {enabled: true}, ingressController: {createIngressClass: false}}", KONG, "2.46.0"
        )
    )
    assert set(alone) == {"Service", "Deployment"}
    assert "PodDisruptionBudget" in made(
        release("{podDisruptionBudget: {enabled: true}, replicaCount: 2}", KONG, "2.46.0")
    )


def test_haproxys_class_of_its_own_and_its_service_are_as_the_chart_makes_them() -> None:
    values = "controller: {ingressClassResource: {enabled: true, controllerClass: edge}}"
    objects = made(release(values, HAPROXY, "0.14.6"))
    assert text(child(objects["IngressClass"], "spec", "controller")) == "haproxy-ingress.github.io/controller/edge"
    assert "--controller-class=edge" in words(objects)
    # Only to what has one it passes a policy on.
    assert text(child(objects["Service"], "spec", "externalTrafficPolicy")) == "Local"
    inside = made(release("controller: {service: {type: ClusterIP}}", HAPROXY, "0.14.6"))
    assert child(inside["Service"], "spec", "externalTrafficPolicy") is None


def test_haproxys_budget_needs_a_pod_to_spare_or_a_number_of_its_own() -> None:
    assert "PodDisruptionBudget" not in made(release("{}", HAPROXY, "0.14.6"))
    spared = made(release("controller: {replicaCount: 2}", HAPROXY, "0.14.6"))["PodDisruptionBudget"]
    assert text(child(spared, "spec", "minAvailable")) == "1"
    limited = made(release("controller: {maxUnavailable: 1}", HAPROXY, "0.14.12"))["PodDisruptionBudget"]
    assert text(child(limited, "spec", "maxUnavailable")) == "1"


def test_haproxys_service_is_not_known_where_a_patch_decides() -> None:
    found, (problem,) = objects_of_release(release("controller: {service: {enabled: false}}", HAPROXY, "0.14.6"))
    assert "Service" not in {text(one.get("kind")) for one in found}
    assert problem.message.startswith("the Service of the chart haproxy-ingress is left out")


def test_the_parameters_of_the_class_alb_are_named_only_where_there_are_some() -> None:
    bare = made(release("{}", AWS, "1.8.1"))
    assert child(bare["IngressClass"], "spec", "parameters") is None
    given = made(release("ingressClassParams: {spec: {scheme: internal}}", AWS, "3.5.0"))
    assert text(child(given["IngressClass"], "spec", "parameters", "name")) == "alb"
    other = made(release("ingressClassParams: {create: false, name: shared}", AWS, "1.8.1"))
    assert text(child(other["IngressClass"], "spec", "parameters", "name")) == "shared" and len(other) == 2
    assert set(made(release("createIngressClassResource: false", AWS, "1.8.1"))) == {"Deployment"}


def test_the_termination_handler_sends_heartbeats_from_its_version_on() -> None:
    values = "{enableSqsTerminationDraining: true, excludeFromLoadBalancers: true, heartbeatInterval: 60}"
    assert variables(made(release(values, HANDLER, "0.27.1"))) == {
        "ENABLE_SQS_TERMINATION_DRAINING": "true", "EXCLUDE_FROM_LOAD_BALANCERS": "true", "HEARTBEAT_INTERVAL": "60",
    }  # fmt: skip
    assert "HEARTBEAT_INTERVAL" not in variables(made(release(values, HANDLER, "0.26.0")))
    found, (problem,) = objects_of_release(release(values, HANDLER, "0.17.1"))
    assert not found and "none of those that are known" in problem.message


def test_the_autoscaler_needs_something_to_scale() -> None:
    assert set(made(release("autoDiscovery: {labels: [{shop: web}]}", SCALER, "9.46.0"))) == {"Deployment"}
    assert not made(release("autoscalingGroupsnamePrefix: [{name: web}]", SCALER, "9.46.0"))
    flags = "{autoDiscovery: {clusterName: web}, extraArgs: {max-graceful-termination-sec_1: 90}}"
    command = child(made(release(flags, SCALER, "9.46.0"))["Deployment"], *CONTAINER, "command")
    assert [text(one) for one in items(command)][1:] == ["--max-graceful-termination-sec", "90"]


@pytest.mark.parametrize("values", ["pilot: {configMap: false}", "configMap: false"])
def test_the_configuration_of_the_mesh_may_be_made_elsewhere(values: str) -> None:
    assert not made(release(values, ISTIOD, "1.20.0"))


def test_the_internal_service_of_ingress_nginx_has_annotations_and_ports_of_its_own() -> None:
    service = "controller: {service: {nodePorts: {http: 30080}, internal: {enabled: true, MORE}}}"
    assert (
        text(child(made(release(service.replace("MORE", "ports: {}")))["Service"], "metadata", "name"))
        == "ingress-nginx-controller"
    )
    more = "annotations: {a: b}, ports: {http: 8080}"
    internal = made(release(service.replace("MORE", more)))["Service"]
    assert text(child(internal, "metadata", "name")) == "ingress-nginx-controller-internal"
    assert text(child(internal, "spec", "ports", 0, "port")) == "8080"
    assert child(internal, "spec", "ports", 0, "nodePort") is None


_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-5, 99999), st.text("ab1. -:", max_size=5))
_KEYS = st.sampled_from(
    ("controller", "service", "config", "kind", "image", "tag", "annotations", "ports", "web", "expose", "extraArgs")
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4))
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=5), st.sampled_from(sorted(known_charts._SKETCHES)))
def test_no_values_break_a_sketch(values: dict[str, object], address: str) -> None:
    first = known_charts._SKETCHES[address].first
    found, problems = objects_of_release(release(json.dumps(values), address, f"{first[0]}.{first[1]}.0"))
    assert all(isinstance(one, Mapping) for one in found) and all(one.kind == "unrendered" for one in problems)


def below(node: Node) -> list[Node]:
    found = [node]
    for inner in items(node):
        found += below(inner)
    for entry in node.entries if isinstance(node, Mapping) else ():
        found += below(entry.value)
    return found
