"""Proxies that take Ingresses and routes of their own, as senders to the pods."""

from __future__ import annotations

import math

import pytest

from kubelint5xx.core.value import Confidence
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only
from tests.same_verdict import report, same_verdict, verdict

PORT = SERVICE.replace("  type: NodePort\n", "").replace(", nodePort: 30080", "")
TRAEFIK = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: traefik, namespace: edge}
spec:
  template:
    metadata: {labels: {app: traefik}}
    spec:
      containers:
        - name: traefik
          image: traefik:v3.1.2
          args:
            - --entrypoints.web.address=:8000
            - --serverstransport.forwardingtimeouts.idleconntimeout=100s
          ports: [{name: web, containerPort: 8000}]
---
apiVersion: v1
kind: Service
metadata: {name: traefik, namespace: edge}
spec: {type: LoadBalancer, selector: {app: traefik}, ports: [{port: 80, targetPort: web}]}
"""
INGRESS_ROUTE = """
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  entryPoints: [web]
  routes:
    - match: Host(`shop.example`)
      kind: Rule
      services: [{name: web, port: 80}]
"""
HTTP_PROXY = """
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: {name: web, namespace: shop}
spec:
  virtualhost: {fqdn: shop.example}
  routes:
    - timeoutPolicy: {response: 40s, idleConnection: 100s}
      services: [{name: web, port: 80}]
"""
ISTIO = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [shop]
  http:
    - timeout: 20s
      route: [{destination: {host: web.shop.svc.cluster.local, port: {number: 80}}}]
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: web, trafficPolicy: {connectionPool: {http: {idleTimeout: 50s}}}}
"""


def of_class(name: str, annotations: str = "{}") -> str:
    return INGRESS.replace("ingressClassName: alb", f"ingressClassName: {name}").replace(
        "annotations: {}", f"annotations: {annotations}"
    )


def tree(*texts: str) -> dict[str, str]:
    return {"k8s/all.yaml": "---\n".join(text.lstrip("\n") for text in texts)}


@pytest.mark.parametrize(
    ("ingress", "more", "product"),
    [
        (of_class("traefik"), "", "traefik"),
        (of_class("kong"), "", "kong"),
        (of_class("contour"), "", "contour"),
        (of_class("ambassador"), "", "emissary"),
        (of_class("edge"), "haproxy-ingress.github.io/controller", "haproxy_ingress"),
        (of_class("edge"), "traefik.io/ingress-controller", "traefik"),
        (INGRESS.replace("  ingressClassName: alb\n", ""), "ingress-controllers.konghq.com/kong", "kong"),
        (
            INGRESS.replace("  ingressClassName: alb\n", "").replace(
                "annotations: {}", "annotations: {kubernetes.io/ingress.class: contour}"
            ),
            "",
            "contour",
        ),
        (
            INGRESS.replace("  ingressClassName: alb\n", "").replace("{}", "{konghq.com/strip-path: 'true'}"),
            "",
            "kong",
        ),
    ],
)
def test_the_class_tells_which_proxy_sends(ingress: str, more: str, product: str) -> None:
    default = "true" if "ingressClassName" not in ingress else "false"
    of_class = (
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: edge\n  annotations: "
        f"{{ingressclass.kubernetes.io/is-default-class: '{default}'}}\nspec: {{controller: {more}}}\n"
    )
    edge = only(joined(ingress, PORT, WEB, *([of_class] if more else [])))
    assert (edge.sender.product, edge.sender.role) == (product, "proxy")
    through = product == "emissary"
    wanted = ["service" if through else "ip", through, through]
    assert data(edge.subject, "target_type", "pinned", "through_kube_proxy") == wanted


def test_traefik_reads_its_command_line_and_the_services_annotations() -> None:
    layer = joined(of_class("traefik"), PORT, WEB, TRAEFIK)
    edge = next(edge for edge in layer.edges if edge.sender.product == "traefik")
    idle = edge.sender.outbound.read("idle_timeout")
    assert idle.data == 100.0 and idle.confidence == Confidence.HIGH
    assert edge.receiver.product == "gunicorn"
    front = next(edge for edge in layer.edges if edge.receiver.product == "traefik")
    assert front.sender.name == "the load balancer of Service edge/traefik"
    assert (front.receiver.name, front.receiver.place) == (edge.sender.name, edge.sender.place)
    native = PORT.replace(
        "namespace: shop}", "namespace: shop, annotations: {traefik.ingress.kubernetes.io/service.nativelb: 'true'}}"
    )
    assert data(only(joined(of_class("traefik"), native, WEB)).subject, "target_type", "pinned") == ["service", True]


