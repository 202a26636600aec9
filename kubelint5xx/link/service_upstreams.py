"""Proxies that a team runs itself in the cluster, as pods that send requests on to Services of other pods.

Their configuration names a Service as DNS does: ``api``, ``api.shop``, ``api.shop.svc``, ``api.shop.svc.cluster.local``
(https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/). Such a proxy sends to the ClusterIP, so it
does not know the pods. The name of a headless Service stands for the pods themselves; what becomes of it when they
change depends on how the proxy asks, so that is left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kubelint5xx.config import Config
from kubelint5xx.core.node import Node, Scalar, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Value, Written
from kubelint5xx.formats import nginx
from kubelint5xx.hops.detect import Recognised, claims, recognise
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import build_hop
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.proxies import endpoint_facts
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of
from kubelint5xx.link.workloads import Container
from kubelint5xx.model.topology import Hop

_COMMENT = pattern(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
_SCHEMES = {"http": 80, "https": 443, "h2c": 80, "grpc": 80, "grpcs": 443}
_HOST = r"(?P<host>[A-Za-z0-9](?:[\w.-]*\w)?)"
# Where the configuration of the other proxies names a host and a port.
_TARGETS = {
    "envoy": pattern(rf"\baddress:\s*[\"']?{_HOST}[\"']?[\s,]+port_value:\s*(?P<port>\d{{1,5}})\b"),
    "haproxy": pattern(rf"^[ \t]*server(?:-template)?[ \t]+\S+[ \t]+(?:\d+[ \t]+)?{_HOST}:(?P<port>\d{{1,5}})\b", re.M),
    "caddy": pattern(rf"\breverse_proxy[ \t]+(?:\S+[ \t]+)?(?P<scheme>https?|h2c)?(?:://)?{_HOST}:(?P<port>\d{{1,5}})\b"),
    "apache_httpd": pattern(
        rf"\b(?:ProxyPass(?:Match)?[ \t]+\S+|BalancerMember)[ \t]+[\"']?(?P<scheme>https?)://{_HOST}(?::(?P<port>\d{{1,5}}))?"
    ),
}


@record
class Onward:
    """A Service's port that a proxy sends requests on to, and the proxy as it does."""

    sender: Hop
    port: ServicePort
    scope: Scope
    facts: Mapping[str, Value]


@record
class Found:
    """What a proxy sends requests on to. ``missing``: names that lead to a Service without such a port, and why."""

    known: tuple[Onward, ...]
    missing: tuple[tuple[Span, str], ...] = ()


@record
class _Target:
    """``directive``: what passes requests on to it, where the proxy's settings depend on that."""

    host: str
    port: str
    scheme: str
    place: Span
    directive: Span | None = None


def onward_of(hop: Hop, container: Container, launch: Launch, scope: Scope, config: Config) -> Found:
    """The Services among the manifests that a proxy's configuration names."""
    found = recognise(launch)
    if not isinstance(found, Recognised):
        return Found(())
    targets = list(_nginx(found, launch.port) if hop.product == "nginx" else _others(hop.product, launch))
    services: dict[int, tuple[ServicePort, list[_Target]]] = {}
    missing: list[tuple[Span, str]] = []
    for target in targets:
        service = _service(target.host, container.workload.owner.namespace, scope)
        if service is None:
            continue
        number = target.port or str(_SCHEMES.get(target.scheme, 80))
        port = port_of(service, Scalar(target.place, int(number), number))
        if isinstance(port, str):
            missing.append((target.place, port))
        else:
            services.setdefault(id(port.node), (port, []))[1].append(target)
    alone = len({(target.host, target.port) for target in targets}) == 1
    known: list[Onward] = []
    for port, own in services.values():
        sender = hop if alone else _towards(hop, found, launch, own)
        facts = endpoint_facts(hop.name, port.service, _through(port.service, own[0]), _protocol(own), config)
        known.append(Onward(sender, port, scope, facts))
    return Found(tuple(known), tuple(missing))


def _service(host: str, namespace: str, scope: Scope) -> KubeObject | None:
    """The Service that a name stands for inside of a pod."""
    parts = host.rstrip(".").split(".")
    if len(parts) > 2 and parts[2] != "svc":
        return None
    if len(parts) == 1:
        return service_of(scope, namespace, parts[0])
    # What has no namespace gets its own when it is applied, and so does the proxy.
    unsaid = parts[1] == "default" or not namespace
    return service_of(scope, parts[1], parts[0]) or (service_of(scope, "", parts[0]) if unsaid else None)


def _through(service: KubeObject, target: _Target) -> Value:
    """Whether requests go by way of the ClusterIP."""
    cluster_ip = service.at("spec", "clusterIP")
    if text(cluster_ip) == "None":
        reason = f"{service.title} is headless, and how the proxy looks its name up is not known"
        return Value.unknown(reason, target.place)
    return Value(True, Written(target.place))


def _protocol(targets: list[_Target]) -> Value:
    schemes = {target.scheme for target in targets}
    place = targets[0].place
    if schemes <= {"http", "https"}:
        return Value("http1", Written(place))
    if schemes <= {"grpc", "grpcs"}:
        return Value("grpc", Written(place))
    return Value.unknown("what the proxy speaks to it is not known", place)


def _towards(hop: Hop, found: Recognised, launch: Launch, targets: list[_Target]) -> Hop:
    """The proxy with the settings that hold for what it sends to one of several Services."""
    if hop.product != "nginx":
        return unknown_hop("proxy", hop.name, hop.place)
    directives = frozenset(target.directive for target in targets if target.directive is not None)
    settings = tuple(
        replace(one, root=nginx.only_with(one.root, directives)) if one.format == "nginx" and one.root else one
        for one in found.settings
    )
    everything = (*settings, *claims(launch.annotations))
    return build_hop(hop.product, hop.name, hop.place, everything, launch.port, found.version, joins=hop.inbound.joins)


def _nginx(found: Recognised, port: int | None) -> Iterator[_Target]:
    roots: list[Node] = [one.root for one in found.settings if one.format == "nginx" and one.root is not None]
    for root in roots:
        for one in nginx.passes(root, port):
            host, _, number = one.address.partition(":")
            if host and "$" not in one.address and (not number or number.isdecimal()):
                yield _Target(host, number, one.scheme, one.place, one.directive.span)


def _others(product: str, launch: Launch) -> Iterator[_Target]:
    for source in launch.files.seen.values():
        content = _COMMENT.sub(lambda comment: " " * len(comment[0]), source.text)
        for match in _TARGETS[product].finditer(content):
            given = match.groupdict()
            place = _span(source, match)
            # Which protocol HAProxy and Envoy speak depends on what stands elsewhere.
            scheme = given.get("scheme") or ("http" if product in ("caddy", "apache_httpd") else "")
            yield _Target(match["host"], given.get("port") or "", scheme, place)


def _span(source: Source, match: re.Match[str]) -> Span:
    return Span(source, match.start("host"), match.end("host"))
