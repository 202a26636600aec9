"""Envoy Gateway's policies: what they say of the way from its proxy to the pods, and from the clients to it.

A BackendTrafficPolicy is attached to a route or to one of its rules, else to a listener, a ListenerSet or the Gateway.
The closest one counts alone, unless it is a route's and asks to be merged with the closest of its parents. A
ClientTrafficPolicy is attached to a listener, or to what has listeners. Policies share a namespace with their targets.
Sources: site/content/en/latest/concepts/gateway_api_extensions and api/v1alpha1 (timeout_types.go, shared_types.go) of
envoyproxy/gateway: 10 s to connect, connections idle for 1 h, streams for 5 min.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubelint5xx.core.node import Mapping, Node, child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Default, Value, Written
from kubelint5xx.link.contour_routes import RESETS
from kubelint5xx.link.gateway_parents import Parent
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.proxies import Told, lengths
from kubelint5xx.link.scopes import Scope

GROUP = "gateway.envoyproxy.io"
_TIMES = {
    "idle_timeout": ("timeout", "http", "connectionIdleTimeout"),
    "response_timeout": ("timeout", "http", "requestTimeout"),
    "connect_timeout": ("timeout", "tcp", "connectTimeout"),
}
_CITE = "https://gateway.envoyproxy.io/docs/api/extension_types/#tcptimeout"
_PROBES = "https://gateway.envoyproxy.io/docs/api/extension_types/#tcpkeepalive"


@record(eq=False)
class _Level:
    """What a policy may be attached to: an object, and a section of it, or (empty) all of it."""

    thing: KubeObject
    section: str = ""


def policies_of(route: KubeObject, rule: Node, parent: Parent, scope: Scope) -> Told:
    """What the policies of a route's rule and of its parents say of requests to the pods."""
    own = [_Level(route, name) for name in (text(child(rule, "name")) or "", "")]
    found = _closest("BackendTrafficPolicy", [*own[own[0].section == "" :], *_parents(parent)], scope)
    usual = Value(10.0, Default("Envoy Gateway", "timeout.tcp.connectTimeout", _CITE, route.span))
    if found is None:
        return Told({"connect_timeout": usual})
    level, policy = found
    if isinstance(policy, str):
        return Told(dict.fromkeys(_TIMES, Value.unknown(policy, level.thing.span)))
    values = _backend_times(policy)
    if level.thing is route and text(policy.at("spec", "mergeType")) in ("StrategicMerge", "JSONMerge"):
        above = _closest("BackendTrafficPolicy", _parents(parent), scope)
        if above is not None and isinstance(above[1], KubeObject):
            values = {**_backend_times(above[1]), **values}
        elif above is not None:
            reason = str(above[1])
            values = {**dict.fromkeys(_TIMES, Value.unknown(reason, above[0].thing.span)), **values}
    return Told({"connect_timeout": usual, **values})


def client_values(parent: Parent, scope: Scope) -> dict[str, Value]:
    """What the policies of a Gateway say of connections from clients."""
    found = _closest("ClientTrafficPolicy", _parents(parent), scope)
    if found is None:
        return {}
    level, policy = found
    if isinstance(policy, str):
        return {"idle_timeout": Value.unknown(policy, level.thing.span)}
    rows = {"idle_timeout": ("timeout", "http", "idleTimeout")}
    values = lengths(policy.at("spec"), rows, "", zero="unlimited")
    probes = policy.at("spec", "tcpKeepalive")
    if isinstance(probes, Mapping):
        place = probes.span.first_line()
        usual = Value(7200.0, Default("Envoy Gateway", "tcpKeepalive.idleTime", _PROBES, place))
        values |= {"tcp_keepalive": usual, **lengths(probes, {"tcp_keepalive": ("idleTime",)}, "tcpKeepalive.")}
    return values


def _backend_times(policy: KubeObject) -> dict[str, Value]:
    spec = policy.at("spec")
    values = lengths(spec, _TIMES, "", zero="unlimited")
    retry = child(spec, "retry")
    if isinstance(retry, Mapping):
        triggers = {text(item) for item in items(child(retry, "retryOn", "triggers"))}
        values["resends"] = Value(bool(triggers & RESETS), Written(retry.span.first_line(), "retry"))
    return values


def _parents(parent: Parent) -> list[_Level]:
    """What stands above a route, the closest first. The listeners of a Gateway and of its ListenerSets are apart."""
    holder = parent.over or parent.gateway
    listeners = [text(child(one, "name")) or "" for one in items(holder.at("spec", "listeners"))]
    sections = [parent.section] if parent.section else listeners
    levels = [_Level(holder, section) for section in sections if section]
    return [*levels, _Level(holder), *([_Level(parent.gateway)] if parent.over is not None else [])]


def _closest(kind: str, levels: Sequence[_Level], scope: Scope) -> tuple[_Level, KubeObject | str] | None:
    """The policy of the first level that has one; a text tells why it is not known which of them that is."""
    policies = [one for one in scope.of(kind) if one.group == GROUP]
    for level in levels if policies else ():
        found = [one for one in policies if _targets(one, level)]
        if found and level.section and sum(one.thing is level.thing and one.section != "" for one in levels) > 1:
            return level, "one of several listeners has a policy of its own"
        if found:
            return level, _oldest(found)
    return None


def _oldest(policies: Sequence[KubeObject]) -> KubeObject | str:
    """The one of several that counts: of an export of the cluster the oldest."""
    if len(policies) == 1:
        return policies[0]
    made = [(text(one.at("metadata", "creationTimestamp")) or "", one.name, one) for one in policies]
    if all(when for when, _, _ in made):
        return min(made, key=lambda one: one[:2])[2]
    return "several policies are attached to it, and the oldest counts"


def _targets(policy: KubeObject, level: _Level) -> bool:
    thing = level.thing
    if policy.namespace != thing.namespace:
        return False
    if any(
        text(child(one, "kind")) == thing.kind
        and text(child(one, "name")) == thing.name
        and (text(child(one, "sectionName")) or "") == level.section
        for one in _references(policy)
    ):
        return True
    labels = labels_of(thing.at("metadata", "labels"))
    return not level.section and any(
        text(child(one, "kind")) == thing.kind
        and child(one, "matchExpressions") is None
        and labels_of(child(one, "matchLabels")).items() <= labels.items()
        for one in items(policy.at("spec", "targetSelectors"))
    )


def _references(policy: KubeObject) -> Iterator[Node]:
    one = policy.at("spec", "targetRef")
    if one is not None:
        yield one
    yield from items(policy.at("spec", "targetRefs"))
