"""Envoy Gateway's policies: what a BackendTrafficPolicy says of the way from its proxy to the pods.

Source: api/v1alpha1 of envoyproxy/gateway (``timeout.http`` with ``connectionIdleTimeout`` and ``requestTimeout``). A
policy for a route wins over one for its gateway.
"""

from __future__ import annotations

from kubelint5xx.core.node import Node, child, items, text
from kubelint5xx.core.value import Value
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.proxies import Told, length
from kubelint5xx.link.scopes import Scope

_GROUP = "gateway.envoyproxy.io"
_TIMES = {"idle_timeout": "connectionIdleTimeout", "response_timeout": "requestTimeout"}


def policies_of(route: KubeObject, gateway: KubeObject, scope: Scope) -> Told:
    """What the policies of a route and of its gateway come to."""
    values: dict[str, Value] = {}
    for target in (route, gateway):
        found = [one for one in scope.of("BackendTrafficPolicy") if one.group == _GROUP and _targets(one, target)]
        if len(found) > 1:
            several = "several policies are attached to it"
            values |= {name: Value.unknown(several, target.span) for name in _TIMES if name not in values}
        for policy in found[:1]:
            for name, key in _TIMES.items():
                node = policy.at("spec", "timeout", "http", key)
                value = length(node, f"timeout.http.{key}", zero="unlimited") if node is not None else None
                if value is not None:
                    values.setdefault(name, value)
    return Told(values)


def _targets(policy: KubeObject, target: KubeObject) -> bool:
    references: list[Node | None] = [policy.at("spec", "targetRef"), *items(policy.at("spec", "targetRefs"))]
    return policy.namespace == target.namespace and any(
        text(child(one, "kind")) == target.kind and text(child(one, "name")) == target.name for one in references
    )
