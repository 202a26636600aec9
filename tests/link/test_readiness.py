from __future__ import annotations

import pytest

from kubelint5xx.core.value import Subject
from tests.link.infra import terraform
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, place_text, pod, web

OURS, AUTO = "elbv2.k8s.aws/pod-readiness-gate-inject", "eks.amazonaws.com/pod-readiness-gate-inject"
NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, METADATA}
"""
AUTO_CLASS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: eks.amazonaws.com/alb}
"""
CHECK = "alb.ingress.kubernetes.io/healthcheck-"
NLB = "service.beta.kubernetes.io/aws-load-balancer-"


def target_group(*others: str, annotations: str = "", app: str = WEB) -> Subject:
    ingress = INGRESS.replace("annotations: {}", f"annotations: {{{annotations}}}")
    edge = only(joined(app, SERVICE, ingress, *others))
    assert edge.target_group is not None
    return edge.target_group


@pytest.mark.parametrize(
    ("metadata", "auto_mode", "gate"),
    [
        (f"labels: {{{OURS}: enabled}}", False, "injected"),
        (f"labels: {{{AUTO}: enabled}}", True, "injected"),
        (f"labels: {{{OURS}: enabled}}", True, "ineffective"),
        # The class is not in the files: it may be the one of EKS Auto Mode.
        (f"labels: {{{AUTO}: enabled}}", False, None),
        (f'labels: {{{OURS}: "true"}}', False, "ineffective"),
        (f"annotations: {{{OURS}: enabled}}", False, "ineffective"),
        ("labels: {elbv2.k8s.aws/pod-readiness-gate-injection: enabled}", False, "absent"),
        ("labels: {team: shop}", False, "absent"),
        ("annotations: {}", True, "absent"),
    ],
)
def test_a_label_of_the_namespace_asks_for_readiness_gates(metadata: str, auto_mode: bool, gate: str | None) -> None:
    space = NAMESPACE.replace("METADATA", metadata)
    found = target_group(space, *([AUTO_CLASS] if auto_mode else []))
    assert found.read("readiness_gate").data == gate


def test_of_a_namespace_elsewhere_the_labels_are_not_known() -> None:
    assert not target_group().read("readiness_gate").known
    other = NAMESPACE.replace("METADATA", "labels: {team: shop}").replace("name: shop", "name: prices")
    assert not target_group(other).read("readiness_gate").known


def test_a_missing_label_is_found_where_it_belongs() -> None:
    labels = NAMESPACE.replace("{name: shop, METADATA}", "\n  name: shop\n  labels:\n    team: shop")
    assert place_text(target_group(labels), "readiness_gate") == "labels"
    assert place_text(target_group(NAMESPACE.replace(", METADATA", "")), "readiness_gate") == "shop"


def test_pods_may_name_a_gate_themselves() -> None:
    gates = "      readinessGates: [{conditionType: %s}]\n      containers:"
    for kind, own in (("target-health.elbv2.k8s.aws/shop-web", True), ("target-health.alb.ingress.k8s.aws/web", False)):
        edge = only(joined(WEB.replace("      containers:", gates % kind), SERVICE, INGRESS))
        assert pod(edge).read("readiness_gate").data is own


@pytest.mark.parametrize(
    ("annotations", "asked"),
    [
        ("", ["http", "/", "traffic-port"]),
        (f'{CHECK}path: /up, {CHECK}port: "9000", {CHECK}protocol: HTTPS', ["http", "/up", "9000"]),
        (f"{CHECK}port: metrics, {CHECK}protocol: SCTP", [None, "/", None]),
    ],
)
def test_an_ingress_says_what_its_target_group_asks_for(annotations: str, asked: list[str | None]) -> None:
    assert data(target_group(annotations=annotations), "health_protocol", "health_path", "health_port") == asked


@pytest.mark.parametrize(
    ("annotations", "policy", "asked"),
    [
        ("", "Cluster", ["tcp", "/"]),
        (f"{NLB}healthcheck-protocol: http, {NLB}healthcheck-path: /up", "Cluster", ["http", "/up"]),
        # kube-proxy answers for the node.
        ("", "Local", [None, None]),
        (f"{NLB}nlb-target-type: ip", "Local", ["tcp", "/"]),
    ],
)
def test_a_network_load_balancer_only_connects_unless_told_otherwise(
    annotations: str, policy: str, asked: list[str | None]
) -> None:
    kind = f"type: LoadBalancer\n  loadBalancerClass: service.k8s.aws/nlb\n  externalTrafficPolicy: {policy}"
    metadata = f"namespace: shop, annotations: {{{annotations}}}}}"
    service = SERVICE.replace("type: NodePort", kind).replace("namespace: shop}", metadata)
    edge = only(joined(WEB, service))
    assert data(edge.target_group, "health_protocol", "health_path") == asked


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ('protocol = "HTTP"', ["http", "/", "traffic-port"]),
        ('protocol = "TCP"', ["tcp", "/", "traffic-port"]),
        ('protocol = "TCP"\nhealth_check {\n path = "/up"\n port = 9000\n}', ["http", "/up", "9000"]),
        ('protocol = "HTTP"\nhealth_check {\n path = var.path\n}', ["http", None, "traffic-port"]),
    ],
)
def test_terraform_says_what_a_target_group_asks_for(body: str, asked: list[str | None]) -> None:
    layer = terraform(f'variable "path" {{}}\nresource "aws_lb_target_group" "web" {{\n{body}\n}}')
    (group,) = layer.target_groups
    assert data(group.subject, "health_protocol", "health_path", "health_port") == asked


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        ("", ["none", None, None]),
        ("{httpGet: {path: /up, port: http}}", ["httpGet", "/up", "8080"]),
        ("{httpGet: {path: up, port: 9000}}", ["httpGet", "/up", "9000"]),
        ("{httpGet: {port: other}}", ["httpGet", "/", None]),
        ("{tcpSocket: {port: http}}", ["tcpSocket", None, None]),
        ("{exec: {command: [ready]}}", ["exec", None, None]),
        ("{periodSeconds: 5}", [None, None, None]),
    ],
)
def test_a_readiness_probe_asks_on_a_port_of_its_container(probe: str, asked: list[str | None]) -> None:
    edge = only(joined(web(readinessProbe=probe), SERVICE, INGRESS))
    assert data(pod(edge), "readiness_check", "readiness_path", "readiness_port") == asked
    assert edge.subject.read("port").data == "8080"
