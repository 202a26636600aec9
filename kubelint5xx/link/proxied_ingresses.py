"""Ingresses of proxies other than ingress-nginx: what annotations of the Ingress and of the Service say of a route.

Sources: docs/content/reference of traefik/traefik (``service.nativelb``, ``service.serverstransport``), the annotation
references of Kong/kubernetes-ingress-controller, projectcontour/contour, jcmoraisjr/haproxy-ingress and
haproxytech/kubernetes-ingress.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Node, Scalar, text
from kubelint5xx.core.value import Default, Value
from kubelint5xx.link import proxy_controllers as known
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, flag, http_of, length
from kubelint5xx.link.proxy_controllers import Controller
from kubelint5xx.link.proxy_settings import settings_of
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort
from kubelint5xx.model.topology import Hop

TRANSPORT = "traefik.ingress.kubernetes.io/service.serverstransport"
_NATIVE = "traefik.ingress.kubernetes.io/service.nativelb"
_NATIVE_CITE = "https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/"
_KONG_CITE = "https://developer.konghq.com/kubernetes-ingress-controller/reference/annotations/"
_HAPROXY = ("haproxy-ingress.github.io/", "ingress.kubernetes.io/")
_HAPROXY_TECH = "haproxy.org/server-proto"
_HAPROXY_CITE = "https://haproxy-ingress.github.io/docs/configuration/keys/#service-upstream"
_RESOLVER_CITE = "https://github.com/emissary-ingress/emissary/blob/master/python/ambassador/ir/irserviceresolver.py"


def join_proxied(
    ingresses: Sequence[tuple[KubeObject, str, Iterable[ServicePort]]],
    controller: Controller,
    scope: Scope,
    paths: Paths,
) -> None:
    """Edges from one make of proxy to the ports that its Ingresses (each with its class) name."""
    proxies = Proxies(controller, scope, paths)
    for ingress, class_name, ports in ingresses:
        if len(proxies.containers) > 1:
            reason = f"several proxies of {controller.title} are here, and which one takes it is not known"
            paths.note(ingress.title, reason, ingress.span)
        for port in ports:
            where = f"class {class_name}" if class_name else ingress.title
            sender = sender_of(proxies, ingress, port, where, scope)
            paths.judge(sender)
            facts = endpoint_facts(
                controller.title,
                port.service,
                through_service(controller, ingress, port.service),
                protocol(controller, ingress, port),
                paths.config,
            )
            paths.connect(
                sender, port, scope, facts, (Step(sender.name, sender.place), Step(ingress.title, ingress.span))
            )


def sender_of(proxies: Proxies, route: KubeObject, port: ServicePort, where: str, scope: Scope) -> Hop:
    """The proxy as it sends what comes for ``route`` to a Service's port."""
    service, controller = port.service, proxies.controller
    told = _TOLD[controller.name](route, service, scope) if controller.name in _TOLD else Told({})
    return proxies.sender(where, route.span, told, settings=settings_of(proxies, route, service, scope))


def through_service(controller: Controller, route: KubeObject, service: KubeObject) -> Value | None:
    """Whether the proxy sends to the Service's ClusterIP; None where it never does."""
    unseen = (f"overlay {service.patched_by} was not built",) if service.patched_by else ()
    if controller is known.TRAEFIK:
        usual = Default("Traefik", _NATIVE, _NATIVE_CITE, service.span, (*unseen, "--providers.*.nativeLBByDefault"))
        return flag(service.annotation(_NATIVE), _NATIVE, Value(False, usual))
    if controller is known.KONG:
        setting = "ingress.kubernetes.io/service-upstream"
        usual = Default("Kong", setting, _KONG_CITE, service.span, unseen)
        return flag(service.annotation(setting), setting, Value(False, usual))
    if controller is known.HAPROXY:
        for prefix in _HAPROXY:
            for thing in (service, route):
                setting = f"{prefix}service-upstream"
                if (node := thing.annotation(setting)) is not None:
                    return flag(node, setting, Value(False, Default("HAProxy Ingress", setting, _HAPROXY_CITE)))
        usual = Default("HAProxy Ingress", "service-upstream", _HAPROXY_CITE, service.span, (*unseen, "its ConfigMap"))
        return Value(False, usual)
    if controller is known.EMISSARY:
        return Value(True, Default("Emissary-ingress", "resolver", _RESOLVER_CITE, route.span, ("the Module",)))
    return None