def test_a_proxy_that_outlives_the_server_is_found_behind_an_ingress_and_a_route_of_its_own() -> None:
    ingress, route = tree(of_class("traefik"), PORT, WEB, TRAEFIK), tree(INGRESS_ROUTE, PORT, WEB, TRAEFIK)
    same_verdict(ingress, route)
    assert any("server-closes-first" in line for line in verdict(route))
    kept = tree(INGRESS_ROUTE, PORT, WEB.replace('"75"', '"120"'), TRAEFIK)
    assert not any("server-closes-first" in line for line in verdict(kept))


def test_a_servers_transport_sets_the_times_of_its_routes() -> None:
    route = INGRESS_ROUTE.replace("port: 80}", "port: 80, serversTransport: slow}")
    transport = (
        "apiVersion: traefik.io/v1alpha1\nkind: ServersTransport\nmetadata: {name: slow, namespace: shop}\n"
        "spec: {forwardingTimeouts: {responseHeaderTimeout: 9s}}\n"
    )
    edge = only(joined(route, PORT, WEB, transport))
    assert data(edge.sender.outbound, "response_timeout", "idle_timeout") == [9.0, 90.0]
    assert not only(joined(route, PORT, WEB)).sender.outbound.read("response_timeout").known


def test_contours_timeout_policy_is_the_ingress_annotations() -> None:
    edge = only(joined(HTTP_PROXY, PORT, WEB))
    assert edge.sender.product == "contour"
    assert data(edge.sender.outbound, "response_timeout", "idle_timeout") == [40.0, 100.0]
    assert edge.sender.outbound.read("idle_timeout").confidence == Confidence.HIGH
    annotated = of_class("contour", "{projectcontour.io/response-timeout: infinity}")
    assert only(joined(annotated, PORT, WEB)).sender.outbound.read("response_timeout").data == math.inf
    fallback = HTTP_PROXY.replace("40s", "0s")
    assert only(joined(fallback, PORT, WEB)).sender.outbound.read("response_timeout").data == 15.0
    assert any("server-closes-first" in line for line in verdict(tree(HTTP_PROXY, PORT, WEB)))
    short = HTTP_PROXY.replace("100s", "50s")
    assert not any("server-closes-first" in line for line in verdict(tree(short, PORT, WEB)))


def test_istios_gateway_takes_the_rules_of_the_service_behind() -> None:
    edge = only(joined(ISTIO, RULE, PORT, WEB))
    assert (edge.sender.product, edge.sender.role) == ("istio_proxy", "proxy")
    assert data(edge.sender.outbound, "response_timeout", "idle_timeout") == [20.0, 50.0]
    assert data(edge.subject, "target_type", "pinned", "protocol") == ["ip", False, "http1"]
    alone = only(joined(ISTIO, PORT, WEB)).sender.outbound.read("idle_timeout")
    assert alone.data == 3600.0 and alone.confidence == Confidence.LOW
    inside = ISTIO.replace("gateways: [shop]", "gateways: [mesh]")
    assert not joined(inside, PORT, WEB).edges
    long = RULE.replace("50s", "100s")
    assert any("server-closes-first" in line for line in verdict(tree(ISTIO, long, PORT, WEB)))
    assert not any("server-closes-first" in line for line in verdict(tree(ISTIO, RULE, PORT, WEB)))


def test_openshifts_router_waits_as_long_as_the_route_says() -> None:
    route = (
        "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: web, namespace: shop, annotations: "
        "{haproxy.router.openshift.io/timeout: 2m}}\nspec: {to: {name: web}, port: {targetPort: http}}\n"
    )
    edge = only(joined(route, PORT, WEB))
    assert data(edge.sender.outbound, "response_timeout", "usual_response_timeout") == [120.0, 30.0]
    assert data(edge.subject, "target_type") == ["ip"]


def test_a_route_of_the_gateway_api_is_sent_by_what_its_class_names() -> None:
    gateway = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: CONTROLLER}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: web, port: 80}], timeouts: {request: 7s}}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: web, namespace: shop}
