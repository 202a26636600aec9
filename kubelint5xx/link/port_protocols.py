"""Whether TLS is spoken: by a sender to its targets, and on the pods' port that receives it.

A port's TLS is rarely written down. A probe shows it, since the kubelet asks the port itself; a name or an
``appProtocol`` tells what somebody meant.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Unresolved, child, text
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Default, Value, Written
from kubelint5xx.link.aws_controller import (
    INGRESS_GUIDE,
    NLB_PREFIX,
    PREFIX,
    PRODUCT,
    SERVICE_GUIDE,
    Candidate,
    is_given,
)
from kubelint5xx.link.ingress_classes import NGINX_PREFIX
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.services import ServicePort, ports_of
from kubelint5xx.link.workloads import Container, whole_number

TLS, PLAIN, UNSAID = "tls", "plain", ""
_PROBES = ("readinessProbe", "startupProbe", "livenessProbe")
_NGINX = "https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#backend-protocol"
_OF_NGINX = {"HTTP": PLAIN, "GRPC": PLAIN, "HTTPS": TLS, "GRPCS": TLS, "FCGI": PLAIN, "AUTO_HTTP": UNSAID}


def alb_transport(candidates: Iterable[Candidate], place: Span, patched: tuple[str, ...]) -> Value:
    """What an ALB speaks with its targets: ``tls`` or ``plain``."""
    for candidate in candidates:
        if is_given(candidate.node):
            assert candidate.node is not None
            known = {"HTTP": PLAIN, "HTTPS": TLS}.get((text(candidate.node) or "").strip())
            return _written(candidate.node, candidate.setting, known)
    setting = f"{PREFIX}backend-protocol"
    return Value(PLAIN, Default(PRODUCT, setting, f"{INGRESS_GUIDE}#backend-protocol", place, patched))


def nginx_transport(ingress: KubeObject) -> Value:
    """What ingress-nginx speaks with the backends of an Ingress."""
    setting = f"{NGINX_PREFIX}backend-protocol"
    node = ingress.annotation(setting)
    if node is None:
        unseen = (f"overlay {ingress.patched_by} was not built",) if ingress.patched_by else ()
        return Value(PLAIN, Default("ingress-nginx", setting, _NGINX, ingress.span, unseen))
    return _written(node, setting, _OF_NGINX.get((text(node) or "").upper()))


def service_transport(service: KubeObject) -> Value:
    """What the load balancer of a Service speaks with its targets: nothing of its own unless it ends TLS for them."""
    setting = f"{NLB_PREFIX}backend-protocol"
    node = service.annotation(setting)
    if node is None:
        return Value(UNSAID, Default("AWS", setting, f"{SERVICE_GUIDE}#backend-protocol", service.span))
    said = (text(node) or "").lower()
    return _written(node, setting, {"http": PLAIN, "https": TLS, "ssl": TLS, "tcp": UNSAID}.get(said))


def group_transport(protocol: Node | None, place: Span) -> Value:
    """What is spoken with the targets of a target group of that protocol; passed on as it comes by TCP."""
    if protocol is None or (text(protocol) is None and isinstance(protocol, Scalar)):
        return Value.unknown("the protocol of the target group is not known", place)
    known = {"HTTP": PLAIN, "HTTPS": TLS, "TLS": TLS}.get((text(protocol) or "").upper())
    return _written(protocol, "protocol", known if known else UNSAID if text(protocol) else None)


def port_transport(port: ServicePort, container: Container, number: int | None, known_server: bool) -> Value:
    """What a port of the pods serves: ``tls``, ``plain``, or empty where nothing tells or what tells disagrees.

    Some programs (Argo CD) serve both on one port, and are probed by plain HTTP; of a server with a table
    (``known_server``) it is known that it does not.
    """
    place = container.place
    names = [port.node.get("name"), _declared_name(container, number), port.node.get("appProtocol")]
    # Another port of the Service may lead to the same one of the pods: programs can tell TLS by its first bytes.
    target = text(port.target)
    names += [one.node.get("name") for one in ports_of(port.service) if text(one.target) == target]
    meant = {said for name in names if (said := _meant(text(name)))}
    shown = _probed(container, number)
    if shown is not None and (shown.data == TLS or TLS not in meant):
        return Value(UNSAID, shown.origin) if shown.data == PLAIN and not known_server else shown
    if shown is not None or len(meant) != 1:
        return Value(UNSAID, Default("Kubernetes", "", "", place))
    (only,) = meant
    named = next(name for name in names if name is not None and _meant(text(name)) == only)
    return Value(only, Assumed(f"a port called {text(named)} serves what its name says", named.span))


def _probed(container: Container, number: int | None) -> Value | None:
    for kind in _PROBES:
        probe = container.node.get(kind)
        for action, scheme in (("httpGet", None), ("grpc", PLAIN)):
            asked = child(probe, action)
            if not isinstance(asked, Mapping) or number is None or _port(asked.get("port"), container) != number:
                continue
            given = asked.get("scheme")
            if scheme is not None or given is None:
                place = asked.get("port") or asked
                return Value(PLAIN, Written(place.span, f"{kind}.{action}"))
            known = {"HTTP": PLAIN, "HTTPS": TLS}.get((text(given) or "").upper())
            return _written(given, f"{kind}.httpGet.scheme", known)
    return None


def _port(node: Node | None, container: Container) -> int | None:
    number = whole_number(node)
    return number if number is not None else container.port_named(text(node) or "")


def _declared_name(container: Container, number: int | None) -> Node | None:
    ports = container.node.get("ports")
    for index in range(64):
        port = child(ports, index)
        if not isinstance(port, Mapping):
            return None
        if number is not None and whole_number(port.get("containerPort")) == number:
            return port.get("name")
    return None


def _meant(name: str | None) -> str:
    first = (name or "").lower().partition("-")[0]
    return {"https": TLS, "http": PLAIN}.get(first, "")


def _written(node: Node, setting: str, known: str | None) -> Value:
    via = node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()
    reason = "" if known is not None else node.reason if isinstance(node, Unresolved) else f"{setting} is not known"
    return Value(known, Written(node.span, setting, "", via), reason)
