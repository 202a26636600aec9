"""Proxies in the cluster that send requests to a Service's pods: their own settings, and what objects say of a route.

All of them watch endpoints and send to the pods by their own addresses, unless something tells them to use the
Service's ClusterIP. Emissary-ingress does that by itself (python/ambassador/ir/irserviceresolver.py of
emissary-ingress/emissary: the resolver ``kubernetes-service`` is always there, and gives one endpoint by its name).
"""

from __future__ import annotations

from collections.abc import Mapping

from kubelint5xx.config import Config
from kubelint5xx.core.node import Node, Reference, Scalar, Unresolved, child, items, text
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Value, Version, Written
from kubelint5xx.hops.convert import convert, is_set
from kubelint5xx.hops.detect import Recognised, claims, recognise
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.hops.table import Row, table
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxy_controllers import Controller
from kubelint5xx.link.receivers import unknown_hop
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort
from kubelint5xx.link.workloads import Container
from kubelint5xx.model.knobs import DURATION
from kubelint5xx.model.topology import Hop

NOT_HERE = "the proxy is not among the files"
_INFINITE = {"infinity": float("inf"), "infinite": float("inf")}


@record
class Told:
    """What objects say of a route: quantities by their names in hop tables, and the places that were looked at, as the
    tables call them."""

    values: Mapping[str, Value]
    seen: tuple[str, ...] = ()


NOTHING = Told({})


class Proxies:
    """The proxies of one make in a scope. ``settings``: what is known of a container beyond how it is started."""

    def __init__(self, controller: Controller, scope: Scope, paths: Paths) -> None:
        self.controller, self._scope, self._paths = controller, scope, paths
        self.containers = [
            container
            for workload in paths.receivers.workloads(scope)
            for container in workload.containers()
            if ImageName.parse(text(container.node.get("image")) or "").name in controller.images
            and (not controller.word or controller.word in _words(container))
        ]

    @property
    def only(self) -> Container | None:
        """The one container that runs the proxy, or its controller, where there is one."""
        return self.containers[0] if len(self.containers) == 1 else None

    def sender(
        self,
        where: str,
        place: Span,
        told: Told = NOTHING,
        container: Container | None = None,
        settings: tuple[Settings, ...] | None = None,
    ) -> Hop:
        """The proxy as it sends the requests of a route on; ``where`` names the route's object, for a proxy that is not
        among the files."""
        container = container or self.only
        made = self._built(container, settings) if container is not None else None
        hop = made or self._unseen(where, place, settings or ())
        return _with(hop, told)

    def _built(self, container: Container, extra: tuple[Settings, ...] | None) -> Hop | None:
        launch = self._paths.receivers.launch_of(container, None, self._scope)
        product = self.controller.product
        found = recognise(launch)
        if not product or (isinstance(found, Recognised) and found.product != product):
            return None
        known = isinstance(found, Recognised)
        settings = found.settings if isinstance(found, Recognised) else ()
        version = found.version if isinstance(found, Recognised) else _version(launch.image)
        if extra is None and not known:
            settings = _nowhere(product, "how it is started is not known")
        name = f"{table(product).title} in {launch.name}"
        everything = (*settings, *(extra or ()), *claims(launch.annotations))
        return build_hop(product, name, launch.place, everything, None, version, role="proxy")

    def _unseen(self, where: str, place: Span, extra: tuple[Settings, ...]) -> Hop:
        product, title = self.controller.product, self.controller.title
        if not product:
            return unknown_hop("proxy", f"{title} ({where})", place)
        given = {one.format for one in extra}
        settings = tuple(one for one in _nowhere(product, NOT_HERE) if one.format not in given)
        return build_hop(product, f"{title} ({where})", place, (*settings, *extra), role="proxy")


def _nowhere(product: str, why: str) -> tuple[Settings, ...]:
    return tuple(Settings(place.format, None, place.label, why) for place in table(product).read)