spec: {targetRefs: [{kind: Gateway, name: edge}], timeout: {http: {connectionIdleTimeout: 100s}}}
"""
    for controller, product, idle in (
        ("gateway.envoyproxy.io/gatewayclass-controller", "envoy", 100.0),
        ("istio.io/gateway-controller", "istio_proxy", 3600.0),
        ("example.com/other", "", None),
    ):
        edge = only(joined(gateway.replace("CONTROLLER", controller), PORT, WEB))
        assert edge.sender.product == product
        if product:
            assert data(edge.sender.outbound, "response_timeout", "idle_timeout") == [7.0, idle]
    assert report(tree(gateway, PORT, WEB)).coverage.hops


def test_whether_pods_behind_istio_have_sidecars_is_assumed_unless_their_namespace_shows_it() -> None:
    def sure(*more: str) -> list[bool]:
        return [join.assumed for join in only(joined(ISTIO, RULE, PORT, WEB, *more)).subject.joins]

    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {LABEL: enabled}}\n"
    assert sure() == [True]
    assert sure(space.replace("LABEL", "team")) == []
    assert sure(space.replace("LABEL", "istio.io/rev")) == [True]
    meshed = only(joined(ISTIO, RULE, PORT, WEB, space.replace("LABEL", "istio-injection")))
    assert meshed.receiver.role == "sidecar"


def test_haproxy_ingress_reads_its_config_map_and_the_annotations() -> None:
    controller = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: haproxy, namespace: edge}
spec:
  template:
    metadata: {labels: {app: haproxy}}
    spec:
      containers:
        - name: haproxy
          image: quay.io/jcmoraisjr/haproxy-ingress:v0.14.6
          args: [--configmap=edge/haproxy]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: haproxy, namespace: edge}
data: {timeout-server: 90s, timeout-connect: 7s}
"""
    annotated = of_class("edge", "{haproxy-ingress.github.io/timeout-connect: 3s}")
    made = (
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: edge}\n"
        "spec: {controller: haproxy-ingress.github.io/controller}\n"
    )
    edge = only(joined(annotated, made, controller, PORT, WEB))
    assert data(edge.sender.outbound, "response_timeout", "connect_timeout") == [90.0, 3.0]
    assert edge.sender.outbound.read("response_timeout").confidence == Confidence.HIGH
    assert edge.sender.name == "HAProxy Ingress in container haproxy of Deployment edge/haproxy"
    tech = made.replace("haproxy-ingress.github.io/controller", "haproxy.org/ingress-controller/haproxy")
    other = only(joined(annotated, tech, PORT, WEB))
    assert (other.sender.product, data(other.subject, "target_type")) == ("haproxytech_ingress", ["ip"])


@pytest.mark.parametrize(
    ("image", "flag", "space"),
    [
        ("quay.io/jcmoraisjr/haproxy-ingress:v0.14.6", "--configmap=edge/haproxy", "namespace: edge"),
        ("quay.io/jcmoraisjr/haproxy-ingress:v0.14.6", "--configmap=$(POD_NAMESPACE)/haproxy", "namespace: edge"),
        # A kustomization may put it into its namespace.
        ("quay.io/jcmoraisjr/haproxy-ingress:v0.14.6", "--configmap=edge/haproxy", "labels: {app: haproxy}"),
        ("haproxytech/kubernetes-ingress:3.0", "--configmap=edge/haproxy", "namespace: edge"),
    ],
)
def test_haproxys_config_map_holds_for_what_sends_to_it_too(image: str, flag: str, space: str) -> None:
    controller = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: haproxy, namespace: edge}}
spec:
  selector: {{matchLabels: {{app: haproxy}}}}
  template:
    metadata: {{labels: {{app: haproxy}}}}
    spec:
      containers:
        - {{name: haproxy, image: "{image}", args: [{flag}], ports: [{{name: http, containerPort: 80}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: haproxy, {space}}}
data: {{timeout-client: 90s, timeout-keep-alive: 70s, timeout-http-keep-alive: 70s}}
---
apiVersion: v1
kind: Service
metadata: {{name: haproxy, namespace: edge}}
spec: {{type: LoadBalancer, selector: {{app: haproxy}}, ports: [{{port: 80, targetPort: http}}]}}
"""
    idle = only(joined(controller)).receiver.inbound.read("idle_timeout")
    assert (idle.data, idle.confidence) == (70.0, Confidence.HIGH)
