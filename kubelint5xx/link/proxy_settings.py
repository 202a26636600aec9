"""What objects say of a proxy itself, beyond how it is started: each controller has its own.

HAProxy's controllers read a ConfigMap that their command line names, and annotations, of which the Service's win over
the Ingress's. Contour reads a file or a ContourConfiguration, Emissary-ingress the Module ``ambassador``, and the
operator of OpenShift starts its routers by an IngressController, which takes all Routes unless it selects some.

Sources: documentation/README.md of haproxytech/kubernetes-ingress, apis/projectcontour/v1alpha1/contourconfig.go of
projectcontour/contour, python/ambassador/ir/irambassador.py of emissary-ingress/emissary, and
pkg/operator/controller/ingress/deployment.go of openshift/cluster-ingress-operator.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelint5xx.core.node import Mapping, Scalar, Unresolved, child, entries
from kubelint5xx.core.node import text as text_of
from kubelint5xx.core.source import Span
from kubelint5xx.formats import argv as command_lines
from kubelint5xx.formats import yaml
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.hops.resolve import Settings
from kubelint5xx.link import proxy_controllers as known
from kubelint5xx.link.haproxy_config_map import config_map_of, line_of, of_object
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.proxies import Proxies
from kubelint5xx.link.scopes import Scope


def settings_of(
    proxies: Proxies, route: KubeObject, service: KubeObject | None, scope: Scope
) -> tuple[Settings, ...] | None:
    """The places of a proxy's settings that objects hold, for what it does with a route; None where there are none."""
    read = _READ.get(proxies.controller.name)
    return read(proxies, route, service, scope) if read is not None else None


def _haproxy(proxies: Proxies, route: KubeObject, service: KubeObject | None, scope: Scope) -> tuple[Settings, ...]:
    annotations = Settings("annotation", _annotations(route, service), f"the annotations of {route.title}")
    container = proxies.only
    if container is None:
        return (annotations,)
    argv = Settings("argv", line_of(container), "the command line")
    return config_map_of(container, proxies.controller.title, scope), argv, annotations


def _annotations(route: KubeObject, service: KubeObject | None) -> Mapping:
    things = [thing for thing in (route, service) if thing is not None]
    given = [node for thing in things if (node := thing.at("metadata", "annotations")) is not None]
    open_ = next((node.reason for node in given if isinstance(node, Unresolved)), "")
    patched = next((thing.patched_by for thing in things if thing.patched_by), "")
    why = open_ or (f"overlay {patched} was not built" if patched else "")
    return Mapping(route.span, tuple(entry for node in given for entry in entries(node)), why)


def _contour(proxies: Proxies, route: KubeObject, service: KubeObject | None, scope: Scope) -> tuple[Settings, ...]:
    label, found = "a ContourConfiguration", scope.of("ContourConfiguration")
    container = proxies.only
    if container is not None:
        named = command_lines.lookup(line_of(container), "--contour-config-name")
        if not named:
            return (Settings("attributes", None, label),)
        name = text_of(named[-1])
        namespace = container.workload.owner.namespace
        found = [one for one in found if one.name == name and one.namespace == namespace]
        if not found:
            return (Settings("attributes", None, label, f"{name} is not among the files"),)
    if len(found) == 1:
        # It and the file exclude each other.
        own = of_object("attributes", found[0], found[0].at("spec", "envoy", "timeouts"))
        return (Settings("yaml", None, "contour.yaml"), own) if container is None else (own,)
    files = [node for thing in scope.of("ConfigMap") if (node := _contour_file(thing)) is not None]
    if container is None and len(files) == 1:
        documents = yaml.read(embedded(files[0])).documents
        root = documents[0].root if documents else None
        return Settings("yaml", root, "contour.yaml"), Settings("attributes", None, label)
    return ()


def _contour_file(thing: KubeObject) -> Scalar | None:
    """The file in the ConfigMap that Contour's own manifests mount."""
    node = thing.at("data", "contour.yaml") if thing.name == "contour" else None
    return node if isinstance(node, Scalar) else None


def _emissary(proxies: Proxies, route: KubeObject, service: KubeObject | None, scope: Scope) -> tuple[Settings, ...]:
    found = [one for one in scope.of("Module") if one.group == "getambassador.io" and one.name == "ambassador"]
    if len(found) == 1:
        return (of_object("attributes", found[0], found[0].at("spec", "config")),)
    why = "several are here" if found else "it is not among the files"
    return (Settings("attributes", None, "the Module", why),)


def _openshift(proxies: Proxies, route: KubeObject, service: KubeObject | None, scope: Scope) -> tuple[Settings, ...]:
    annotations = Settings("annotation", _annotations(route, None), f"the annotations of {route.title}")
    found = [one for one in scope.of("IngressController") if one.group == "operator.openshift.io"]
    selecting = [one for one in found if _selects(one)]
    if len(found) == 1 and not selecting:
        # The operator sets the variables of its routers, and writes over what anybody else sets.
        variables = Settings("env", None, "the router's variables")
        return variables, of_object("attributes", found[0], found[0].at("spec", "tuningOptions")), annotations
    why = "which one takes the Route is not known" if found else "it is not among the files"
    place: Span | None = found[0].span if found else None
    return Settings("attributes", None, f"an IngressController{' here' if place else ''}", why), annotations


def _selects(controller: KubeObject) -> bool:
    return any(child(controller.at("spec"), key) is not None for key in ("routeSelector", "namespaceSelector"))


_Read = Callable[[Proxies, KubeObject, "KubeObject | None", Scope], "tuple[Settings, ...]"]
_READ: dict[str, _Read] = {
    known.HAPROXY.name: _haproxy,
    known.HAPROXY_TECH.name: _haproxy,
    known.CONTOUR.name: _contour,
    known.EMISSARY.name: _emissary,
    known.OPENSHIFT.name: _openshift,
}
