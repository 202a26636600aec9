"""Envoy Gateway: what its policies say of routes and listeners, and what stands before its proxies."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence, Data
from tests.link.manifests import WEB, data, joined, only
from tests.link.test_gateway_parents import CLASS, GATEWAY, OVER, ROUTE, SET
from tests.link.test_proxies import PORT, tree
from tests.same_verdict import same_verdict, verdict

PLAIN = ROUTE.replace(", timeouts: {request: 70s}", "")
NAMED = PLAIN.replace("rules: [{backendRefs", "rules: [{name: slow, backendRefs")
PROXY = """
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: edge, namespace: infra}
spec:
  shutdown: {drainTimeout: 90s, minDrainDuration: 20s}
  provider:
    type: Kubernetes
    kubernetes:
      envoyService:
        annotations:
          service.beta.kubernetes.io/aws-load-balancer-type: external
          service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip
"""
WITH_PROXY = GATEWAY.replace(
    "  gatewayClassName: edge\n",
    "  gatewayClassName: edge\n  infrastructure: "
    "{parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: edge}}\n",
)


def policy(space: str, target: str, times: str, more: str = "", name: str = "one", kind: str = "Backend") -> str:
    return (
        f"\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: {kind}TrafficPolicy\n"
        f"metadata: {{name: {name}, namespace: {space}{more}}}\nspec: {{{target}, timeout: {{http: {{{times}}}}}}}\n"
    )


OF_GATEWAY = policy(
    "infra", "targetRefs: [{kind: Gateway, name: edge}]", "connectionIdleTimeout: 50s, requestTimeout: 9s"
)
OF_ROUTE = policy("shop", "targetRefs: [{kind: HTTPRoute, name: web}]", "connectionIdleTimeout: 100s", name="two")
OF_RULE = policy(
    "shop", "targetRefs: [{kind: HTTPRoute, name: web, sectionName: slow}]", "connectionIdleTimeout: 120s", name="three"
)


def times(*texts: str, route: str = PLAIN, gateway: str = GATEWAY) -> list[Data]:
    edge = only(joined(CLASS, gateway, route, PORT, WEB, *texts))
    return data(edge.sender.outbound, "idle_timeout", "response_timeout")


def test_the_closest_policy_counts_alone() -> None:
    assert times() == [3600.0, 15.0]
    assert times(OF_GATEWAY) == [50.0, 9.0]
    assert times(OF_GATEWAY, OF_ROUTE) == [100.0, 15.0]
    assert times(OF_GATEWAY, OF_ROUTE, OF_RULE) == [100.0, 15.0]
    assert times(OF_GATEWAY, OF_ROUTE, OF_RULE, route=NAMED) == [120.0, 15.0]
    listener = OF_GATEWAY.replace("name: edge}", "name: edge, sectionName: http}")
    assert times(listener) == [50.0, 9.0]
    assert times(OF_GATEWAY.replace("50s", "40s").replace("one", "four"), listener) == [50.0, 9.0]
    assert times(listener.replace("sectionName: http", "sectionName: other")) == [3600.0, 15.0]


def test_a_routes_policy_may_be_merged_with_its_parents() -> None:
    merged = OF_ROUTE.replace("spec: {", "spec: {mergeType: StrategicMerge, ")
    assert times(OF_GATEWAY, merged) == [100.0, 9.0]
    assert times(OF_GATEWAY, merged.replace("StrategicMerge", "Replace")) == [100.0, 15.0]


@pytest.mark.parametrize(
    ("target", "there"),
    [
        ("targetRef: {kind: Gateway, name: edge}", True),
        ("targetSelectors: [{kind: Gateway, matchLabels: {tier: edge}}]", True),
        ("targetSelectors: [{kind: Gateway}]", True),
        ("targetSelectors: [{kind: Gateway, matchLabels: {tier: other}}]", False),
        ("targetSelectors: [{kind: HTTPRoute, matchLabels: {tier: edge}}]", False),
        ("targetRefs: [{kind: Gateway, name: other}]", False),
        ("targetRefs: []", False),
    ],
)
def test_a_policy_names_or_selects_what_it_is_attached_to(target: str, there: bool) -> None:
    gateway = GATEWAY.replace("namespace: infra}", "namespace: infra, labels: {tier: edge}}")
    found = times(policy("infra", target, "connectionIdleTimeout: 50s"), gateway=gateway)
    assert found == [50.0 if there else 3600.0, 15.0]


def test_a_policy_of_another_namespace_does_not_count() -> None:
    assert times(OF_GATEWAY.replace("namespace: infra", "namespace: shop")) == [3600.0, 15.0]


def test_of_several_policies_the_oldest_counts_where_its_age_is_known() -> None:
    other = OF_GATEWAY.replace("name: one", "name: zero").replace("50s", "60s")
    assert times(OF_GATEWAY, other) == [None, None]
    old = OF_GATEWAY.replace("namespace: infra}", 'namespace: infra, creationTimestamp: "2024-01-01T00:00:00Z"}')
    new = other.replace("namespace: infra}", 'namespace: infra, creationTimestamp: "2025-01-01T00:00:00Z"}')
    assert times(new, old) == [50.0, 9.0]


def test_listeners_of_a_gateway_and_of_its_listener_set_are_apart() -> None:
    listener = OF_GATEWAY.replace("name: edge}", "name: edge, sectionName: http}")
    assert times(SET, listener, route=OVER.replace(", timeouts: {request: 70s}", "")) == [3600.0, 15.0]
    assert times(SET, OF_GATEWAY, route=OVER.replace(", timeouts: {request: 70s}", "")) == [50.0, 9.0]
    own = policy("shop", "targetRefs: [{kind: ListenerSet, name: more}]", "connectionIdleTimeout: 70s")
    assert times(SET, OF_GATEWAY.replace("one", "two"), own, route=OVER.replace(", timeouts: {request: 70s}", "")) == [
        70.0,
        15.0,
    ]


def test_the_policys_verdict_is_the_rules() -> None:
    route = PLAIN.replace("port: 80}]", "port: 80}], timeouts: {request: 9s}")
    of_route = policy("shop", "targetRefs: [{kind: HTTPRoute, name: web}]", "requestTimeout: 9s")
    same_verdict(tree(CLASS, GATEWAY, route, PORT, WEB), tree(CLASS, GATEWAY, PLAIN, of_route, PORT, WEB))
    long, short = tree(CLASS, GATEWAY, PLAIN, OF_ROUTE, PORT, WEB), tree(CLASS, GATEWAY, PLAIN, OF_GATEWAY, PORT, WEB)
    assert any("server-closes-first" in line for line in verdict(long))
    assert not any("server-closes-first" in line for line in verdict(short))


def test_what_clients_meet_stands_in_a_client_traffic_policy() -> None:
    client = policy("infra", "targetRefs: [{kind: Gateway, name: edge}]", "idleTimeout: 300s", kind="Client")
    edge = only(joined(CLASS, GATEWAY, PLAIN, client, PORT, WEB))
    assert data(edge.sender.inbound, "idle_timeout", "graceful", "shutdown_timeout", "drain_delay") == [
        300.0, True, 60.0, 10.0,
    ]  # fmt: skip
    probing = client.replace("spec: {", "spec: {tcpKeepalive: {idleTime: 60s}, ")
    edge = only(joined(CLASS, GATEWAY, PLAIN, probing, PORT, WEB))
    assert data(edge.sender.inbound, "tcp_keepalive") == [60.0]


def test_an_envoy_proxy_brings_the_balancer_before_it() -> None:
    layer = joined(CLASS, WITH_PROXY, PROXY, PLAIN, PORT, WEB)
    front = next(edge for edge in layer.edges if edge.sender.product == "aws_nlb")
    assert (front.receiver.product, front.pod) == ("envoy", None)
    assert data(front.receiver.inbound, "shutdown_timeout", "drain_delay") == [90.0, 20.0]
    assert data(front.target_group, "target_type", "balancer") == ["ip", "nlb"]
    back = next(edge for edge in layer.edges if edge.sender.product == "envoy")
    assert back.sender.inbound.read("shutdown_timeout").confidence == Confidence.HIGH
    by_class = CLASS.replace(
        "spec: {", "spec: {parametersRef: {group: g, kind: EnvoyProxy, name: edge, namespace: infra}, "
    )
    same_verdict(tree(CLASS, WITH_PROXY, PROXY, PLAIN, PORT, WEB), tree(by_class, GATEWAY, PROXY, PLAIN, PORT, WEB))
    inside = PROXY.replace("envoyService:\n", "envoyService:\n        type: ClusterIP\n")
    assert len(joined(CLASS, WITH_PROXY, inside, PLAIN, PORT, WEB).edges) == 1
    client = policy("infra", "targetRefs: [{kind: Gateway, name: edge}]", "idleTimeout: 300s", kind="Client")
    found = verdict(tree(CLASS, WITH_PROXY, PROXY, PLAIN, PORT, WEB))
    assert any("flow-idle-outlived" in line for line in found)
    healed = verdict(tree(CLASS, WITH_PROXY, PROXY, PLAIN, client, PORT, WEB))
    assert not any("flow-idle-outlived" in line for line in healed)