def _with(hop: Hop, told: Told) -> Hop:
    """The hop with what was told of the route; defaults rest on fewer unseen places where those were looked at."""
    for face in (hop.inbound, hop.outbound):
        for name, value in list(face.values.items()):
            origin = value.origin
            if isinstance(origin, Default) and any(label in told.seen for label in origin.unseen):
                unseen = tuple(label for label in origin.unseen if label not in told.seen)
                face.values[name] = replace(value, origin=replace(origin, unseen=unseen))
    for name, value in told.values.items():
        hop.outbound.values[name] = value
    return hop


def endpoint_facts(
    title: str, service: KubeObject, through_service: Value | None, protocol: Value, config: Config
) -> dict[str, Value]:
    """The values of the edge from such a proxy to the pods. ``through_service``: whether it sends to the Service's
    ClusterIP; None where the proxy always takes the pods' own addresses."""
    through = through_service or Value(False, Default(title, "", "", service.span))
    how = Derived(f"{title} sends to the {'ClusterIP' if through.data else 'pods'} of a Service", (through,))
    passed = Value(through.data, how, through.reason)
    target = None if not through.known else "service" if through.data else "ip"
    return {
        "protocol": protocol,
        "target_type": Value(target, how, through.reason),
        "pinned": passed,
        "through_kube_proxy": passed,
        "propagation": config.budget("endpoint_propagation"),
    }


def http_of(port: ServicePort, title: str, said: Node | None = None, setting: str = "") -> Value:
    """What is spoken to a Service's port: HTTP/1 unless ``said`` (``h2c``, ``grpc``, …), or the port's own name or
    appProtocol, hints at something else, which not every proxy minds."""
    if said is not None:
        written = (text(said) or "").lower()
        known = {"h2": "http2", "h2c": "http2", "grpc": "grpc", "grpcs": "grpc", "http": "http1", "https": "http1",
                 "tls": "http1", "h1": "http1", "h1-ssl": "http1", "h2-ssl": "http2"}.get(written)  # fmt: skip
        origin = Written(said.span, setting, "", _via(said))
        return Value(known, origin, "" if known else f"{setting} names no protocol that is known")
    for key in ("appProtocol", "name"):
        node = port.node.get(key)
        first = (text(node) or "").lower().rpartition("/")[2].partition("-")[0]
        if node is not None and first in ("grpc", "h2c", "http2", "h2"):
            return Value.unknown(f"whether {title} follows {key} {text(node)} is not known", node.span)
    return Value("http1", Default(title, setting, "", port.service.span))


def length(node: Node, setting: str, unit: str = "text", zero: str | float | None = None) -> Value | None:
    """A duration; None where the proxy takes what is written as if nothing were."""
    if not is_set(node):
        return None
    row = Row(setting, DURATION, unit=unit, bare=unit if unit in ("s", "ms") else "s", zero=zero, words=_INFINITE)
    return convert(row, node, setting)


def lengths(root: Node | None, rows: Mapping[str, tuple[str, ...]], label: str, **how: str) -> dict[str, Value]:
    """The durations below ``root`` that ``rows`` name: for each quantity the path of its field."""
    found: dict[str, Value] = {}
    for quantity, path in rows.items():
        node = child(root, *path)
        value = length(node, f"{label}{'.'.join(path)}", **how) if node is not None else None
        if value is not None:
            found[quantity] = value
    return found


def flag(node: Node | None, setting: str, otherwise: Value) -> Value:
    """A yes or no that an annotation or a field gives, or ``otherwise``."""
    if node is None or not is_set(node):
        return otherwise
    said = {"true": True, "false": False}.get((text(node) or "").lower())
    return Value(
        said, Written(node.span, setting, "", _via(node)), "" if said is not None else f"{setting} is not known"
    )


def _via(node: Node) -> tuple[Span, ...]:
    return node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()


def _words(container: Container) -> list[str | None]:
    return [text(word) for key in ("command", "args") for word in items(container.node.get(key))]


def _version(image: Node | None) -> Value | None:
    parsed = Version.parse(ImageName.parse(text(image) or "").tag) if image is not None else None
    return Value(parsed, Written(image.span, "image tag")) if parsed and image is not None else None
