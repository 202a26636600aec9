"""Emissary-ingress: which Services its Mappings send to, and what they say of the way there.

A Mapping names a Service as a URL without a path, ``web``, ``web.shop:8080`` or ``https://web``, in its own namespace
where none is written. Connections end at the Service's ClusterIP unless a KubernetesEndpointResolver is chosen. Source:
python/ambassador/ir/irserviceresolver.py and ircluster.py, envoy/v3/v3route.py and v3cluster.py of
emissary-ingress/emissary.
"""

from __future__ import annotations

from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import Mapping, Node, Scalar, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value, Written
from kubelint5xx.link.attributes import truth
from kubelint5xx.link.contour_routes import RESETS
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.proxied_ingresses import through_service
from kubelint5xx.link.proxies import Proxies, Told, endpoint_facts, http_of, length
from kubelint5xx.link.proxy_controllers import EMISSARY
from kubelint5xx.link.proxy_settings import settings_of
from kubelint5xx.link.references import to_service
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import ServicePort, port_of, service_of

GROUP = "getambassador.io"
_SERVICE = pattern(r"(?:(?P<scheme>[a-z]+)://)?(?P<host>[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?:/.*)?")
_TIMES = {
    "response_timeout": ("timeout_ms", "unlimited"),
    "idle_timeout": ("cluster_idle_timeout_ms", "fallback"),
    "connect_timeout": ("connect_timeout_ms", "fallback"),
}


def join_mappings(scope: Scope, paths: Paths) -> None:
    """Edges from Emissary-ingress to the Services of all Mappings."""
    proxies = Proxies(EMISSARY, scope, paths)
    for route in scope.of("Mapping"):
        spec = route.at("spec")
        if route.group != GROUP or not isinstance(spec, Mapping) or truth(spec.get("shadow")) is True:
            continue
        node = spec.get("service")
        said = _SERVICE.fullmatch((text(node) or "").lower())
        if node is None or said is None:
            paths.note(route.title, "its service is not known", node.span if node is not None else route.span)
            continue
        number = said["port"] or ("443" if said["scheme"] == "https" else "80")
        port = _port(route, node, said["host"], Scalar(node.span, int(number), number), scope, paths)
        if port is not None:
            _join(route, spec, port, said["scheme"] or "", proxies, scope, paths)


def _port(route: KubeObject, node: Node, host: str, number: Scalar, scope: Scope, paths: Paths) -> ServicePort | None:
    name, _, rest = host.partition(".")
    space = rest.partition(".")[0] if rest else route.namespace
    service = service_of(scope, "" if space == "default" else space, name)
    port: ServicePort | str = f"Service {host} is not among the files"
    if service is not None:
        port = port_of(service, number)
        paths.refer(to_service(f"the service {name} of {route.title}", number, service))
    if isinstance(port, str):
        paths.note(f"the service of {route.title}", port, node.span)
        return None
    return port


def _join(
    route: KubeObject, spec: Mapping, port: ServicePort, scheme: str, proxies: Proxies, scope: Scope, paths: Paths
) -> None:
    settings = settings_of(proxies, route, port.service, scope)
    sender = proxies.sender(route.title, route.span, _told(spec), settings=settings)
    paths.judge(sender)
    grpc = spec.get("grpc")
    spoken = http_of(port, "Emissary-ingress")
    if grpc is not None and truth(grpc) is not False:
        on = truth(grpc)
        spoken = Value("grpc" if on else None, Written(grpc.span, "grpc"), "" if on else "grpc is not known")
    facts = endpoint_facts("Emissary-ingress", port.service, _through(route, spec, scope), spoken, paths.config)
    tls = spec.get("tls")
    if scheme == "https" or (tls is not None and text(tls) not in (None, "false")):
        place: Span = tls.span if tls is not None else route.span
        facts["transport"] = Value("tls", Written(place, "service"))
    steps = (Step(sender.name, sender.place), Step(route.title, route.span))
    paths.connect(sender, port, scope, facts, steps)


def _told(spec: Mapping) -> Told:
    values: dict[str, Value] = {}
    for quantity, (key, zero) in _TIMES.items():
        node = spec.get(key)
        value = length(node, key, "ms", zero) if node is not None else None
        if value is not None:
            values[quantity] = value
    retry = spec.get("retry_policy")
    if isinstance(retry, Mapping):
        again = text(retry.get("retry_on")) in RESETS
        values["resends"] = Value(again, Written(retry.span.first_line(), "retry_policy"))
    return Told(values, ("a Mapping",))


def _through(route: KubeObject, spec: Mapping, scope: Scope) -> Value | None:
    """Whether its connections end at the Service's ClusterIP."""
    module = next((one for one in scope.of("Module") if one.group == GROUP and one.name == "ambassador"), None)
    chosen = spec.get("resolver")
    if chosen is None and module is not None:
        chosen = module.at("spec", "config", "resolver")
    if chosen is None:
        usual = through_service(EMISSARY, route, route)
        if module is not None and usual is not None and isinstance(usual.origin, Default):
            origin = usual.origin
            return Value(True, Default(origin.product, origin.setting, origin.cite, origin.place))
        return usual
    name = text(chosen)
    kinds = {
        one.kind
        for one in scope.of("KubernetesEndpointResolver", "KubernetesServiceResolver")
        if one.group == GROUP and one.name == name
    }
    if name == "kubernetes-service" and not kinds:
        kinds = {"KubernetesServiceResolver"}
    if len(kinds) != 1:
        return Value.unknown(f"the resolver {name} is not among the files", chosen.span)
    return Value(kinds == {"KubernetesServiceResolver"}, Written(chosen.span, "resolver"))
