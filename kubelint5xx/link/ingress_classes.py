"""Which controller handles an Ingress, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelint5xx.core.node import Unresolved, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.link import proxy_controllers as proxies
from kubelint5xx.link.aws_controller import CONTROLLERS, PREFIX
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.scopes import Scope

ALB, NGINX, GOOGLE, OTHER = "alb", "nginx", "google", "other"
NGINX_CONTROLLER, NGINX_PREFIX = "k8s.io/ingress-nginx", "nginx.ingress.kubernetes.io/"
_LEGACY, _DEFAULT = "kubernetes.io/ingress.class", "ingressclass.kubernetes.io/is-default-class"
# GKE's own classes have no IngressClass; its controller takes Ingresses without a class, too. Source:
# pkg/annotations/ingress.go and service.go of kubernetes/ingress-gce.
_GOOGLE_CLASSES = ("gce", "gce-internal", "gce-regional-external")
_GOOGLE_KEYS = (
    "ingress.gcp.kubernetes.io/",
    "kubernetes.io/ingress.global-static-ip-name",
    "kubernetes.io/ingress.regional-static-ip-name",
    "networking.gke.io/",
)


@record
class Handler:
    """``kind`` of controller (one of the above, or a name of ``proxy_controllers``), the class's ``name`` as written,
    its IngressClassParams, and whether it is the one of EKS Auto Mode. ``seen``: the IngressClass, where
    all that it says and names is among the files."""

    kind: str
    name: str
    params: KubeObject | None = None
    auto_mode: bool = False
    seen: Span | None = None


@record
class Classes:
    """The IngressClasses by the scope that holds them, each with the parameters that it names there."""

    by_scope: Mapping[Scope, Sequence[KubeObject]]
    params: Mapping[KubeObject, KubeObject]


def classes_of(scopes: Sequence[Scope]) -> Classes:
    by_scope = {scope: found for scope in scopes if (found := scope.of("IngressClass"))}
    params: dict[KubeObject, KubeObject] = {}
    for scope, classes in by_scope.items():
        named = {thing.name: thing for thing in scope.of("IngressClassParams")}
        for ingress_class in classes:
            wanted = text(ingress_class.at("spec", "parameters", "name")) or ""
            if wanted in named:
                params[ingress_class] = named[wanted]
    return Classes(by_scope, params)


def handler_of(ingress: KubeObject, scope: Scope, classes: Classes) -> Handler | str:
    """Who handles ``ingress``; a text tells why that is not known."""
    given = ingress.at("spec", "ingressClassName") or ingress.annotation(_LEGACY)
    if isinstance(given, Unresolved):
        return given.reason
    name = (text(given) or "").strip()
    found = _class_named(name, scope, classes)
    if found is not None:
        controller = text(found.at("spec", "controller")) or ""
        if controller in CONTROLLERS:
            params = classes.params.get(found)
            whole = params is not None or found.at("spec", "parameters") is None
            return Handler(ALB, found.name, params, controller == CONTROLLERS[1], found.span if whole else None)
        kind = NGINX if controller == NGINX_CONTROLLER else proxies.of_controller(controller)
        return Handler(kind or OTHER, found.name)
    if name in (ALB, NGINX):
        return Handler(name, name)
    if name in _GOOGLE_CLASSES:
        return Handler(GOOGLE, name)
    if kind := proxies.of_class(name):
        return Handler(kind, name)
    annotations = ingress.at("metadata", "annotations")
    keys = list(labels_of(annotations))
    # A controller reads no annotations but its own.
    for prefix, kind in ((PREFIX, ALB), (NGINX_PREFIX, NGINX)):
        if any(key.startswith(prefix) for key in keys):
            return Handler(kind, name)
    if not name and any(key.startswith(_GOOGLE_KEYS) for key in keys):
        return Handler(GOOGLE, name)
    return Handler(proxies.of_annotations(keys) or OTHER, name)


def _class_named(name: str, scope: Scope, classes: Classes) -> KubeObject | None:
    """The IngressClass: of the scope, else the one that all other scopes agree on."""
    for thing in classes.by_scope.get(scope, ()):
        if thing.name == name or (not name and text(thing.annotation(_DEFAULT)) == "true"):
            return thing
    named = [thing for found in classes.by_scope.values() for thing in found if name and thing.name == name]
    controllers = {text(thing.at("spec", "controller")) for thing in named}
    return named[0] if len(controllers) == 1 else None
