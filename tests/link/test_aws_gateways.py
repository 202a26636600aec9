"""Gateways that the AWS Load Balancer Controller makes load balancers of."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only
from tests.same_verdict import same_verdict, verdict

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: public}
spec: {controllerName: gateway.k8s.aws/alb}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec:
  gatewayClassName: public
  infrastructure:
    parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: web}
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""
BALANCER = """
apiVersion: gateway.k8s.aws/v1beta1
kind: LoadBalancerConfiguration
metadata: {name: web, namespace: shop}
spec:
  loadBalancerAttributes: [{key: idle_timeout.timeout_seconds, value: "100"}]
"""
TARGETS = """
apiVersion: gateway.k8s.aws/v1beta1
kind: TargetGroupConfiguration
metadata: {name: web, namespace: shop}
spec:
  targetReference: {name: web}
  defaultConfiguration:
    targetType: ip
    targetGroupAttributes: [{key: deregistration_delay.timeout_seconds, value: "20"}]
    healthCheckConfig: {healthCheckInterval: 10, healthCheckTimeout: 4, healthCheckPath: /up}
"""
ANNOTATED = INGRESS.replace(
    "annotations: {}",
    "annotations:\n"
    "    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=100\n"
    "    alb.ingress.kubernetes.io/target-type: ip\n"
    "    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=20\n"
    "    alb.ingress.kubernetes.io/healthcheck-interval-seconds: '10'\n"
    "    alb.ingress.kubernetes.io/healthcheck-timeout-seconds: '4'\n"
    "    alb.ingress.kubernetes.io/healthcheck-path: /up",
)


def tree(*texts: str) -> dict[str, str]:
    return {"k8s/all.yaml": "---\n".join(text.lstrip("\n") for text in texts)}


def test_a_gateways_alb_and_its_target_group_are_configured_by_what_is_attached() -> None:
    edge = only(joined(GATEWAY, BALANCER, TARGETS, SERVICE, WEB))
    assert (edge.sender.product, edge.sender.name) == ("aws_alb", "the ALB of Gateway shop/web")
    idle = edge.sender.outbound.read("idle_timeout")
    assert (idle.data, idle.confidence) == (100.0, Confidence.HIGH)
    assert data(edge.subject, "target_type", "pinned", "through_kube_proxy") == ["ip", False, False]
    names = ("deregistration_delay", "health_interval", "health_timeout", "health_path", "balancer")
    assert data(edge.target_group, *names) == [20.0, 10.0, 4.0, "/up", "alb"]


def test_a_gateway_is_judged_as_the_ingress_that_says_the_same() -> None:
    names = {
        "the ALB of Ingress shop/web": "the ALB of Gateway shop/web",
        "for Ingress shop/web": "for HTTPRoute shop/web",
    }
    same_verdict(tree(ANNOTATED, SERVICE, WEB), tree(GATEWAY, BALANCER, TARGETS, SERVICE, WEB), names=names)
    assert any("server-closes-first" in line for line in verdict(tree(GATEWAY, BALANCER, TARGETS, SERVICE, WEB)))
    kept = WEB.replace('"75"', '"120"')
    assert not any("closes-first" in line for line in verdict(tree(GATEWAY, BALANCER, TARGETS, SERVICE, kept)))


def test_targets_are_nodes_where_nothing_says_it() -> None:
    edge = only(joined(GATEWAY, BALANCER, SERVICE, WEB))
    assert data(edge.subject, "target_type", "through_kube_proxy") == ["instance", True]
    assert edge.sender.outbound.read("idle_timeout").data == 100.0
    unseen = only(joined(GATEWAY, SERVICE, WEB)).sender.outbound.read("idle_timeout")
    assert (unseen.data, unseen.confidence) == (60.0, Confidence.LOW)


@pytest.mark.parametrize(("mode", "idle"), [("", 70.0), ("  mergingMode: prefer-gateway\n", 100.0)])
def test_the_class_wins_over_the_gateway_unless_it_says_otherwise(mode: str, idle: float) -> None:
    of_class = GATEWAY.replace(
        "controllerName: gateway.k8s.aws/alb",
        "controllerName: gateway.k8s.aws/alb, parametersRef: "
        "{group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: all, namespace: shop}",
    )
    shared = BALANCER.replace("name: web", "name: all").replace('"100"', '"70"') + mode
    edge = only(joined(of_class, BALANCER, shared, SERVICE, WEB))
    assert edge.sender.outbound.read("idle_timeout").data == idle


def test_a_routes_own_properties_win_over_the_default_ones() -> None:
    own = TARGETS + (
        "  routeConfigurations:\n"
        "    - routeIdentifier: {kind: HTTPRoute, namespace: shop, name: web}\n"
        "      targetGroupProps: {targetType: instance}\n"
        "    - routeIdentifier: {kind: HTTPRoute, namespace: other}\n"
        "      targetGroupProps: {targetType: ip}\n"
    )
    edge = only(joined(GATEWAY, BALANCER, own, SERVICE, WEB))
    assert data(edge.subject, "target_type") == ["instance"]
    assert data(edge.target_group, "deregistration_delay") == [20.0]


def test_a_balancers_default_target_group_configuration_fills_what_the_services_own_leaves_open() -> None:
    default = TARGETS.replace("name: web, namespace: shop}\nspec", "name: all, namespace: shop}\nspec").replace(
        "  targetReference: {name: web}\n", ""
    )
    own = (
        "apiVersion: gateway.k8s.aws/v1beta1\nkind: TargetGroupConfiguration\n"
        "metadata: {name: web, namespace: shop}\nspec:\n  targetReference: {name: web}\n"
        "  defaultConfiguration: {healthCheckConfig: {healthCheckInterval: 30}}\n"
    )
    balancer = BALANCER + "  defaultTargetGroupConfiguration: {name: all}\n"
    edge = only(joined(GATEWAY, balancer, default, own, SERVICE, WEB))
    assert data(edge.target_group, "target_type", "deregistration_delay", "health_interval") == ["ip", 20.0, 30.0]
    assert not edge.target_group.read("health_timeout").known if edge.target_group else False


def test_a_tcp_route_of_an_nlb_passes_connections_on() -> None:
    nlb = (
        GATEWAY.replace("aws/alb", "aws/nlb")
        .replace("HTTPRoute", "TCPRoute")
        .replace("protocol: HTTP", "protocol: TCP")
    )
    edge = only(
        joined(
            nlb.replace("gateway.networking.k8s.io/v1\nkind: TCP", "gateway.networking.k8s.io/v1alpha2\nkind: TCP"),
            TARGETS,
            BALANCER,
            SERVICE,
            WEB,
        )
    )
    assert (edge.sender.product, data(edge.subject, "target_type")) == ("aws_nlb", ["ip"])
