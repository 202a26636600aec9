"""Gateways of GKE, which are Google's load balancers, and what a GCPBackendPolicy says of a Service behind one.

Source: apis/networking/v1 of GoogleCloudPlatform/gke-gateway-api. The classes ``gke-l7-…`` are the cluster's own; their
targets are network endpoint groups always. A HealthCheckPolicy names what the balancer asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, child, text
from kubelint5xx.core.value import Default, Value
from kubelint5xx.link.gateway_routes import Attached
from kubelint5xx.link.google_balancers import PRODUCT, Backend, GoogleBalancer
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import TargetGroup
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.scopes import Scope

_GROUP = "networking.gke.io"
_CITE = "https://docs.cloud.google.com/kubernetes-engine/docs/concepts/gateway-api"


def join_google_gateway(
    gateway: KubeObject, attached: Sequence[Attached], scope: Scope, paths: Paths
) -> list[TargetGroup]:
    """The target groups of a Gateway's routes, with the edges to what stands behind them."""
    balancer = GoogleBalancer(gateway, scope, paths)
    found: list[TargetGroup] = []
    seen: set[tuple[int, KubeObject]] = set()
    for one in attached:
        key = id(one.port.node), one.route
        if key not in seen:
            seen.add(key)
            target_type = Value("ip", Default(PRODUCT, "", _CITE, one.route.span))
            found.append(balancer.join(one.route, one.port, target_type, _backend(one.port.service, scope), one.joins))
    return found


def _backend(service: KubeObject, scope: Scope) -> Backend:
    policy, checks = _policy("GCPBackendPolicy", service, scope), _policy("HealthCheckPolicy", service, scope)
    spec = policy.at("spec", "default") if policy is not None else None
    check = _check(checks.at("spec", "default", "config")) if checks is not None else None
    if check is not None:
        # The same shape as a BackendConfig's.
        key = Scalar(check.span, "healthCheck", "healthCheck")
        own = spec.entries if isinstance(spec, Mapping) else ()
        spec = Mapping(check.span, (*own, Entry(key, check)))
    return Backend(policy or checks, spec)


def _policy(kind: str, service: KubeObject, scope: Scope) -> KubeObject | None:
    for policy in scope.of(kind):
        target = policy.at("spec", "targetRef")
        meant = text(child(target, "kind")) in ("Service", "ServiceImport") and text(child(target, "name"))
        if policy.group == _GROUP and policy.namespace == service.namespace and meant == service.name:
            return policy
    return None


def _check(config: Node | None) -> Node | None:
    for key in ("httpHealthCheck", "httpsHealthCheck", "http2HealthCheck"):
        if (found := child(config, key)) is not None:
            return found
    return None
