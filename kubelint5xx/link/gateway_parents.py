"""The Gateway API: which Gateways a route is attached to, and whether it may send where it says.

A route names its parents, Gateways or the ListenerSets that add listeners to one, which let routes of their own
namespace in unless ``allowedRoutes`` says otherwise. A backend in another namespace needs a ReferenceGrant there.
Source: apis/v1 (gateway_types.go, listenerset_types.go), apisx/v1alpha1 and apis/v1beta1 (referencegrant_types.go) of
kubernetes-sigs/gateway-api.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.node import Node, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope

GROUP = "gateway.networking.k8s.io"
_SETS = {"ListenerSet": GROUP, "XListenerSet": "gateway.networking.x-k8s.io"}
_MAX_DEPTH = 2  # A ListenerSet's parent is a Gateway.


@record(eq=False)
class Parent:
    """A Gateway that a route is attached to: by the listener ``section`` (empty: by all), over a ListenerSet or not."""

    gateway: KubeObject
    section: str = ""
    over: KubeObject | None = None


def parents_of(route: KubeObject, scope: Scope) -> list[Parent]:
    """The Gateways among the files that a route asks for, and that let it in."""
    found: dict[tuple[KubeObject, str], Parent] = {}
    for reference in items(route.at("spec", "parentRefs")):
        for parent in _named(reference, route.namespace, scope):
            holder = parent.over or parent.gateway
            if _lets_in(holder, parent.section, route):
                found.setdefault((parent.gateway, parent.section), parent)
    return list(found.values())


def names_parents(route: KubeObject, scope: Scope) -> bool:
    """Whether a Gateway that it names is among the files, whether that lets it in or not."""
    return any(True for one in items(route.at("spec", "parentRefs")) for _ in _named(one, route.namespace, scope))


def _named(reference: Node | None, namespace: str, scope: Scope, depth: int = 0) -> Iterator[Parent]:
    name, kind = text(child(reference, "name")) or "", text(child(reference, "kind")) or "Gateway"
    space = own_namespace(child(reference, "namespace"), namespace)
    section = text(child(reference, "sectionName")) or ""
    group = GROUP if kind == "Gateway" else _SETS.get(kind, "")
    for one in scope.of(kind) if group else ():
        if (one.group, one.namespace, one.name) != (group, space, name):
            continue
        if kind == "Gateway":
            yield Parent(one, section)
        elif depth < _MAX_DEPTH:
            for parent in _named(one.at("spec", "parentRef"), one.namespace, scope, depth + 1):
                yield Parent(parent.gateway, section, one)


def _lets_in(holder: KubeObject, section: str, route: KubeObject) -> bool:
    """Whether a listener lets the route in, as far as that is known: a selector is not looked at."""
    listeners = [
        one for one in items(holder.at("spec", "listeners")) if not section or text(child(one, "name")) == section
    ]
    # Where no namespace is written, it is chosen when the object is applied.
    if holder.namespace == route.namespace or not (holder.namespace and route.namespace) or not listeners:
        return True
    sources = [child(one, "allowedRoutes", "namespaces", "from") for one in listeners]
    return any(text(source) not in ("Same", "None") if source is not None else False for source in sources)


def own_namespace(node: Node | None, otherwise: str) -> str:
    """The namespace that a reference names, or that of who refers."""
    space = text(node)
    return otherwise if space is None else "" if space == "default" else space


def granted(route: KubeObject, kind: str, namespace: str, name: str, place: Span, scope: Scope) -> tuple[Join, ...]:
    """That the route may refer to an object of another namespace, as far as no ReferenceGrant here says so."""
    if namespace == route.namespace:
        return ()
    for grant in scope.of("ReferenceGrant"):
        if grant.namespace == namespace and _grants(grant, route, kind, name):
            return ()
    said = f"a ReferenceGrant that is not among the files lets {route.title} refer to {kind} {namespace}/{name}"
    return (Join(said, place, assumed=True),)


def _grants(grant: KubeObject, route: KubeObject, kind: str, name: str) -> bool:
    sources: Sequence[Node] = items(grant.at("spec", "from"))
    targets: Sequence[Node] = items(grant.at("spec", "to"))
    return any(
        text(child(one, "kind")) == route.kind and own_namespace(child(one, "namespace"), "") == route.namespace
        for one in sources
    ) and any(text(child(one, "kind")) == kind and text(child(one, "name")) in (None, "", name) for one in targets)
