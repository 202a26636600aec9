"""Which proxies take Ingresses: by the controller that an IngressClass names, by a class's usual name, by annotations.

The controllers' names are those that their makers give: cmd/flags.go or the charts of traefik/traefik,
Kong/kubernetes-ingress-controller, projectcontour/contour, jcmoraisjr/haproxy-ingress,
haproxytech/kubernetes-ingress and emissary-ingress/emissary, and pkg/router of openshift/router.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelint5xx.core.record import record


@record
class Controller:
    """A proxy that takes Ingresses. ``product`` is its hop table, empty where there is none.

    ``controllers`` are beginnings of ``spec.controller``, ``classes`` the usual names of its class,
    ``annotations`` the prefixes of its own annotations, ``images`` the last components of its images' names. ``word``:
    what its command line has, where its image runs other programs, too.
    """

    name: str
    product: str
    title: str
    controllers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    word: str = ""


TRAEFIK = Controller(
    "traefik", "traefik", "Traefik", ("traefik.io/ingress-controller",), ("traefik",),
    ("traefik.ingress.kubernetes.io/",), ("traefik", "mirrored-library-traefik"),
)  # fmt: skip
KONG = Controller(
    "kong", "kong", "Kong", ("ingress-controllers.konghq.com/kong",), ("kong",), ("konghq.com/",),
    ("kong", "kong-gateway"),
)  # fmt: skip
CONTOUR = Controller(
    "contour", "contour", "Contour", ("projectcontour.io/",), ("contour",), ("projectcontour.io/",), ("contour",),
    "serve",
)  # fmt: skip
# The other controller's default class has the same name, so that the name tells neither.
HAPROXY = Controller(
    "haproxy-ingress", "haproxy_ingress", "HAProxy Ingress", ("haproxy-ingress.github.io/",), (),
    ("haproxy-ingress.github.io/",), ("haproxy-ingress",),
)  # fmt: skip
HAPROXY_TECH = Controller(
    "haproxytech", "haproxytech_ingress", "the HAProxy Kubernetes Ingress Controller",
    ("haproxy.org/ingress-controller",), (), ("haproxy.org/", "haproxy.com/"), ("kubernetes-ingress",),
)  # fmt: skip
EMISSARY = Controller(
    "emissary", "emissary", "Emissary-ingress", ("getambassador.io/ingress-controller",),
    ("ambassador", "emissary-ingress"), ("getambassador.io/",), ("emissary", "aes", "ambassador"),
)  # fmt: skip
ISTIO = Controller(
    "istio", "istio_proxy", "Istio's proxy", ("istio.io/ingress-controller",), ("istio",), (), ("proxyv2",)
)
OPENSHIFT = Controller(
    "openshift", "openshift_router", "the OpenShift router", ("openshift.io/ingress-to-route",), ("openshift-default",),
    ("haproxy.router.openshift.io/", "route.openshift.io/"),
)  # fmt: skip
ENVOY = Controller("envoy-gateway", "envoy", "Envoy Gateway's proxy")

KNOWN = {one.name: one for one in (TRAEFIK, KONG, CONTOUR, HAPROXY, HAPROXY_TECH, EMISSARY, ISTIO, OPENSHIFT)}


def of_controller(controller: str) -> str:
    """The name of the controller that an IngressClass means; empty where it is none of these."""
    return next((name for name, one in KNOWN.items() if controller.startswith(one.controllers)), "")


def of_class(name: str) -> str:
    """The same by a class's name alone."""
    return next((known for known, one in KNOWN.items() if name in one.classes), "")


def of_annotations(keys: Iterable[str]) -> str:
    """The same by the annotations of an Ingress without a class: a controller reads none but its own."""
    written = list(keys)
    return next((name for name, one in KNOWN.items() if any(key.startswith(one.annotations) for key in written)), "")