def protocol(controller: Controller, route: KubeObject, port: ServicePort) -> Value:
    """What the proxy speaks to a Service's port."""
    service, title = port.service, controller.title
    if controller is known.TRAEFIK:
        setting = "traefik.ingress.kubernetes.io/service.serversscheme"
        return http_of(port, title, service.annotation(setting), setting)
    if controller is known.KONG:
        return http_of(port, title, service.annotation("konghq.com/protocol"), "konghq.com/protocol")
    if controller is known.CONTOUR:
        for name in ("h2", "h2c"):
            setting = f"projectcontour.io/upstream-protocol.{name}"
            ports = {part.strip() for part in (text(service.annotation(setting)) or "").split(",")}
            if {str(port.number), text(port.node.get("name"))} & ports:
                node = service.annotation(setting)
                assert node is not None
                return http_of(port, title, Scalar(node.span, name, name), setting)
    if controller is known.HAPROXY:
        for setting in (f"{prefix}backend-protocol" for prefix in _HAPROXY):
            for thing in (service, route):
                if (node := thing.annotation(setting)) is not None:
                    return http_of(port, title, node, setting)
    if controller is known.HAPROXY_TECH:
        for thing in (service, route):
            if (node := thing.annotation(_HAPROXY_TECH)) is not None:
                return http_of(port, title, node, _HAPROXY_TECH)
    return http_of(port, title)


def _traefik(route: KubeObject, service: KubeObject, scope: Scope) -> Told:
    named = service.annotation(TRANSPORT)
    if named is None:
        return Told({}, ("a ServersTransport",))
    reference = (text(named) or "").partition("@")[0]
    found = [
        thing for thing in scope.of("ServersTransport") if reference in (f"{thing.namespace}-{thing.name}", thing.name)
    ]
    return servers_transport(found[0] if len(found) == 1 else None, named)


def servers_transport(transport: KubeObject | None, named: Node) -> Told:
    """What a ServersTransport gives; it has defaults of its own, the same as the static configuration's."""
    rows = {
        "idle_timeout": ("idleConnTimeout", 90.0),
        "connect_timeout": ("dialTimeout", 30.0),
        "response_timeout": ("responseHeaderTimeout", float("inf")),
    }
    values: dict[str, Value] = {}
    for quantity, (key, default) in rows.items():
        if transport is None:
            values[quantity] = Value.unknown("its ServersTransport is not among the files", named.span)
            continue
        node = transport.at("spec", "forwardingTimeouts", key)
        value = length(node, f"forwardingTimeouts.{key}", zero="unlimited") if node is not None else None
        cite = "https://github.com/traefik/traefik/blob/master/pkg/provider/kubernetes/crd/kubernetes.go"
        values[quantity] = value or Value(
            default, Default("Traefik", f"forwardingTimeouts.{key}", cite, transport.span)
        )
    return Told(values, ("a ServersTransport",))


def _kong(route: KubeObject, service: KubeObject, scope: Scope) -> Told:
    if route.annotation("konghq.com/override") is not None or service.annotation("konghq.com/override") is not None:
        return Told({})
    values: dict[str, Value] = {}
    for quantity, setting in (("response_timeout", "read-timeout"), ("connect_timeout", "connect-timeout")):
        node = service.annotation(f"konghq.com/{setting}")
        value = length(node, f"konghq.com/{setting}", "ms") if node is not None else None
        if value is not None:
            values[quantity] = value
    return Told(values, ("the Service in Kong",))


def _contour(route: KubeObject, service: KubeObject, scope: Scope) -> Told:
    setting = "projectcontour.io/response-timeout"
    node = route.annotation(setting)
    value = length(node, setting) if node is not None else None
    return Told({"response_timeout": value} if value else {}, ("an HTTPProxy", "the annotations of an Ingress"))


_TOLD = {"traefik": _traefik, "kong": _kong, "contour": _contour}
