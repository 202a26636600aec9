"""Which gateways a route of the Gateway API is attached to, and what it may send to."""

from __future__ import annotations

import pytest

from kubelint5xx.model.topology import Edge
from tests.link.manifests import WEB, data, joined, only
from tests.link.test_proxies import PORT, tree
from tests.same_verdict import same_verdict

CLASS = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
"""
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  rules: [{backendRefs: [{name: web, port: 80}], timeouts: {request: 70s}}]
"""
SET = """
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more, namespace: shop}
spec: {parentRef: {name: edge, namespace: infra}, listeners: [{name: http, port: 8080, protocol: HTTP}]}
"""
OVER = ROUTE.replace("{name: edge, namespace: infra}", "{name: more, kind: ListenerSet}")
GRANT = """
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: routes, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: routes}]
  to: [{group: "", kind: Service}]
"""


def senders(*texts: str) -> list[str]:
    return [edge.sender.product for edge in joined(*texts, PORT, WEB).edges]


def assumed(edge: Edge) -> list[bool]:
    return [join.assumed for join in edge.subject.joins]


@pytest.mark.parametrize(
    ("kind", "api"),
    [("ListenerSet", "gateway.networking.k8s.io/v1"), ("XListenerSet", "gateway.networking.x-k8s.io/v1alpha1")],
)
def test_a_route_of_a_listener_set_belongs_to_its_gateway(kind: str, api: str) -> None:
    added = SET.replace("gateway.networking.k8s.io/v1", api).replace("ListenerSet", kind)
    route = OVER.replace("ListenerSet", kind)
    edge = only(joined(CLASS, GATEWAY, added, route, PORT, WEB))
    assert edge.sender.product == "envoy"
    assert f"{kind} shop/more" in [step.label for step in edge.route]
    same_verdict(tree(CLASS, GATEWAY, ROUTE, PORT, WEB), tree(CLASS, GATEWAY, added, route, PORT, WEB))


def test_listeners_let_in_the_routes_of_their_namespace_unless_they_say_otherwise() -> None:
    closed = GATEWAY.replace(", allowedRoutes: {namespaces: {from: All}}", "")
    assert senders(CLASS, GATEWAY, ROUTE) == ["envoy"]
    layer = joined(CLASS, closed, ROUTE, PORT, WEB)
    assert not layer.edges
    assert any("no listener of its Gateways" in one.reason for one in layer.undecided)
    assert senders(CLASS, closed.replace("infra", "shop"), ROUTE.replace("infra", "shop")) == ["envoy"]
    assert senders(CLASS, GATEWAY.replace("from: All", "from: Selector"), ROUTE) == ["envoy"]


def test_a_section_names_one_listener() -> None:
    two = GATEWAY.replace("listeners: [", "listeners: [{name: own, port: 81, protocol: HTTP}, ")
    assert senders(CLASS, two, ROUTE) == ["envoy"]
    assert senders(CLASS, two, ROUTE.replace("namespace: infra}", "namespace: infra, sectionName: http}")) == ["envoy"]
    assert senders(CLASS, two, ROUTE.replace("namespace: infra}", "namespace: infra, sectionName: own}")) == []


def test_a_backend_elsewhere_needs_a_grant() -> None:
    route = ROUTE.replace("{name: web, namespace: shop}", "{name: web, namespace: routes}").replace(
        "{name: web, port: 80}", "{name: web, namespace: shop, port: 80}"
    )
    assert assumed(only(joined(CLASS, GATEWAY, route, PORT, WEB))) == [True]
    assert assumed(only(joined(CLASS, GATEWAY, route, GRANT, PORT, WEB))) == []
    other = GRANT.replace("namespace: routes}", "namespace: else}")
    assert assumed(only(joined(CLASS, GATEWAY, route, other, PORT, WEB))) == [True]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
def test_connections_that_are_passed_on_still_lead_to_the_pods(kind: str) -> None:
    route = ROUTE.replace("HTTPRoute", kind).replace("v1\n", "v1alpha2\n").replace(", timeouts: {request: 70s}", "")
    edge = only(joined(CLASS, GATEWAY, route, PORT, WEB))
    assert edge.receiver.product == "gunicorn" and not edge.subject.read("protocol").known


def test_the_shorter_of_two_timeouts_of_a_rule_is_the_one_of_a_backend_request() -> None:
    route = ROUTE.replace("{request: 70s}", "{request: 70s, backendRequest: 9s}")
    assert data(only(joined(CLASS, GATEWAY, route, PORT, WEB)).sender.outbound, "response_timeout") == [9.0]
    off = ROUTE.replace("{request: 70s}", "{request: 0s}")
    assert only(joined(CLASS, GATEWAY, off, PORT, WEB)).sender.outbound.read("response_timeout").data == float("inf")
