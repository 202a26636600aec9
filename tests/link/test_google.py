"""Google's load balancers, as GKE makes them of Ingresses and Gateways."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, place_text
from tests.link.test_proxies import PORT, of_class, tree
from tests.same_verdict import same_verdict, verdict

NEG = SERVICE.replace(
    "namespace: shop}", """namespace: shop, annotations: {cloud.google.com/neg: '{"ingress": true}'}}"""
)
CONFIGURED = SERVICE.replace(
    "namespace: shop}",
    """namespace: shop, annotations: {cloud.google.com/backend-config: '{"ports": {"80": "web"}}'}}""",
)
CONFIG = """
apiVersion: cloud.google.com/v1
kind: BackendConfig
metadata: {name: web, namespace: shop}
spec: {timeoutSec: 120, connectionDraining: {drainingTimeoutSec: 60}, healthCheck: {requestPath: /up}}
"""
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: gke-l7-global-external-managed, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""
POLICY = """
apiVersion: networking.gke.io/v1
kind: GCPBackendPolicy
metadata: {name: web, namespace: shop}
spec:
  default: {timeoutSec: 120, connectionDraining: {drainingTimeoutSec: 60}}
  targetRef: {group: "", kind: Service, name: web}
"""
CHECK = """
apiVersion: networking.gke.io/v1
kind: HealthCheckPolicy
metadata: {name: web, namespace: shop}
spec:
  default: {config: {type: HTTP, httpHealthCheck: {requestPath: /up}}}
  targetRef: {group: "", kind: Service, name: web}
"""


@pytest.mark.parametrize(
    "ingress",
    [
        of_class("gce"),
        INGRESS.replace("  ingressClassName: alb\n", "").replace("{}", "{kubernetes.io/ingress.class: gce-internal}"),
        INGRESS.replace("  ingressClassName: alb\n", "").replace(
            "{}", "{kubernetes.io/ingress.global-static-ip-name: shop}"
        ),
    ],
)
def test_what_is_gkes_is_sent_by_googles_balancer(ingress: str) -> None:
    edge = only(joined(ingress, NEG, WEB))
    assert (edge.sender.product, edge.sender.role) == ("google_alb", "balancer")
    assert data(edge.sender.outbound, "idle_timeout", "response_timeout", "resends") == [600.0, 30.0, True]
    assert edge.sender.outbound.read("idle_timeout").confidence == Confidence.HIGH
    assert data(edge.subject, "target_type", "pinned", "protocol", "transport") == ["ip", False, "http1", "plain"]
    assert data(edge.target_group, "readiness_gate", "deregistration_delay") == ["injected", 0.0]


def test_whose_targets_are_not_said_is_not_known() -> None:
    edge = only(joined(of_class("gce"), SERVICE, WEB))
    assert not edge.subject.read("target_type").known and not edge.subject.read("pinned").known
    nodes = NEG.replace("true", "false")
    assert data(only(joined(of_class("gce"), nodes, WEB)).subject, "target_type", "pinned") == ["instance", True]


def test_a_backend_config_sets_the_times_of_its_port() -> None:
    edge = only(joined(of_class("gce"), CONFIGURED, CONFIG, WEB))
    assert data(edge.sender.outbound, "response_timeout", "usual_response_timeout") == [120.0, 30.0]
    assert edge.target_group is not None
    assert place_text(edge.target_group, "deregistration_delay") == "60"
    assert data(edge.target_group, "health_path") == ["/up"]
    default = CONFIGURED.replace('"ports": {"80": "web"}', '"default": "web"')
    assert data(only(joined(of_class("gce"), default, CONFIG, WEB)).sender.outbound, "response_timeout") == [120.0]
    missing = only(joined(of_class("gce"), CONFIGURED, WEB))
    assert missing.sender.outbound.read("response_timeout").confidence == Confidence.LOW
    assert missing.target_group is not None
    assert missing.target_group.read("deregistration_delay").confidence == Confidence.LOW


def test_the_application_protocols_are_written_in_json() -> None:
    tls = SERVICE.replace(
        "namespace: shop}", """namespace: shop, annotations: {cloud.google.com/app-protocols: '{"80": "HTTP2"}'}}"""
    )
    edge = only(joined(of_class("gce"), tls, WEB))
    assert data(edge.subject, "protocol", "transport") == ["http2", "tls"]


def test_a_gateway_is_judged_as_an_ingress() -> None:
    with_neg = CONFIGURED.replace("annotations: {", """annotations: {cloud.google.com/neg: '{"ingress": true}', """)
    a, b = tree(of_class("gce"), with_neg, CONFIG, WEB), tree(GATEWAY, SERVICE, POLICY, CHECK, WEB)
    names = {"for Ingress shop/web": "for HTTPRoute shop/web", "Ingress shop/web": "Gateway shop/edge"}
    same_verdict(a, b, names=names)
    assert any("server-closes-first" in line for line in verdict(b))
    kept = WEB.replace('"75"', '"620"')
    assert not any("server-closes-first" in line for line in verdict(tree(GATEWAY, SERVICE, POLICY, kept)))
    edge = only(joined(GATEWAY, SERVICE, POLICY, WEB))
    assert data(edge.subject, "target_type") == ["ip"]
    assert data(edge.sender.outbound, "response_timeout") == [120.0]


def test_nothing_is_broken_by_annotations_that_are_no_json() -> None:
    for text in ("'{'", "'{''ingress'': true}'", "'true'", "{a: b}", "'[]'", "null"):
        given = f"{{cloud.google.com/neg: {text}, cloud.google.com/backend-config: {text}}}"
        broken = SERVICE.replace("namespace: shop}", f"namespace: shop, annotations: {given}}}")
        assert not only(joined(of_class("gce"), broken, WEB)).subject.read("target_type").known


def test_an_ingress_of_another_class_is_not_gkes() -> None:
    other = of_class("edge", "{kubernetes.io/ingress.global-static-ip-name: shop}")
    assert only(joined(other, PORT, WEB)).sender.product == ""
